"""The Makefile names files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_and_tool_that_the_makefile_names_exists():
    names = r"\b(?:tests|tools|benchmarks|examples)/[\w/]+\.\w+"
    named = re.findall(names, (ROOT / "Makefile").read_text())
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).is_file()] == []
