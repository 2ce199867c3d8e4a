"""Boxes and edges as SVG, and the measuring of text."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from support import rushlight_only

from rushlight.viz import _metrics
from rushlight.viz._canvas import DARK, LIGHT, Canvas, luminance
from rushlight.viz._draw import Box, DrawnEdge, draw, text_on

pytestmark = rushlight_only

SVG = "{http://www.w3.org/2000/svg}"
GREY, BLUE = "lightgrey", "lightblue"
BOXES = [
    Box("w", ["w", " (1)"], BLUE),
    Box("acc", ["AccumulateGrad"], GREY),
    Box("mul", ["MulBackward0"], GREY, ["b", "scale.weight"]),
    Box("out", [" (80, 1)"], "#caff70"),
]
EDGES = [
    DrawnEdge("w", "acc"),
    DrawnEdge("acc", "mul"),
    DrawnEdge("acc", "mul", width=3),
    DrawnEdge("mul", "out", dashed=True, arrow=False),
]


def elements(svg, kind):
    return ElementTree.fromstring(svg).findall(f".//{SVG}{kind}")


def rectangle(element):
    x, y, w, h = (float(element.get(name, 0)) for name in ("x", "y", "width", "height"))
    return x, y, x + w, y + h


def rectangles(svg):
    """All but the ground."""
    return [rectangle(element) for element in elements(svg, "rect")[1:]]


def text_box(element):
    """The room of a text: the height of a line above its base, a quarter below."""
    x, y, size = (float(element.get(name)) for name in ("x", "y", "font-size"))
    w = float(element.get("textLength"))
    left = {"start": x, "middle": x - w / 2, "end": x - w}[element.get("text-anchor")]
    return left, y - 0.8 * size, left + w, y + 0.25 * size


def texts_leave_no_box(svg):
    """Whether each text lies in a rectangle that it begins in."""
    boxes = [rectangle(element) for element in elements(svg, "rect")[1:]]
    for element in elements(svg, "text"):
        left, top, right, bottom = text_box(element)
        if not any(a <= left and right <= c and b <= top and bottom <= d for a, b, c, d in boxes):
            return False
    return True


def test_each_box_shows_its_lines_and_chips():
    svg = draw(BOXES, EDGES)
    shown = [element.text for element in elements(svg, "text")]
    want = ["w", " (1)", "AccumulateGrad", "MulBackward0", "b", "scale.weight", " (80, 1)"]
    assert shown == want
    assert len(rectangles(svg)) == len(BOXES) + 2


def test_text_stays_in_its_box():
    assert texts_leave_no_box(draw(BOXES, EDGES))
    wide = [
        Box(
            "x",
            ["WWWWWWWWWWWWWWWWWWWW", "iii", "日本語のテキスト", "e\u0301" * 20],
            GREY,
            ["Ω" * 30],
        )
    ]
    assert texts_leave_no_box(draw(wide, []))


def test_rectangles_do_not_overlap():
    found = rectangles(draw(BOXES, EDGES))
    for i, (left, top, right, bottom) in enumerate(found):
        for a, b, c, d in found[i + 1 :]:
            assert c <= left or right <= a or d <= top or bottom <= b


def numbers(path):
    return [float(n) for n in re.findall(r"-?[\d.]+", path)]


def test_the_tip_of_an_arrow_touches_its_box_and_the_tail_its_source():
    svg = draw(BOXES, EDGES)
    boxes = rectangles(svg)
    bottoms, tops = {box[3] for box in boxes}, {box[1] for box in boxes}
    lines = [e for e in elements(svg, "path") if e.get("fill") == "none"]
    heads = [e for e in elements(svg, "path") if e.get("fill") != "none"]
    assert len(lines) == 4 and len(heads) == 3
    assert all(numbers(line.get("d"))[1] in bottoms for line in lines)
    assert all(numbers(head.get("d"))[1] in tops for head in heads)
    assert [line.get("stroke-width", "1") for line in lines] == ["1", "1", "3", "1"]
    assert [line.get("stroke-dasharray") is not None for line in lines] == [False] * 3 + [True]


def test_parallel_edges_are_drawn_beside_each_other():
    svg = draw(BOXES[1:3], EDGES[1:3])
    starts = {numbers(e.get("d"))[0] for e in elements(svg, "path") if e.get("fill") == "none"}
    assert len(starts) == 2


def test_what_xml_cannot_hold_is_replaced_and_markup_is_text():
    nasty = "<b>&\"'\x00\x1b\ud800\uffff]]>"
    svg = draw([Box("<id>", [nasty], '"><script>', [nasty])], [], title=nasty)
    svg.encode()
    shown = [element.text for element in elements(svg, "text")]
    assert shown == ["<b>&\"'\ufffd\ufffd\ufffd\ufffd]]>"] * 2
    assert elements(svg, "script") == []


def test_a_picture_names_itself_for_a_screen_reader():
    root = ElementTree.fromstring(draw(BOXES, EDGES, title="graph of loss"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "graph of loss"
    assert root.find(f"{SVG}title").text == "graph of loss"


def test_the_same_arguments_give_the_same_text():
    assert draw(BOXES, EDGES, title="t") == draw(list(BOXES), list(EDGES), title="t")


def test_an_edge_to_no_box_and_equal_ids_are_told():
    with pytest.raises(ValueError, match="an edge ends at 'nowhere', which is no box"):
        draw(BOXES, [DrawnEdge("w", "nowhere")])
    with pytest.raises(ValueError, match="two boxes have the same id"):
        draw([BOXES[0], BOXES[0]], [])


def test_no_boxes_at_all_are_an_empty_picture():
    assert elements(draw([], []), "text") == []


def test_an_edge_from_a_box_to_itself_is_not_drawn():
    assert elements(draw(BOXES[:1], [DrawnEdge("w", "w")]), "path") == []


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable_on_every_colour(theme):
    fills = ("ground", "box", "leaf", "root", "frame", "ghost", "bad")
    for fill in fills:
        for text in ("text", "muted", "grad"):
            assert contrast(theme[text], theme[fill]) >= 4.5, (text, fill)
    for line in ("line", "leaf-line", "root-line", "bad-line", "edge", "grad"):
        assert contrast(theme[line], theme["ground"]) >= 3, line


def test_text_on_any_given_colour_is_readable():
    for red in range(0, 256, 15):
        for green in range(0, 256, 15):
            for blue in range(0, 256, 51):
                fill = f"#{red:02x}{green:02x}{blue:02x}"
                assert contrast(text_on(fill), fill) >= 4.5, fill
    assert text_on("#00f") == text_on("navy") == "#ffffff"
    assert text_on("#caff70") == text_on("lightblue") == text_on("no colour") == "#000000"


def test_a_theme_that_is_none_is_told():
    with pytest.raises(ValueError, match="theme must be one of light, dark, auto, not 'blue'"):
        Canvas("blue")


# Liberation Sans has Helvetica's widths: what its tables say, in thousandths of an em.
@pytest.mark.parametrize(
    ("text", "bold", "want"),
    [
        (
            "MulBackward0",
            False,
            833 + 556 + 222 + 667 + 556 + 500 + 500 + 722 + 556 + 333 + 556 * 2,
        ),
        ("loss", True, 278 + 611 + 556 + 556),
        ("…", False, 1000),
        ("", False, 0),
    ],
)
def test_the_width_of_a_text_is_that_of_its_letters(text, bold, want):
    assert _metrics.width(text, 12, bold) == pytest.approx(want * 12 / 1000)


def test_wide_and_combining_characters_are_counted():
    assert _metrics.width("日本", 10) == 20
    assert _metrics.width("e\u0301", 10) == _metrics.width("e", 10)
    assert _metrics.width("日a", 10, mono=True) == pytest.approx(16.02)


def test_a_long_text_loses_its_middle():
    assert _metrics.shorten("abcdefghij", 10) == "abcdefghij"
    short = _metrics.shorten("abcdefghijk", 10)
    assert short == "abcdef…ijk" and len(short) == 10
