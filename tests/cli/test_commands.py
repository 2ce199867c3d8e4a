"""The command line around ``run`` and ``check``: info, version, help, usage errors."""

import os
import platform
import subprocess
import sys

import pytest

import rushlight


def test_version_is_the_packages(programs):
    result = programs.rushlight("--version")
    assert (result.returncode, result.stdout) == (0, f"rushlight {rushlight.__version__}\n")


def test_help_names_every_command(programs):
    result = programs.rushlight("--help")
    assert result.returncode == 0
    assert all(f"python -m rushlight {c}" in result.stdout for c in ("run", "check", "info"))


@pytest.mark.parametrize("command", ["run", "trace", "check", "info"])
def test_each_command_gives_the_help(programs, command):
    result = programs.rushlight(command, "--help")
    assert (result.returncode, result.stdout) == (0, programs.rushlight("--help").stdout)


def test_info_tells_what_is_in_use(programs):
    result = programs.rushlight("info")
    assert result.returncode == 0, result.stderr
    first, *rows = result.stdout.splitlines()
    assert first == f"rushlight {rushlight.__version__}"
    labels = [row[2:14].strip() for row in rows]
    assert labels == ["kernel set", "BLAS", "threads", "devices", "compiler", "Python"]
    assert all(row[14:].strip() for row in rows)
    assert rows[-1][14:].startswith(platform.python_version())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no command"),
        (["walk"], "unknown command 'walk'"),
        (["--walk"], "unknown command '--walk'"),
        (["run"], "nothing to run"),
        (["run", "-I", "script.py"], "unknown option -I"),
        (["check"], "takes one script"),
        (["check", "a.py", "b.py"], "takes one script"),
        (["info", "more"], "takes no arguments, got 'more'"),
    ],
)
def test_usage_error_exits_2_with_one_line(programs, arguments, says):
    result = programs.rushlight(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1 and says in result.stderr


def test_reader_that_stops_early_is_no_error(programs):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from rushlight.cli import main; raise SystemExit(main())"]
    result = subprocess.run([*command, "info"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (result.returncode, result.stderr) == (1, "")


def test_plain_import_loads_none_of_the_command_line(programs):
    code = """
import sys
import rushlight
extra = {"cli", "_run", "_check", "_scopes", "_alias", "_missing", "_settings", "cuda", "backends"}
print([name for name in extra if f"rushlight.{name}" in sys.modules])
"""
    assert programs.python("-c", code).stdout == "[]\n"
