"""The dialogs of the page, and what it saves."""

import json

import page_models as models
import pytest

pytestmark = pytest.mark.page


def test_help_lists_the_keys_and_closes(line):
    line.press("?")
    assert line.js("document.getElementById('help').open")
    assert "next step of the backward pass" in line.text("#help")
    line.press("g")
    assert line.selected() is None  # keys rest while a dialog is open
    line.press("Escape")
    assert not line.js("document.getElementById('help').open")
    line.click("#keys")
    line.click("#help .close")
    assert not line.js("document.getElementById('help').open")
    line.press("?")
    line.click("#helpname")
    assert line.js("document.getElementById('help').open")
    line.page.mouse.click(5, 5)
    line.settle()
    assert not line.js("document.getElementById('help').open")


def saved(page, kind):
    page.press("e")
    with page.page.expect_download() as download:
        page.page.click(f"#kinds button:text-is('{kind}')")
    page.settle()
    assert page.live == f"{kind} saved"
    return download.value


def test_svg_holds_each_box_once_and_is_the_same_twice(line):
    one, two = saved(line, "SVG"), saved(line, "SVG")
    assert one.suggested_filename == "test.svg"
    with open(one.path()) as a, open(two.path()) as b:
        text = a.read()
        assert text == b.read()
    import xml.etree.ElementTree as tree

    root = tree.fromstring(text)
    words = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    for label in line.closed():
        assert words.count(label) == 1
    assert "d(mean)/d(error ** 2) = 1/80" in words


def test_png_has_the_pixels_of_the_drawing(line):
    import struct

    with open(saved(line, "PNG").path(), "rb") as file:
        data = file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    scene = line.js(
        "(() => { const s = rushlight.app.scene; return [s.right - s.left, s.bottom - s.top] })()"
    )
    assert (width, height) == pytest.approx([2 * (v + 48) for v in scene], abs=2)


def test_dot_and_mermaid_hold_the_open_graph(open_page):
    page = open_page(models.with_modules())
    with open(saved(page, "DOT").path()) as file:
        dot = file.read()
    assert dot.startswith("digraph {")
    assert dot.count("{") == dot.count("}") == 4  # Net, block and head are open
    assert 'label="fc1\\n36 ops"' in dot
    with open(saved(page, "Mermaid").path()) as file:
        mermaid = file.read()
    assert mermaid.startswith("flowchart TD\n")
    assert mermaid.count("-->") == dot.count("->")


def test_mermaid_of_too_many_boxes_is_refused_in_words(rnn):
    rnn.choose("#by", "none")
    rnn.press("e")
    rnn.click("#kinds button:text-is('Mermaid')")
    assert "more than 500 boxes are visible" in rnn.live


def test_json_is_the_model(open_page):
    for model in (models.regression(), models.with_cuts()):
        with open(saved(open_page(model), "JSON").path()) as file:
            assert json.load(file) == model
