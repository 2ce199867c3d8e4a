"""Write the README's pictures again: docs/images.

    python tools/make_pictures.py

Runs examples/see_the_graph.py, keeps its SVG files, which the tests compare byte by byte, and
photographs its page with a headless Chromium (in PATH, or CHROMIUM=...).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
DRAWN = ("yhat.svg", "loss.svg")
STEPS = 4  # of the backward pass, taken before the photograph


def run_example(folder):
    # Without Graphviz, whose pictures differ from version to version.
    subprocess.run(
        [sys.executable, ROOT / "examples" / "see_the_graph.py", folder],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "RUSHLIGHT_DOT": "none"},
    )


def photograph(page_file, image):
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit(
            "a photograph of the page needs Chromium: apt-get install chromium, or CHROMIUM=..."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 860}, color_scheme="light")
        page.goto(page_file.as_uri())
        page.wait_for_selector("body[data-ready]")
        for _ in range(STEPS):
            page.keyboard.press("]")
        page.wait_for_timeout(500)
        page.screenshot(path=image)
        browser.close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        run_example(made)
        IMAGES.mkdir(parents=True, exist_ok=True)
        for name in DRAWN:
            shutil.copy(made / name, IMAGES / name)
        photograph(made / "loss.html", IMAGES / "page.png")


if __name__ == "__main__":
    main()
