"""Plenty of results as a dashboard: 20 machines, 500 commits, 10,000 files of asv's.

``python -m benchmarks.dashboard``; part of ``make targets``. Each line is a time beside its target.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MACHINES = 20
COMMITS = 500
MOST_SECONDS = 60.0
MOST_OPENING_SECONDS = 1.0
OPENED = 5
# Of each page that is opened, what stands there when it can be read.
CONTENT = {
    "index": "footer",
    "sweeps": ".main-svg",
    "history": ".main-svg",
    "machines": "#tables tbody td",
    "raw": "#tables tbody td",
}


def lines() -> Iterator[str]:
    """Time building our pages, asv's own beside them, and opening ours."""
    # asv imports every module here, without what only tests have.
    from tests.plenty import plenty

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        results, html = project / "results", project / "html"
        hashes = repository(project)
        plenty(results / "asv", machines=MACHINES, commits=COMMITS, hashes=hashes)
        what = f"{MACHINES * COMMITS:,} results of {MACHINES} machines"
        yield report_line(f"{what}: our pages", [built(results, html)], MOST_SECONDS)
        yield published(project, results, html)
        yield from opened(html)


def repository(project: Path) -> list[str]:
    """Make a checkout with so many empty commits, an hour apart; return their hashes."""
    commits = "".join(
        f"commit refs/heads/main\ncommitter maker <maker@example.org> {1_600_000_000 + 3600 * k} "
        f"+0000\ndata 2\n{k % 10}\n\n"
        for k in range(COMMITS)
    )
    git = ["git", "-C", str(project)]
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "main"], check=True)
    subprocess.run([*git, "fast-import", "--quiet"], input=commits.encode(), check=True)
    log = subprocess.check_output([*git, "log", "--reverse", "--format=%H", "main"], text=True)
    return log.split()


def built(results: Path, html: Path) -> float:
    """Seconds of `perceptron dashboard` without asv's pages."""
    command = [sys.executable, "-m", "perceptron", "dashboard", "--json"]
    folders = ["--results", str(results), "--html", str(html), "--config", str(results / "none")]
    begin = time.monotonic()
    subprocess.run([*command, *folders], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begin


def published(project: Path, results: Path, html: Path) -> str:
    """How long asv takes for its own: known, and without a target of ours."""
    from perceptron.report.asv.pages import publish

    config = project / "asv.conf.json"
    config.write_text('{"version": 1, "project": "plenty", "repo": ".", "branches": ["main"]}')
    begin = time.monotonic()
    reason = publish(config, results, html)
    seconds = time.monotonic() - begin
    return f"asv's own pages of the same: {reason or f'{seconds:.0f} s (no target: asv publish)'}"


def opened(html: Path) -> Iterator[str]:
    """From asking for a page to its first content, in a fresh window each time."""
    from tests.browser.conftest import ARGUMENTS, chromium

    if chromium() is None:
        yield "opening pages: not measured: no chromium"
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        for name, content in CONTENT.items():
            seconds = []
            for _ in range(OPENED):
                page = browser.new_context().new_page()
                page.goto((html / f"{name}.html").as_uri(), wait_until="commit")
                page.locator(content).first.wait_for()
                seconds.append(float(page.evaluate("performance.now() / 1000")))
                page.context.close()
            yield report_line(f"opening {name} in chromium", seconds, MOST_OPENING_SECONDS)
        browser.close()


def report_line(what: str, seconds: list[float], most: float) -> str:
    """One line: the median with its range, and the target."""
    middle = statistics.median(seconds)
    verdict = "reached" if middle <= most else "MISSED"
    spread = f" [{min(seconds):.3g}, {max(seconds):.3g}]" if len(seconds) > 1 else ""
    return f"{what}: {middle:.3g}{spread} s (at most {most:g}): {verdict}"


if __name__ == "__main__":
    for line in lines():
        print(line)
