"""Graph.to_svg(): what it shows of real graphs, and where."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from math import log10

import pytest
from support import rushlight_only, torch
from test_draw import SVG, elements, numbers, rectangle, text_box

pytestmark = rushlight_only


def regression():
    """The seed's program: b + w * x against y, four points."""
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    y = torch.tensor([[1.0], [3.0], [5.0], [7.0]])
    b = torch.tensor([0.5], requires_grad=True)
    w = torch.tensor([3.0], requires_grad=True)
    yhat = b + w * x
    error = y - yhat
    loss = (error**2).mean()
    return loss, {"b": b, "w": w}


def recurrent(steps):
    wx, wh = (torch.ones(4, 4, requires_grad=True) for _ in range(2))
    h, loss = torch.zeros(1, 4), 0.0
    for _ in range(steps):
        h = torch.tanh(torch.ones(1, 4) @ wx + h @ wh)
        loss = loss + h.pow(2).mean()
    return loss


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.up = torch.nn.Linear(4, 4)
        self.down = torch.nn.Linear(4, 4)

    def forward(self, x):
        return x + self.down(torch.tanh(self.up(x)))


def modules():
    model = torch.nn.Sequential(Block(), Block(), torch.nn.Linear(4, 1))
    with torch.record(params=dict(model.named_parameters())) as tape:
        model(torch.ones(3, 4)).sum().backward()
    return tape.graph


def words(svg):
    return [element.text for element in elements(svg, "text")]


def heads(svg):
    """The tips of the arrows."""
    found = [numbers(e.get("d"))[:2] for e in elements(svg, "path") if e.get("d").endswith("Z")]
    return [tuple(tip) for tip in found]


def lines(svg):
    """The curves between boxes, not the rules of tables."""
    return [e for e in elements(svg, "path") if e.get("fill") == "none"]


def plain_rectangles(svg):
    """Boxes and chips, without the ground, the frames and the backs of piles, by position."""
    found = {}
    for element in elements(svg, "rect")[1:]:
        if element.get("stroke") not in ("#a3abb8", "#5a6270"):
            found[rectangle(element)] = element
    return list(found)


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.fixture(scope="module", name="seed")
def seed_graph():
    loss, params = regression()
    return torch.graph(loss, params=params, values=True)


def test_a_small_graph_shows_operations_and_docks_leaves():
    loss, params = regression()
    svg = torch.graph(loss, params=params).to_svg()
    shown = words(svg)
    for label in ("w * x", "yhat", "error", "error**2", "loss"):
        assert label in shown
    assert [text for text in shown if text in ("w", "b")] == ["w", "b"]
    assert not any("AccumulateGrad" in text for text in shown)
    assert len(heads(svg)) == 4


def test_inputs_without_gradient_are_dashed_chips():
    x, y = torch.ones(3), torch.ones(3)
    w = torch.ones(3, requires_grad=True)
    svg = torch.graph((y - w * x).sum()).to_svg()
    dashed = [e for e in elements(svg, "rect") if e.get("stroke-dasharray")]
    inside = []
    for element in elements(svg, "text"):
        x, y, *_ = text_box(element)
        for chip in dashed:
            a, b, c, d = rectangle(chip)
            if a <= x <= c and b <= y <= d:
                inside.append(element.text)
    assert inside == ["x", "y"]


def test_the_main_path_runs_straight_down():
    loss, params = regression()
    svg = torch.graph(loss, params=params).to_svg()
    assert len({x for x, _ in heads(svg)}) == 1
    assert all(re.fullmatch(r"M[\d.]+ [\d.]+V[\d.]+", e.get("d")) for e in lines(svg))


def test_a_card_has_code_value_gradient_and_rule(seed):
    shown = words(seed.to_svg())
    for text in ("code", "value (4, 1)", "gradient", "local rule"):
        assert text in shown
    assert any(text.startswith("yhat = b + w * x") and "test_svg.py:" in text for text in shown)
    # error = y - yhat = 0.5 - x, so the loss is (0.25 + 0.25 + 2.25 + 6.25) / 4.
    assert "2.25" in shown
    assert "[0.5, -0.5, -1.5, -2.5]" in shown
    # d loss / d error = error / 2; b gets the sum of its negative: 2; w with x: 5.5.
    assert "[0.25, -0.25, -0.75, -1.25]" in shown
    assert {"2", "5.5"} <= set(shown)
    assert "d(y - yhat)/dyhat = -1" in shown


