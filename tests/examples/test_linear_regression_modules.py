"""The example with modules prints what it prints on PyTorch; a bad table gets one clear line."""

import subprocess
import sys
from pathlib import Path

import pytest
from support import ON_TORCH

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "linear_regression_modules.py"
OLD_FAITHFUL = ROOT / "examples" / "data" / "old_faithful.csv"
RUN = [sys.executable] if ON_TORCH else [sys.executable, "-m", "rushlight", "run"]


def run(*arguments):
    return subprocess.run(
        [*RUN, SCRIPT, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_old_faithful_prints_the_numbers_of_pytorch():
    """Recorded from PyTorch 2.13."""
    result = run("--data", OLD_FAITHFUL, "--x", "eruptions", "--y", "waiting")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "LinearRegression(",
        "  (linear): Linear(in_features=1, out_features=1, bias=True)",
        ")",
        "218 rows to train on, 54 to validate",
    ]
    assert lines[6:9] == [
        "    1         2.9990           1.5736",
        "    2         1.0471           0.5081",
        "    5         0.2207           0.1404",
    ]
    assert [line.split() for line in lines[-2:]] == [
        ["modules", "33.2821", "10.7118"],
        ["least", "squares", "33.2521", "10.7123"],
    ]


def test_seed_and_batch_size_change_the_way():
    options = ("--data", OLD_FAITHFUL, "--x", "eruptions", "--y", "waiting", "--epochs", "2")
    outputs = {run(*options, *more).stdout for more in ((), ("--seed", "7"), ("--batch-size", "8"))}
    assert len(outputs) == 3 and all("least squares" in text for text in outputs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y\n1,2\n3,4\n", "five rows are needed, got 2"),
        ("x,z\n1,2\n", "no column 'y'; the file has x, z"),
        ("x,y\n" + "5,2\n" * 6, "column 'x' is constant, so w is not determined"),
    ],
)
def test_bad_table_is_one_line_and_exit_code_two(tmp_path, text, expected):
    path = tmp_path / "data.csv"
    path.write_text(text, "utf-8")
    result = run("--data", path, "--x", "x", "--y", "y")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1 and expected in result.stderr
