"""The example fits any CSV to the closed-form answer; a bad one gets one clear line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ON_TORCH

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "linear_regression.py"
OLD_FAITHFUL = ROOT / "examples" / "data" / "old_faithful.csv"
RUN = [sys.executable] if ON_TORCH else [sys.executable, "-m", "rushlight", "run"]


def run(folder, *arguments, **environment):
    return subprocess.run(
        [*RUN, SCRIPT, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def fit(folder, data, x="x", y="y", *options):
    """The printed table: label -> [b, w, mean squared error], after a run that ended well."""
    result = run(folder, "--data", data, "--x", x, "--y", y, *options)
    assert result.returncode == 0, result.stderr
    rows = re.findall(r"^(gradient descent|least squares)((?: +\S+){3})$", result.stdout, re.M)
    assert len(rows) == 2, result.stdout
    return {label: [float(v) for v in values.split()] for label, values in rows}, result.stdout


def table(folder, text):
    path = folder / "data.csv"
    path.write_text(text, "utf-8")
    return path


def error_line(folder, *arguments):
    result = run(folder, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.rstrip("\n")


def test_old_faithful_agrees_with_least_squares_to_four_digits(tmp_path):
    rows, printed = fit(tmp_path, OLD_FAITHFUL, "eruptions", "waiting")
    assert rows["least squares"] == [33.4744, 10.7296, 34.7183]
    assert rows["gradient descent"] == pytest.approx(rows["least squares"], rel=5e-5)
    assert "272 rows" in printed
    assert "Both agree to 4 digits." in printed


def test_data_far_from_zero_converges_too(tmp_path):
    data = table(tmp_path, "year,x2\n2001,1e-6\n2002,2e-6\n\n2003,2.5e-6\n2010,9e-6\n")
    rows, printed = fit(tmp_path, data, "year", "x2")
    assert rows["gradient descent"] == pytest.approx(rows["least squares"], rel=5e-5)
    assert "Both agree to 4 digits." in printed


def test_constant_y_gives_slope_zero(tmp_path):
    rows, printed = fit(tmp_path, table(tmp_path, "x,y\n1,2\n2,2\n3,2\n"))
    assert rows["gradient descent"] == pytest.approx([2, 0, 0], abs=1e-6)
    assert "Both agree to 4 digits." in printed


def test_quotes_spaces_and_a_byte_order_mark_are_read(tmp_path):
    rows, _ = fit(tmp_path, table(tmp_path, '\ufeff"x", y ,note\n"1", 3,"a,b"\n2,5,\n'))
    assert rows["gradient descent"] == pytest.approx([1, 2, 0], abs=1e-4)


def test_too_few_epochs_are_said_to_be_too_few(tmp_path):
    _, printed = fit(tmp_path, OLD_FAITHFUL, "eruptions", "waiting", "--epochs", "5")
    assert "do not agree to 4 digits yet" in printed


def test_seed_changes_the_start_and_not_the_answer(tmp_path):
    rows, _ = fit(tmp_path, OLD_FAITHFUL, "eruptions", "waiting", "--seed", "7")
    assert rows["gradient descent"] == pytest.approx(rows["least squares"], rel=5e-5)


def test_picture_is_saved_where_matplotlib_is_installed(tmp_path):
    pytest.importorskip("matplotlib")
    fit(tmp_path, OLD_FAITHFUL, "eruptions", "waiting", "--plot", "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_works_without_tqdm_and_matplotlib(tmp_path):
    for name in ("tqdm", "matplotlib"):
        (tmp_path / f"{name}.py").write_text("raise ImportError\n")
    result = run(
        tmp_path,
        *("--data", OLD_FAITHFUL, "--x", "eruptions", "--y", "waiting"),
        PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "Both agree to 4 digits." in result.stdout
    assert not (tmp_path / "linear_regression.png").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y\n1,2\n3,four\n", "data.csv:3: column 'y': 'four' is not a number"),
        ('x,note,y\n1,"two\nlines",2\n3,,\n', "data.csv:4: column 'y': '' is not a number"),
        ("x,y\n1\n", "data.csv:2: column 'y': '' is not a number"),
        ("x,y\n1,nan\n", "data.csv:2: column 'y': 'nan' is not a finite number"),
        ("x,z\n1,2\n", "data.csv: no column 'y'; the file has x, z"),
        ("", "data.csv: no column 'x'; the file has no header row"),
        ("x,y\n", "data.csv: a line needs at least two rows, got 0 rows of data"),
        ("x,y\n1,2\n", "data.csv: a line needs at least two rows, got 1 row of data"),
        ("x,y\n5,2\n5,3\n", "data.csv: column 'x' is constant, so w is not determined"),
        ("x,y\n1e300,2\n-1e300,3\n", "column 'x': the numbers are too large"),
    ],
)
def test_bad_table_is_one_line_and_exit_code_two(tmp_path, text, expected):
    table(tmp_path, text)
    line = error_line(tmp_path, "--data", "data.csv", "--x", "x", "--y", "y")
    assert line == f"error: {expected}"


def test_missing_file_is_one_line_and_exit_code_two(tmp_path):
    line = error_line(tmp_path, "--data", "none.csv", "--x", "x", "--y", "y")
    assert line == "error: none.csv: No such file or directory"


def test_file_that_is_no_text_is_one_line_and_exit_code_two(tmp_path):
    (tmp_path / "data.csv").write_bytes(b"x,y\n\xff\xfe,1\n")
    line = error_line(tmp_path, "--data", "data.csv", "--x", "x", "--y", "y")
    assert line == "error: data.csv: not a text file in UTF-8"


def test_diverging_training_is_an_error(tmp_path):
    result = run(
        tmp_path, *("--data", OLD_FAITHFUL, "--x", "eruptions", "--y", "waiting", "--lr", "3")
    )
    assert result.returncode == 2
    assert result.stderr.endswith("error: the training diverged: use a smaller --lr than 3\n")


@pytest.mark.parametrize("option", [("--epochs", "0"), ("--lr", "-1"), ("--lr", "nan")])
def test_senseless_option_is_an_error(tmp_path, option):
    result = run(tmp_path, "--data", OLD_FAITHFUL, "--x", "eruptions", "--y", "waiting", *option)
    assert result.returncode == 2
    assert option[0] in result.stderr.splitlines()[-1]
