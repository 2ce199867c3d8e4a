"""What the tests of pictures share."""

import importlib.util
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

# As small as a layout can be, for a checkout in which the built-in one has not been made.
STAND_IN = """
from typing import NamedTuple
from xml.sax.saxutils import escape

class Box(NamedTuple):
    id: str
    lines: list
    fill: str
    chips: list = ()

class DrawnEdge(NamedTuple):
    source: str
    target: str
    width: float = 1.0
    dashed: bool = False
    arrow: bool = True

def draw(boxes, edges, *, title=""):
    places = {box.id: 40 * i for i, box in enumerate(boxes)}
    parts = [
        f'<path d="M50 {places[e.source]}L50 {places[e.target]}" stroke="black"/>' for e in edges
    ]
    for box in boxes:
        y = places[box.id]
        parts.append(f'<rect x="0" y="{y}" width="90" height="30" fill="{box.fill}"/>')
        for text in (*box.lines, *box.chips):
            parts.append(f'<text x="5" y="{y}" font-family="Courier">{escape(text)}</text>')
    size = f'width="100" height="{40 * len(boxes)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>' + "".join(parts) + "</svg>"
"""


PAINTER_STAND_IN = """
def png(picture):
    return b"\\x89PNG of " + picture.encode()
"""
LAYOUT_IS_THERE = importlib.util.find_spec("rushlight.viz._draw") is not None


@pytest.fixture(autouse=True)
def built_in_layout(monkeypatch):
    if not LAYOUT_IS_THERE:
        for name, source in (("_draw", STAND_IN), ("_png", PAINTER_STAND_IN)):
            module = type(sys)(f"rushlight.viz.{name}")
            exec(source, module.__dict__)
            monkeypatch.setitem(sys.modules, module.__name__, module)


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
    if not LAYOUT_IS_THERE:
        (package / "viz" / "_draw.py").write_text(STAND_IN)
    return folder
