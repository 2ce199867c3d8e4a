"""Pictures as PNG: by graphviz-pure where it is, and a clear word where not."""

import struct
import zlib

import pytest
from support import rushlight_only, torch

from rushlight.viz import _png
from rushlight.viz._canvas import Canvas
from rushlight.viz._png import png

pytestmark = rushlight_only


def pixels(data):
    """(width, height, rows of (red, green, blue)) of an 8-bit PNG."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            w, h, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and not interlaced
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    step = 3 if colour == 2 else 4
    raw, rows, above = zlib.decompress(packed), [], bytes(w * step)
    for y in range(h):
        start = y * (w * step + 1)
        line, kind = bytearray(raw[start + 1 : start + 1 + w * step]), raw[start]
        for i in range(len(line)):
            a = line[i - step] if i >= step else 0
            b, c = above[i], above[i - step] if i >= step else 0
            near = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, near)[kind]) & 255
        rows.append([tuple(line[i : i + 3]) for i in range(0, len(line), step)])
        above = bytes(line)
    return w, h, rows


def drawing():
    """A red square, a blue rounded one, a green thick line, black text, on white."""
    canvas = Canvas()
    canvas.rectangle(10, 10, 20, 20, "#ff0000", "#ff0000")
    canvas.rectangle(50, 10, 20, 20, "#0000ff", "#0000ff", radius=8)
    canvas.edge([20, 30, 20, 36, 20, 42, 20, 48, 20, 60, 60, 60, 60, 90], 0, 0, 6, "#00ff00")
    canvas.text(95, 25, "MMMM", 12, "#000000", bold=True)
    return canvas.finish(120, 100)


def test_each_part_of_a_picture_is_where_the_svg_has_it():
    w, h, rows = pixels(png(drawing(), scale=2))
    assert abs(w - 240) <= 2 and abs(h - 200) <= 2

    def at(x, y):
        return rows[round(2 * y)][round(2 * x)]

    assert at(20, 20) == (255, 0, 0)
    assert at(60, 20) == (0, 0, 255)
    assert at(50.5, 10.5) != (0, 0, 255)  # the round corner
    assert at(20, 40) == (0, 255, 0)
    assert at(60, 87) == (0, 255, 0)  # the arrow's head
    assert at(5, 5) == at(115, 95) == at(40, 20) == (255, 255, 255)
    dark = [(x, y) for y in range(14, 28) for x in range(72, 119) if sum(at(x, y)) < 200]
    xs, ys = [x for x, _ in dark], [y for _, y in dark]
    # Four letters of 10 units around x = 95, 8.6 high, on a base at y = 25.
    assert 74 <= min(xs) <= 78 and 112 <= max(xs) <= 116
    assert 15 <= min(ys) <= 18 and 23 <= max(ys) <= 25


def test_a_graph_is_drawn_with_the_options_of_its_svg():
    w = torch.ones(3, requires_grad=True)
    graph = torch.graph((w * 2).sum())
    *_, light = pixels(graph.to_png())
    *_, dark = pixels(graph.to_png(theme="dark"))
    assert light[3][3] == (255, 255, 255)
    assert dark[3][3] == (0x16, 0x18, 0x1C)


def test_a_huge_picture_is_drawn_smaller(monkeypatch):
    monkeypatch.setattr(_png, "_PIXELS", 3000)
    w, h, _ = pixels(png(drawing()))
    assert 2000 <= w * h <= 3300


def test_quotes_and_backslashes_reach_the_picture_as_text():
    canvas = Canvas()
    canvas.text(50, 20, 'say "\\n" {x}', 12)
    assert len(pixels(png(canvas.finish(100, 40)))) == 3


def test_without_graphviz_the_way_out_is_told(monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_DOT", "none")
    with pytest.raises(ImportError, match=r"pip install rushlight\[viz\]"):
        png(drawing())


def test_a_program_that_fails_or_hangs_is_told(monkeypatch, tmp_path):
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho out of luck >&2; exit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("RUSHLIGHT_DOT", str(program))
    with pytest.raises(RuntimeError, match="drew no PNG: out of luck"):
        png(drawing())
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    monkeypatch.setattr(_png, "_SECONDS", 0.2)
    with pytest.raises(RuntimeError, match="took more than 0.2 s"):
        png(drawing())


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_a_wrong_scale_is_told(scale):
    with pytest.raises(ValueError, match="scale must be positive"):
        png(drawing(), scale=scale)
