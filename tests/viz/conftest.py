"""What the tests of pictures share."""

import os
import shutil
import stat
from pathlib import Path

import pytest


@pytest.fixture
def no_graphviz(monkeypatch):
    """Neither graphviz-pure nor dot is found."""
    monkeypatch.setenv("RUSHLIGHT_DOT", "none")


@pytest.fixture
def fake_dot(tmp_path, monkeypatch):
    """A function that makes a shell script stand for Graphviz; it returns the log of its calls."""

    def install(body):
        log = tmp_path / "calls"
        log.write_text("")
        script = tmp_path / "fake-dot"
        script.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{body}\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("RUSHLIGHT_DOT", str(script))
        return log

    return install


@pytest.fixture
def bare_folder(tmp_path):
    """A folder that holds rushlight alone, for an interpreter that is started without site."""
    import rushlight
    from rushlight import _C

    folder = tmp_path / "bare"
    package = folder / "rushlight"
    source = Path(rushlight.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    (package / os.path.basename(_C.__file__)).symlink_to(_C.__file__)
    return folder
