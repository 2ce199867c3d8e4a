"""The examples on the pages of docs, run as they stand, each page in a process of its own."""

import pathlib
import subprocess
import sys

import pytest
from support import ON_TORCH

FOLDER = pathlib.Path(__file__).parent
PAGES = sorted((FOLDER.parent / "docs").glob("*.md"))
EXAMPLES = [page for page in PAGES if ">>> " in page.read_text()]


@pytest.mark.skipif(ON_TORCH, reason="the pages show what rushlight prints")
@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.stem)
def test_page_shows_what_its_examples_print(page):
    script = FOLDER / "isolated" / "page.py"
    done = subprocess.run(
        [sys.executable, script, page], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_page_is_in_the_index():
    index = (PAGES[0].parent / "README.md").read_text()
    missing = [page.name for page in PAGES if page.name != "README.md" and page.name not in index]
    assert not missing