def test_arrows_are_as_wide_as_the_gradient(seed):
    svg = seed.to_svg()
    widths = [float(e.get("stroke-width", 1)) for e in lines(svg)]
    assert len(widths) == 6
    # Norms of the gradients: 5.5 of w, 2 of b, sqrt(0.0625 + 0.0625 + 0.5625 + 1.5625) = 1.5 of
    # yhat, w * x and error, 0.5 of error**2, each of which is 0.25.
    thickest, second, *middle, thinnest = sorted(widths, reverse=True)
    assert thickest == 5
    # Half a decade is one unit of width: 4 units for the two decades that are the least range.
    assert second == pytest.approx(5 - 2 * log10(5.5 / 2), abs=0.01)
    assert middle == pytest.approx([5 - 2 * log10(5.5 / 1.5)] * 3, abs=0.01)
    assert thinnest == pytest.approx(5 - 2 * log10(5.5 / 0.5), abs=0.01)


def test_leaves_of_cards_are_boxes_and_of_plain_ones_chips(seed):
    assert words(seed.to_svg()).count("leaf") == 2
    assert words(seed.to_svg(cards=False)).count("leaf") == 0


@pytest.mark.parametrize("cards", [False, True])
def test_nothing_overlaps_and_text_stays_in_its_box(seed, cards):
    for graph in (seed, modules(), torch.graph(recurrent(6))):
        svg = graph.to_svg(cards=cards)
        boxes = plain_rectangles(svg)
        for i, one in enumerate(boxes):
            assert not any(overlap(one, other) for other in boxes[i + 1 :])
        w, h = (float(ElementTree.fromstring(svg).get(k)) for k in ("width", "height"))
        everything = [rectangle(e) for e in elements(svg, "rect")[1:]]
        for element in elements(svg, "text"):
            left, top, right, bottom = text_box(element)
            assert 0 <= left and 0 <= top and right <= w and bottom <= h
            # A text that begins in a box ends there.
            for a, b, c, d in everything:
                if a <= left <= c and b <= top <= d:
                    assert right <= c and bottom <= d


def test_arrows_end_on_boxes(seed):
    for graph in (seed, modules(), torch.graph(recurrent(6))):
        svg = graph.to_svg(cards=False)
        boxes = [rectangle(e) for e in elements(svg, "rect")[1:]]
        assert heads(svg)
        for x, y in heads(svg):
            assert any(a <= x <= c and y in (b, d) for a, b, c, d in boxes)


def test_modules_are_frames_with_titles():
    svg = modules().to_svg(cards=False)
    frames = [rectangle(e) for e in elements(svg, "rect") if e.get("stroke") == "#a3abb8"]
    shown = words(svg)
    assert shown.count("up") == shown.count("down") == 2
    assert len(frames) >= 7
    # A frame lies in another or outside it, never across its border.
    for i, one in enumerate(frames):
        for other in frames[i + 1 :]:
            if overlap(one, other):
                low, high = sorted((one, other), key=lambda f: (f[2] - f[0]) * (f[3] - f[1]))
                assert high[0] <= low[0] and low[2] <= high[2]
                assert high[1] <= low[1] and low[3] <= high[3]


def test_the_main_path_is_straight_through_frames():
    svg = modules().to_svg(cards=False)
    xs = [x for x, _ in heads(svg)]
    straight = max(xs.count(x) for x in set(xs))
    # Linear (addmm), tanh, linear, sum with the input, twice; a linear map, and the total.
    assert straight >= 9


