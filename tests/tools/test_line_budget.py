"""The line budget counts source files only and fails above its limits."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "line_budget.py"


@pytest.fixture
def line_budget():
    spec = importlib.util.spec_from_file_location("line_budget", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_counts_the_lines_of_source_files_by_folder(line_budget, tmp_path):
    for name, lines in {
        "csrc/core/shape.h": 3,
        "csrc/core/shape.cpp": 4,
        "rushlight/cli.py": 5,
        "rushlight/data.json": 6,
        "tests/test_cli.py": 7,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n" * lines)
    lines = line_budget.lines_now(tmp_path)
    assert line_budget.by_folder(lines) == {"csrc/core": 7, "rushlight": 5}


@pytest.mark.parametrize("limit", ["BUDGET", "FILE_LIMIT"])
def test_fails_above_either_limit(line_budget, monkeypatch, capsys, limit):
    monkeypatch.setattr(line_budget, limit, 1)
    assert line_budget.main([]) == 1
    assert {"BUDGET": "above the budget", "FILE_LIMIT": "split it"}[
        limit
    ] in capsys.readouterr().out
