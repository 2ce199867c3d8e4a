"""The examples on the pages of docs, run as they stand."""

import doctest
import pathlib

import pytest
import spec_cases
from support import ON_TORCH, torch

PAGES = sorted((pathlib.Path(__file__).parent.parent / "docs").glob("*.md"))
EXAMPLES = [page for page in PAGES if ">>> " in page.read_text()]


@pytest.mark.skipif(ON_TORCH, reason="the pages show what rushlight prints")
@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.stem)
def test_page_shows_what_its_examples_print(page):
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    lines = []
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=options)
    test = parser.get_doctest(page.read_text(), {"torch": torch}, page.name, str(page), 0)
    with spec_cases.as_torch(torch):
        runner.run(test, out=lines.append, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0, "".join(lines)


def test_every_page_is_in_the_index():
    index = (PAGES[0].parent / "README.md").read_text()
    missing = [page.name for page in PAGES if page.name != "README.md" and page.name not in index]
    assert not missing