@pytest.mark.parametrize("most", [1, 2, 5, 10, 40])
def test_no_more_boxes_than_asked_for(most):
    for graph in (modules(), torch.graph(recurrent(50))):
        svg = graph.to_svg(max_boxes=most, cards=False)
        assert 1 <= len(re.findall("<g><title>", svg)) <= most


def test_rounds_of_a_loop_are_one_pile_with_counts():
    svg = torch.graph(recurrent(100)).to_svg(max_boxes=50)
    shown = words(svg)
    assert any("100 rounds" in text for text in shown)
    assert "wx ×100" in shown and "wh ×100" in shown
    assert "×100" in shown  # edges from one line to the other
    assert len(elements(svg, "rect")) < 30


def test_groups_off_shows_every_operation():
    graph = torch.graph(recurrent(40))
    operations = len(graph) - len(graph.leaves())
    svg = graph.to_svg(groups=False, max_boxes=10)
    assert svg.count("<g><title>") == operations


def test_a_module_that_is_one_line_is_a_pile_where_not_all_fits():
    shown = words(modules().to_svg(max_boxes=12, cards=False))
    assert shown.count("up") == shown.count("down") == 2
    assert shown.count("2 operations") >= 4


def test_chips_leave_out_the_names_of_the_modules_around_them():
    graph = modules()
    assert words(graph.to_svg(cards=False)).count("weight") == 5
    whole = words(graph.to_svg(groups=False, cards=False))
    assert "0.up.weight" in whole and "weight" not in whole


def test_groups_off_draws_no_frames():
    svg = modules().to_svg(groups=False, cards=False)
    assert "#a3abb8" not in svg and "up" not in words(svg)


def test_functions_that_call_themselves_deeply_are_drawn():
    def deeper(x, n):
        return (deeper(x * 2, n - 1) if n else x) + 1

    w = torch.ones(2, requires_grad=True)
    with torch.record() as tape:
        deeper(w, 150).sum().backward()
    svg = tape.graph.to_svg()
    assert svg.count('stroke="#a3abb8"') > 50
    assert svg.count("<g><title>") <= 200


def test_hundreds_of_operations_without_a_line_in_common_are_chunks():
    source = "\n".join(["y = w * 2"] + ["y = y + w" for _ in range(300)])
    names = {"w": torch.ones(2, requires_grad=True)}
    exec(compile(source, "straight.py", "exec"), names)
    svg = torch.graph(names["y"].sum()).to_svg(max_boxes=40)
    assert 2 <= svg.count("<g><title>") <= 40
    assert any("operations" in text for text in words(svg))


def test_ghosts_show_where_the_history_was_cut():
    a = torch.ones(3, requires_grad=True)
    u = (a * 2).detach()
    with torch.no_grad():
        k = a * 3
    out = (a.exp() * u + k).sum()
    svg = torch.graph(out).to_svg()
    shown = words(svg)
    assert {"u", "no gradient: detach", "k", "no gradient: no_grad"} <= set(shown)
    assert sum("test_svg.py:" in text for text in shown) >= 6
    assert sum(1 for e in lines(svg) if e.get("stroke-dasharray")) == 2


def test_a_graph_that_was_freed_says_where():
    loss, params = regression()
    loss.backward()
    assert any(
        text.startswith("saved tensors freed at test_svg.py:")
        for text in words(torch.graph(loss, params=params).to_svg())
    )


def test_nan_has_a_colour_and_words():
    w = torch.tensor([-1.0, 4.0], requires_grad=True)
    svg = torch.graph(w.sqrt().sum(), values=True).to_svg(cards=False)
    assert 'fill="#f9d3e4"' in svg
    assert any("nan" in text for text in words(svg))


def test_an_arrow_whose_gradient_is_not_finite_has_the_colour_of_what_is_wrong():
    w = torch.tensor([0.0, 1.0], requires_grad=True)
    svg = torch.graph(w.sqrt().sum(), values=True).to_svg()  # the gradient of w is [inf, 0.5]
    assert [e.get("stroke") for e in lines(svg)] == ["#b5135f", "#a33407"]


