"""What make_dot returns: an object like graphviz's own, and the pictures that it makes."""

import os
import pickle
import re
import select
import subprocess
import sys
import time
import zlib
from xml.etree import ElementTree

import graphviz
import pytest
from support import leaf, recorded_warnings, torch

from rushlight.viz import _render
from rushlight.viz.digraph import Drawing


@pytest.fixture
def dot():
    w = leaf([1.0, 2.0])
    return torch.make_dot((w.exp() * w).sum(), {"w": w})


@pytest.fixture
def plain(dot):
    """The same graph as it is without the package graphviz."""
    return Drawing(dot.graph_attr, dot.node_attr, dot.edge_attr, dot.body)


def texts_of(svg):
    elements = ElementTree.fromstring(svg).iter()
    return [(e.text or "").strip() for e in elements if e.tag.endswith("}text")]


def long_chain(n):
    x = leaf([1.0])
    for _ in range(n):
        x = x * 1.0
    return torch.make_dot(x)


# The object.


def test_it_is_a_digraph_of_graphviz(dot):
    assert isinstance(dot, graphviz.Digraph)
    assert (dot.format, dot.engine, dot.filename) == ("pdf", "dot", "Digraph.gv")


def test_without_graphviz_it_is_a_drawing_with_the_same_text(dot, monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    w = leaf([1.0, 2.0])
    alone = torch.make_dot((w.exp() * w).sum(), {"w": w})
    assert type(alone) is Drawing
    assert alone.source == dot.source
    assert (alone.format, alone.engine, alone.filename) == ("pdf", "dot", "Digraph.gv")


def test_a_drawing_is_changed_as_a_digraph_is(dot, plain):
    for graph in (dot, plain):
        graph.graph_attr["rankdir"] = "LR"
        graph.edge_attr.update(color="red")
        graph.attr(label="a title")
        graph.attr("node", shape="ellipse", fontname="Helvetica Neue")
        graph.node("extra", 'say "hi" \\n', fillcolor="#ff0000")
        graph.node("node")
        graph.edge("extra", "1", style="dashed", label="")
        graph.edge("1", "-2.5")
    assert plain.source == dot.source
    with pytest.raises(ValueError, match="must target graph, node, or edge: 'leaf'"):
        plain.attr("leaf", color="red")


def test_its_str_is_a_graph_that_says_how_to_see_it(dot, plain):
    for graph in (dot, plain):
        assert str(graph).startswith(graph.source)
        assert str(graph).splitlines()[-1].startswith("// to see it: ")
    drawn = _render.picture(str(dot), "svg")
    assert drawn == dot.pipe("svg")


def test_its_repr_counts_and_says_how_to_see_it(dot, plain):
    for graph in (dot, plain):
        assert repr(graph).startswith("<graph of 6 boxes and 6 edges; .render(")


def test_it_can_be_copied_and_pickled(dot, plain):
    for graph in (dot, plain):
        graph.engine, graph.encoding, graph.format = "neato", "latin-1", "svg"
        for other in (graph.copy(), pickle.loads(pickle.dumps(graph))):
            assert type(other) is type(graph) and other.source == graph.source
            assert (other.engine, other.encoding, other.format) == ("neato", "latin-1", "svg")
            other.node("more")
            assert other.source != graph.source


# Files.


@pytest.mark.parametrize("format", ["svg", "pdf", "png"])
def test_render_writes_the_source_and_the_picture(dot, plain, tmp_path, format):
    begin = {"svg": b"<?xml", "pdf": b"%PDF-1.4", "png": b"\x89PNG"}[format]
    for kind, graph in (("a", dot), ("b", plain)):
        path = graph.render(f"graph-{kind}", tmp_path / "new", format=format)
        assert path == str(tmp_path / "new" / f"graph-{kind}.{format}")
        with open(path, "rb") as file:
            assert file.read().startswith(begin)
        assert (tmp_path / "new" / f"graph-{kind}").read_text() == graph.source
    assert len(os.listdir(tmp_path / "new")) == 4


def test_render_writes_a_pdf_beside_the_source_by_default(dot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dot.render() == "Digraph.gv.pdf"
    dot.format = "svg"
    assert dot.render("named", cleanup=True) == "named.svg"
    assert sorted(os.listdir()) == ["Digraph.gv", "Digraph.gv.pdf", "named.svg"]


def test_render_takes_the_format_from_outfile(dot, plain, tmp_path):
    for graph in (dot, plain):
        path = graph.render(outfile=tmp_path / "picture.svg")
        assert path == str(tmp_path / "picture.svg")
        assert sorted(os.listdir(tmp_path)) == ["picture.gv", "picture.svg"]
        with pytest.raises(FileExistsError, match="output file exists"):
            graph.render(outfile=tmp_path / "picture.svg", raise_if_result_exists=True)
        with pytest.raises(ValueError, match="must be different from the source's file"):
            graph.render(tmp_path / "same.svg", outfile=tmp_path / "same.svg")


def test_a_picture_that_cannot_be_written_leaves_nothing(dot, plain, tmp_path):
    (tmp_path / "graph.svg").mkdir()
    (tmp_path / "file").write_text("")
    for graph in (dot, plain):
        with pytest.raises(IsADirectoryError, match="cannot be written"):
            graph.render("graph", tmp_path, format="svg")
        with pytest.raises(OSError):
            graph.render("graph", tmp_path / "file", format="svg")
        with pytest.raises(ValueError, match='Format: "bmp9" not recognized. Use one of'):
            _render.picture(graph.source, "bmp9")
    assert sorted(os.listdir(tmp_path)) == ["file", "graph.svg"]


def test_a_path_that_cannot_be_written_is_named(dot, plain, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "makedirs", lambda *_, **__: None)
    for graph in (dot, plain):
        with pytest.raises(FileNotFoundError) as caught:
            graph.render("graph", tmp_path / "missing", format="svg")
        assert caught.value.filename == str(tmp_path / "missing" / "graph.svg")


def test_a_picture_may_have_the_longest_name_that_a_file_can(dot, tmp_path):
    path = tmp_path / ("x" * 251)
    assert dot.render(path, format="svg") == f"{path}.svg"
    with pytest.raises(OSError, match="File name too long"):
        dot.render(tmp_path / ("x" * 252), format="svg")
    assert len(os.listdir(tmp_path)) == 2  # nothing of the second


def test_view_opens_the_picture_or_says_that_nothing_can(dot, tmp_path, monkeypatch):
    opened = tmp_path / "opened"
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    opener.chmod(0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{path}")
    picture = dot.render("graph", tmp_path, view=True, format="svg")
    deadline = time.monotonic() + 20
    while not (opened.exists() and opened.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert opened.read_text().strip() == picture
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="no program to show"):
        dot.render("graph", tmp_path, view=True, format="svg")


# What draws.


def test_graphviz_is_found_in_order(fake_dot, tmp_path, monkeypatch):
    path = tmp_path / "on-path"
    path.mkdir()
    (path / "dot").write_text("#!/bin/sh\n")
    (path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.delenv("RUSHLIGHT_DOT", raising=False)
    found = _render.find_dot()
    assert found.pure and os.path.basename(found.path).startswith("graphviz-pure")
    monkeypatch.setattr(_render, "_graphviz_pure", lambda: None)
    assert _render.find_dot() == (str(path / "dot"), False)
    fake_dot("")
    assert _render.find_dot() == (str(tmp_path / "fake-dot"), False)
    monkeypatch.setenv("RUSHLIGHT_DOT", "none")
    assert _render.find_dot() is None
    monkeypatch.setenv("RUSHLIGHT_DOT", "/no/such/dot")
    with recorded_warnings() as caught:
        assert _render.find_dot() == (str(path / "dot"), False)
    assert "RUSHLIGHT_DOT=/no/such/dot is no program" in str(caught[0].message)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("RUSHLIGHT_DOT")
    assert _render.find_dot() is None


def test_the_font_is_one_that_graphviz_pure_can_measure(dot):
    svg = dot.pipe("svg", encoding="utf-8")
    assert "fontname=monospace" in dot.source
    assert "Courier" in svg and 'font-family="monospace"' not in svg


def test_another_graphviz_gets_the_source_as_it_stands(dot, fake_dot):
    fake_dot("cat")
    assert dot.pipe("svg", encoding="utf-8") == dot.source


def test_options_of_graphviz_are_handed_on(dot, fake_dot):
    log = fake_dot("cat")
    dot.pipe("png", renderer="cairo", formatter="gd", neato_no_op=2, engine="neato")
    assert log.read_text() == "-Kneato -n2 -Tpng:cairo:gd\n"


def test_after_some_seconds_the_built_in_layout_takes_over(dot, fake_dot, monkeypatch):
    fake_dot("exec sleep 600")
    monkeypatch.setattr(_render, "PATIENCE", 0.2)
    with recorded_warnings() as caught:
        svg = dot.pipe("svg")
    assert "Graphviz took longer than 0.2 s, so the built-in layout drew" in str(caught[0].message)
    assert "MulBackward0" in texts_of(svg)
    assert _render.picture(dot.source, "svg", quiet=True) == svg
    with pytest.raises(ValueError, match="'jpg' needs Graphviz, but Graphviz took longer"):
        dot.pipe("jpg")


def test_a_graphviz_that_takes_too_long_ends_with_what_it_started(
    dot, fake_dot, monkeypatch, tmp_path
):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    fake_dot(f"exec 9>{fifo}; echo open >&9; sleep 600 & wait")
    monkeypatch.setattr(_render, "PATIENCE", 0.5)
    with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as file:
        with recorded_warnings():
            dot.pipe("svg")
        assert file.read(9) == b"open\n"
        assert select.select([file], [], [], 10)[0], "somebody still holds the other end"
        assert file.read(9) == b""


def test_a_png_is_painted_where_graphviz_takes_too_long_to_lay_out(dot, fake_dot, monkeypatch):
    log = fake_dot('case "$*" in *neato*) printf "\\211PNG" ;; *) exec sleep 600 ;; esac')
    monkeypatch.setattr(_render, "PATIENCE", 0.5)
    with recorded_warnings() as caught:
        assert dot.pipe("png") == b"\x89PNG"
    assert "the built-in layout drew" in str(caught[0].message)
    assert log.read_text().splitlines() == ["-Kdot -Tpng", "-Kneato -n2 -Tpng"]


def test_a_png_that_cannot_be_painted_in_time_is_refused(dot, fake_dot, monkeypatch):
    log = fake_dot("exec sleep 600")
    monkeypatch.setattr(_render, "PATIENCE", 0.4)
    with pytest.raises(ValueError, match="longer than 0.4 s to paint it; without it there are svg"):
        dot.pipe("png")
    assert log.read_text().splitlines() == ["-Kdot -Tpng", "-Kneato -n2 -Tpng"]


def test_patience_is_five_seconds():
    assert _render.PATIENCE == 5


@pytest.mark.parametrize(
    "body, words",
    [
        ("echo 'Error: out of memory' >&2; exit 3", "Graphviz failed (Error: out of memory)"),
        ("kill -9 $$", "Graphviz failed (exit status -9)"),
    ],
)
def test_a_graphviz_that_fails_is_stood_in_for(dot, fake_dot, body, words):
    fake_dot(body)
    with recorded_warnings() as caught:
        svg = dot.pipe("svg")
    assert words in str(caught[0].message)
    assert "MulBackward0" in texts_of(svg)


def test_a_large_graph_is_never_given_to_graphviz(fake_dot):
    log = fake_dot("cat")
    dot = long_chain(1500)
    with recorded_warnings() as caught:
        shown = dot._repr_mimebundle_()
    assert "lines are too many for Graphviz, so the built-in layout" in str(caught[0].message)
    assert texts_of(shown["image/svg+xml"]).count("MulBackward0") == 1500
    assert log.read_text() == ""


def test_a_large_graph_is_painted_where_graphviz_need_not_lay_it_out():
    dot = long_chain(1000)
    with recorded_warnings() as caught:
        assert dot.pipe("png").startswith(b"\x89PNG")
    assert "built-in layout" in str(caught[0].message)
    with pytest.raises(ValueError, match="'jpg' needs Graphviz, but 2011 lines are too many"):
        dot.pipe("jpg")


def test_a_graph_too_large_for_any_picture_is_told_of(tmp_path, no_graphviz, monkeypatch):
    dot = long_chain(30_000)
    started = time.process_time()
    shown = dot._repr_mimebundle_()
    assert time.process_time() - started < 0.5  # the text is not even read
    assert list(shown) == ["text/plain"]
    assert "lines are too many for one picture; rushlight.graph" in shown["text/plain"]
    with pytest.raises(ValueError, match="too many for one picture"):
        dot.render("graph", tmp_path, format="svg")
    assert os.listdir(tmp_path) == []


def test_without_graphviz_other_formats_are_refused_plainly(dot, tmp_path, no_graphviz):
    with pytest.raises(ValueError, match="'png' needs Graphviz, which is not here; without it "):
        dot.render("graph", tmp_path, format="png")
    with pytest.raises(ValueError, match="engine 'neato' needs Graphviz"):
        dot.pipe("svg", engine="neato")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["<b>bold</b>", 'a"b', "end\\", "\ud800", "\x01", "&lt;", "ü β 木"]
)
def test_any_name_can_be_drawn(name, monkeypatch):
    w = leaf([1.0])
    dot = torch.make_dot(w * 2, {name: w})
    drawn = [dot.pipe("svg")]
    monkeypatch.setenv("RUSHLIGHT_DOT", "none")
    drawn.append(dot.pipe("svg"))
    shown = name.replace("\ud800", "?").replace("\x01", "?")
    assert all("MulBackward0" in texts_of(svg) for svg in drawn)
    if name not in ("&lt;", "end\\"):  # Graphviz reads entities and escapes
        assert all(shown in texts_of(svg) for svg in drawn)
    assert dot.pipe("pdf").startswith(b"%PDF")


# Notebooks.


def test_a_notebook_gets_an_svg_and_the_text(dot, plain):
    for graph in (dot, plain):
        shown = graph._repr_mimebundle_()
        assert set(shown) == {"image/svg+xml", "text/plain"}
        assert "AccumulateGrad" in texts_of(shown["image/svg+xml"])
        only = graph._repr_mimebundle_(
            include=["image/png", "image/svg+xml"], exclude=["image/svg+xml"]
        )
        assert only["image/png"].startswith(b"\x89PNG") and "image/svg+xml" not in only


# The built-in layout's input.


def test_the_built_in_layout_sees_boxes_and_edges():
    from rushlight.viz._boxes import boxes_of

    w = leaf([[1.0, 2.0]])
    dot = torch.make_dot(w[0], {'a "b"': w})
    dot.edge("2", "1", dir="none")
    dot.attr("node", fillcolor="orange")
    dot.body.append("\tsubgraph x {\n")
    dot.node("late\\l", "x\\ny")
    boxes, edges = boxes_of(dot.source)
    assert [(b.id, list(b.lines), b.fill) for b in boxes] == [
        ("1", ["", " (2)"], "#caff70"),
        ("2", ["SelectBackward0"], "lightgrey"),
        ("3", ["AccumulateGrad"], "lightgrey"),
        ("4", ['a "b"', " (1, 2)"], "lightblue"),
        ("late\n", ["x", "y"], "orange"),
    ]
    assert [(e.source, e.target, e.dashed, e.arrow) for e in edges] == [
        ("3", "2", False, True),
        ("4", "3", False, True),
        ("2", "1", False, True),
        ("4", "1", True, True),
        ("2", "1", False, False),
    ]


def test_the_built_in_layout_uses_the_letters_that_the_source_asks_for(no_graphviz):
    w = leaf([1.0])

    def fonts(**options):
        elements = ElementTree.fromstring(torch.make_dot(w.exp(), **options).pipe("svg")).iter()
        texts = [e for e in elements if e.tag.endswith("}text") and e.text.strip()]
        return {e.text.strip(): "mono" in e.get("font-family", "") for e in texts}

    assert set(fonts().values()) == {True}
    assert set(fonts(style="classic").values()) == {False}
    listed = fonts(style="classic", show_attrs=True)
    assert listed.pop("(1)") is False
    assert set(listed.values()) == {True}  # in columns


def test_leaves_of_a_large_graph_are_chips():
    from rushlight.viz._boxes import CHIPS_FROM, boxes_of

    w = leaf([1.0])
    x = torch.ones(1)
    for _ in range(CHIPS_FROM):
        x = x * w
    boxes, edges = boxes_of(torch.make_dot(x, {"w": w}).source)
    assert [b.lines[0] for b in boxes[1:]] == ["MulBackward0"] * CHIPS_FROM
    assert all(list(b.chips) == ["w (1)"] for b in boxes[1:])
    assert len(edges) == CHIPS_FROM


def test_a_saved_leaf_makes_no_circle():
    from rushlight.viz._boxes import boxes_of

    w = leaf([1.0])
    boxes, edges = boxes_of(torch.make_dot(w.sin(), show_saved=True).source)
    at = {box.id: box.lines[0] for box in boxes}
    undirected = [(e.source, e.target) for e in edges if not e.arrow]
    assert [(at[a], at[b]) for a, b in undirected] == [("", "SinBackward0")]


# PDF.


def content_of(pdf):
    (stream,) = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return zlib.decompress(stream).decode("cp1252")


def test_a_pdf_is_made_where_graphviz_makes_none(dot):
    pdf = dot.pipe("pdf")
    assert pdf == dot.pipe("pdf")
    content = content_of(pdf)
    assert "(MulBackward0) Tj" in content and "( \\(2\\)) Tj" in content
    assert content.count(" rg\n") >= 6  # filled boxes
    # Each entry of the table of objects points to one.
    table = int(pdf.rsplit(b"startxref\n", 1)[1].split()[0])
    places = re.findall(rb"(\d{10}) 00000 n", pdf[table:])
    for i, place in enumerate(places, 1):
        assert pdf[int(place) :].startswith(b"%d 0 obj" % i)


def test_a_pdf_by_the_built_in_layout(dot, no_graphviz):
    assert "(MulBackward0) Tj" in content_of(dot.pipe("pdf"))


def test_shapes_of_an_svg_become_those_of_a_pdf():
    from rushlight.viz._pdf import pdf_of

    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10" viewBox="0 0 40 20">'
        '<g transform="translate(3 4)" stroke="black">'
        '<path fill="none" d="M1 2L4,2V6C1,2 3,4 5,6Z"/></g>'
        '<rect fill="#f00" x="1" y="2" width="3" height="4" stroke="#00f" stroke-dasharray="4 2"/>'
        '<polyline points="0,0 5,6" fill="none" stroke="orange" stroke-width="2"/>'
        '<ellipse cx="5" cy="5" rx="2" ry="2" fill="lightblue"/>'
        '<polygon points="0,0 1,0 1,1" fill="none"/>'
        '<text x="10" y="5" font-family="Courier" font-size="10" text-anchor="middle">a(b)β</text>'
        "</svg>"
    )
    lines = content_of(pdf_of(svg)).splitlines()
    assert lines[0] == "0.5 0 0 -0.5 0 10 cm"
    assert "1 0 0 1 3 4 cm" in lines
    assert "1 2 m 4 2 l 4 6 l 1 2 3 4 5 6 c h" in lines
    assert "1 2 3 4 re" in lines and "1 0 0 rg" in lines and "[4 2] 0 d" in lines
    assert "1 0.647 0 RG 2 w" in lines and "0 0 m 5 6 l" in lines
    assert "0 0 m 1 0 l 1 1 l h" not in lines  # neither filled nor stroked
    assert "0 0 0 rg BT /F0 10 Tf 100 Tz 1 0 0 -1 -5 5 Tm (a\\(b\\)?) Tj ET" in lines
    assert sum(line.endswith(" h") and line.count(" c") == 4 for line in lines) == 1


# Nothing but rushlight.


def test_everything_works_without_graphviz_graphviz_pure_and_dot(bare_folder, tmp_path):
    program = f"""
import sys
sys.path.insert(0, {str(bare_folder)!r})
import rushlight as torch
w = torch.ones(2, requires_grad=True)
dot = torch.make_dot((w * 2).exp(), {{"w": w}})
for name in ("graphviz", "graphviz_pure", "numpy", "torchviz"):
    assert name not in sys.modules
    try:
        __import__(name)
    except ImportError:
        continue
    raise AssertionError(name + " is not hidden")
from rushlight.viz import _render
assert _render.find_dot() is None
print(type(dot).__name__)
print(dot.render("graph", format="svg"), dot.render("graph"), dot.save("text.gv"))
print(sorted(dot._repr_mimebundle_()))
print(dot.source, end="")
"""
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PATH": "", "RUSHLIGHT_DOT": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    kind, written, shown, source = result.stdout.split("\n", 3)
    assert kind == "Drawing"
    assert written.split() == ["graph.svg", "graph.pdf", "text.gv"]
    assert shown == "['image/svg+xml', 'text/plain']"
    assert source == (tmp_path / "text.gv").read_text() == (tmp_path / "graph").read_text()
    assert "ExpBackward0" in texts_of((tmp_path / "graph.svg").read_text())
    w = torch.ones(2, requires_grad=True)
    assert source == torch.make_dot((w * 2).exp(), {"w": w}).source
