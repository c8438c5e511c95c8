"""Pictures of the dashboard for docs/: ``python -m tests.browser.shots``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.of_record import export
from perceptron.questions.answering import collect
from perceptron.report.asv_pages import absent
from perceptron.report.dashboard.write import write_site
from tests.browser.conftest import ARGUMENTS, chromium
from tests.conftest import ROOT

# Of the pages that are shown: as much as says what they are, on a screen of common width.
PAGES = {
    "overview": ("index.html", 1180),
    "map": ("map.html", 1100),
    "overhead": ("overhead.html", 1080),
}
WIDTH = 1400


def main() -> None:
    """Draw the committed results and photograph them, in light colours."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = Path(folder) / "html"
        write_site(html, collect(export(ROOT, Path(folder))), absent(html))
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        for name, (file, height) in PAGES.items():
            page = browser.new_page(
                viewport={"width": WIDTH, "height": height}, color_scheme="light"
            )
            page.goto((html / file).as_uri())
            page.wait_for_load_state("networkidle")
            picture = ROOT / "docs" / f"{name}.png"
            page.screenshot(path=picture)
            print(f"wrote {picture.relative_to(ROOT)}")
        browser.close()


if __name__ == "__main__":
    main()