def test_a_dashed_arrow_to_a_view_is_explained():
    w = torch.ones(2, 3, requires_grad=True)
    note = "dashed arrows: a view, which copies nothing"
    assert note in torch.graph((w * 2).t().sum()).to_svg()
    cut = (w * 2).detach()
    assert note not in torch.graph((w * cut).sum()).to_svg()


def test_what_is_empty_has_a_thin_arrow_and_no_colour_of_harm():
    w, empty = torch.ones(3, requires_grad=True), torch.zeros(0, 3, requires_grad=True)
    graph = torch.graph(torch.cat([empty.flatten(), w * 2]).sum(), values=True)
    assert graph["empty"].grad.norm == 0
    assert {e.get("stroke") for e in lines(graph.to_svg())} == {"#a33407"}


def test_zero_has_no_sign():
    w = torch.full((80,), -0.0, requires_grad=True)
    svg = torch.graph((w * 1).sum(), values=True).to_svg()
    assert ">[0 … 0]  mean 0<" in svg and "-0 …" not in svg


def test_a_leaf_alone_and_several_roots_are_drawn():
    w = torch.ones(3, requires_grad=True)
    assert "w" in words(torch.graph(w, params={"w": w}).to_svg())
    two = torch.graph([(w * 2).sum(), (w * w).sum()], params={"w": w}).to_svg()
    assert "w ×2" in words(two)
    assert sum(1 for e in elements(two, "rect") if e.get("fill") == "#dcf5b4") == 2


def test_themes_have_their_colours_and_auto_asks_the_viewer(seed):
    light, dark, auto = (seed.to_svg(theme=theme) for theme in ("light", "dark", "auto"))
    assert 'fill="#16181c"' in dark and 'fill="#16181c"' not in light
    assert "prefers-color-scheme:dark" in auto
    assert "prefers-color-scheme" not in light + dark
    # Without its style sheet and classes it is the light picture.
    bare = re.sub(r' class="[^"]*"', "", re.sub(r"<style>.*?</style>", "", auto))
    assert bare == light


def test_a_picture_says_what_it_shows(seed):
    root = ElementTree.fromstring(seed.to_svg())
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == root.get("aria-label") == "Computation graph of loss"
    assert "5 operations, 2 leaves" in root.find(f"{SVG}desc").text
    tips = [title.text for title in root.iter(f"{SVG}title")][1:]
    assert any("MulBackward0" in tip and "test_svg.py:" in tip for tip in tips)
    assert ElementTree.fromstring(seed.to_svg(title="mine")).get("aria-label") == "mine"


def test_two_runs_give_the_same_text():
    def run():
        loss, params = regression()
        return torch.graph(loss, params=params, values=True).to_svg()

    assert run() == run()
    assert torch.graph(recurrent(9)).to_svg() == torch.graph(recurrent(9)).to_svg()


PROGRAM = """
import hashlib, rushlight as torch
w = [torch.ones(3, requires_grad=True) for _ in range(5)]
with torch.record() as tape:
    y = sum((a * b).exp() for a, b in zip(w, w[1:]))
    y.mean().backward()
print(hashlib.sha256(tape.graph.to_svg().encode()).hexdigest())
"""


def test_two_processes_give_the_same_text_whatever_their_hashes():
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1


def test_a_picture_needs_no_graphviz(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a program was started")

    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(subprocess, "Popen", refuse)
    loss, params = regression()
    assert "yhat" in words(torch.graph(loss, params=params).to_svg())


@pytest.mark.parametrize("most", [0, -3, 2.5, "many", None])
def test_a_wrong_number_of_boxes_is_told(seed, most):
    with pytest.raises(ValueError, match="max_boxes must be a positive int"):
        seed.to_svg(max_boxes=most)


def test_a_wrong_theme_is_told(seed):
    with pytest.raises(ValueError, match="theme must be one of light, dark, auto"):
        seed.to_svg(theme="blue")


def test_names_from_the_program_are_text_not_markup():
    w = torch.ones(2, requires_grad=True)
    svg = torch.graph((w * 2).sum(), params={"<b>&\x00": w}).to_svg()
    assert "<b>&\ufffd" in words(svg)
