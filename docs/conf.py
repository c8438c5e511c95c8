"""The docs as a site: `make docs` builds it into html/docs, with the dashboard below it."""

import json
import os
from urllib.parse import urlsplit

from sphinx.application import Sphinx

import perceptron

project = "perceptron"
author = "The perceptron authors"
version = release = perceptron.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
napoleon_google_docstring = False
suppress_warnings = ["misc.highlighting_failure"]  # cells that call the shell
html_theme = "furo"
html_title = "perceptron"
html_show_copyright = False
html_show_sourcelink = False
source_suffix = {".md": "markdown", ".ipynb": "markdown"}
exclude_patterns = ["build"]
nitpicky = False
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline"]
# "site:" is for what lies beside the pages of the docs and is no file of this folder.
myst_url_schemes = {"http": None, "https": None, "site": "{{path}}"}
copybutton_prompt_text = "$ "
autodoc_typehints = "none"
autodoc_member_order = "bysource"

# Where GitHub publishes the repository that builds it, as a page of its project.
PLACEHOLDER = "OWNER/perceptron"
hosted = os.environ.get("GITHUB_REPOSITORY", PLACEHOLDER)
owner, _, repository = hosted.partition("/")
html_baseurl = f"https://{owner}.github.io/{repository}/"
# Served for every address that is missing, however deep: its links start from the front.
html_additional_pages = {"404": "404.html"}
html_context = {"front": urlsplit(html_baseurl).path}
templates_path = ["templates"]


def as_markdown(app: Sphinx, name: str, source: list[str]) -> None:
    """Turn a notebook, kept without outputs, into Markdown, and name the repository in a page."""
    if app.env.doc2path(name).suffix == ".ipynb":
        cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(source[0])["cells"]]
        parts = [f"```python\n{text}\n```" if kind == "code" else text for kind, text in cells]
        source[0] = "\n\n".join(
            [*parts, f"{{download}}`The notebook <{name.split('/')[-1]}.ipynb>`"]
        )
    source[0] = source[0].replace(PLACEHOLDER, hosted)


def write_sitemap(app: Sphinx, error: Exception | None) -> None:
    """List every page of the docs, and those of a dashboard that was written below them."""
    pages = [app.builder.get_target_uri(name) for name in app.env.found_docs]
    pages += [f"dashboard/{file.name}" for file in (app.outdir / "dashboard").glob("*.html")]
    urls = "\n".join(f"<url><loc>{html_baseurl}{page}</loc></url>" for page in sorted(pages))
    (app.outdir / "sitemap.xml").write_text(
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n'
    )


def setup(app: Sphinx) -> None:
    """Have Sphinx read notebooks, and write the sitemap last."""
    app.connect("source-read", as_markdown)
    app.connect("build-finished", write_sitemap)
