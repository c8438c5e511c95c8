"""`perceptron dashboard`: the HTML pages of everything in results/."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from perceptron import optional
from perceptron.commands.shared.pages import folder
from perceptron.errors import UserError
from perceptron.options import OUTPUT, Html, Json, Option


def dashboard(
    serve: Annotated[bool, Option("Serve the pages on this machine's own address.")] = False,
    port: Annotated[
        int,
        Option("With --serve: use port N, 0 for any free one.", metavar="N", low=0, high=65535),
    ] = 8000,
    config: Annotated[
        Path, Option("asv's configuration, for its pages in asv/.", metavar="FILE")
    ] = Path("asv.conf.json"),
    results: Annotated[
        Path, Option("Read measurements from DIR.", metavar="DIR", panel=OUTPUT)
    ] = Path("results"),
    html: Html = None,
    json: Json = False,
) -> int:
    """Write the pages, and serve them if requested; return 0."""
    optional.require("pages")
    from perceptron.questions.answering import collect
    from perceptron.report import asv_pages, documents
    from perceptron.report.dashboard import page, server
    from perceptron.report.dashboard.write import write_site
    from perceptron.report.tables import terminal

    site = folder(html)
    if site is None:
        raise UserError("--html is empty: name a folder, or leave it out")
    if not results.is_dir():
        raise UserError(f"{results}: no such results; `perceptron bench` makes some")
    page.reserve(site)
    collected = cache(lambda: collect(results))
    asv = asv_pages.publish(config, results, site, meanwhile=collected)
    collection = collected()
    written = write_site(site, collection, asv)
    for complaint in collection.errors:
        terminal.line(f"left out: {complaint}", terminal.err)
    if json:
        documents.write({"dashboard": written, "asv": asv, "complaints": collection.errors})
    else:
        terminal.show_paths(None, written)
        if asv is not None:
            terminal.line(f"asv's pages were not written: {asv}")
    if serve:
        server.serve(site, port, terminal.err.print)
    return 0
