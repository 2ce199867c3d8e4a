"""Chips, ways and lists of the page, and what small windows and steps leave where it is."""

import page_models as models
import pytest

pytestmark = pytest.mark.page


# --- chips, ways and lists ---------------------------------------------------------------------


def chips_model(leaves):
    m = models.Model()
    made = [m.leaf(f"p{k}", (2,)) for k in range(leaves)]
    first = m.node("FirstBackward0", models.NONE, *made, name="first", shape=(2,))
    last = m.node("LastBackward0", models.NONE, first, made[1], name="last", flags=models.ROOT)
    for i in (*made, first, last):
        m.add(
            "saved", node=last, name=m.str(f"s{i}"), dims=0, rank=0, dtype=m.str("float32"),
            bytes=4.0, source=i, version=0,
        )  # fmt: skip
    return m.build()


def test_arrows_walk_the_chips_of_a_box_and_go_back_to_it(open_page):
    page = open_page(chips_model(3))
    page.click("#cards")
    page.click_box("first")
    seen = []
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"):
        page.press(key)
        seen.append(page.selected())
    assert seen == ["n0", "n1", "n2", "n1", "n1", "n3"]
    assert page.live.startswith("first")
    page.press("ArrowUp", "ArrowRight")
    assert page.selected() == "n3"
    page.click_box("last")
    page.press("ArrowLeft")
    assert page.selected() == "n1"  # also on the other box, which it was not reached from
    page.press("ArrowRight")
    assert page.selected() == "n4"


def test_the_first_end_of_a_way_is_forgotten_with_its_grouping(rnn):
    for forget in (lambda: rnn.choose("#by", "line"), lambda: rnn.press("Escape")):
        rnn.click("#outline [role=treeitem]")
        rnn.press("p")
        forget()
        rnn.click("#outline [role=treeitem]:nth-child(2)")
        rnn.press("p")
        assert rnn.live.startswith("ways from ")
        rnn.press("Escape")


def test_texts_of_the_inspector_stand_apart_and_lists_say_how_many_are_left(open_page):
    model = chips_model(70)
    page = open_page(model)
    assert "and 10 more" in page.text("#info")
    page.search("root")
    page.page.focus("#search")
    page.press("Enter")
    assert "4 B from p0" in page.text("#info")
    m = models.Model()
    w = m.leaf("w")
    for k in range(10):
        m.node(f"Op{k}Backward0", models.NONE, w, name=f"r{k}", flags=models.ROOT)
    m.rule(1, 0, "d(r0)/dw = 1", "")
    page = open_page(m.build())
    assert page.js("document.querySelectorAll('#info dl ul li').length") == 9
    assert "and 2 more" in page.text("#info dl")
    page.click_box("r0")
    assert page.js("document.querySelectorAll('#info .rule br').length") == 0


def test_data_without_requires_grad_is_folded_below_the_cuts(open_page):
    m = models.Model()
    w = m.leaf("w")
    y = m.node("MulBackward0", models.NONE, w, None, name="y", flags=models.ROOT)
    m.cut(y, 1, models.NONE, "requires_grad=False", "x")
    page = open_page(m.build())
    assert "No chain was cut" in page.text("#why")
    assert "x has" not in page.text("#why")
    page.click("#why summary")
    assert "x has requires_grad=False" in page.text("#why")
    assert page.text("#figures").startswith("2 nodes, 1 edge, 1 cut: ")


def test_a_long_list_of_the_outline_tells_its_length_and_its_last_row_selects_nothing(open_page):
    m = models.Model()
    w = m.leaf("w")
    for k in range(500):
        m.node("OpBackward0", models.NONE, w, name=f"r{k}")
    page = open_page(m.build())
    page.choose("#by", "none")
    row = "document.querySelector('#outline [role=treeitem]').getAttribute('aria-setsize')"
    assert page.js(row) == "500"
    page.click("#outline [role=treeitem]:last-child")
    assert page.selected() is None
    page.press("End", "Enter")
    assert page.selected() is None


def focus(page, row):
    page.js(f"document.querySelector('#outline [role=treeitem]:nth-child({row})').focus()")


FOCUSED = "document.activeElement.textContent"
CURRENT = "document.querySelector('#outline [aria-selected=true]').textContent"


def test_in_the_outline_the_selection_goes_with_the_focus(rnn):
    focus(rnn, 1)
    rnn.press("ArrowDown", "ArrowDown")
    assert rnn.js(FOCUSED) == rnn.js(CURRENT) == "▸t = 10 … 14 · 50 ops"
    assert rnn.text("#info h2").startswith("t = 10 … 14")
    rnn.press("p", "ArrowDown", "p")
    assert rnn.live == "6 operations on the way"  # between the last ones of both turns
    rnn.press("Escape", "g")  # goes elsewhere: the focus comes along
    assert rnn.js(FOCUSED) == rnn.js(CURRENT)
    assert "x @ Wx.t(), MmBackward0" in rnn.js(FOCUSED)
    rnn.press("Backspace")
    assert rnn.js(FOCUSED) == rnn.js(CURRENT)
    rnn.press(" ")
    assert "▾" in rnn.js(FOCUSED)
    rnn.click("#outline [role=treeitem]:last-child .twist")
    assert rnn.js(FOCUSED) == rnn.js(CURRENT)


def test_p_at_a_row_that_has_the_focus_alone_begins_there(rnn):
    focus(rnn, 1)
    rnn.press("p")
    assert rnn.live.startswith("ways from t = 0 … 4")


def test_the_help_tells_the_keys_of_the_outline(rnn):
    rnn.press("?")
    assert "outline: arrows select, Enter or Space opens" in rnn.text("#help")
    rnn.press("Escape")


def test_what_a_key_cannot_do_is_seen_too(rnn):
    caption = rnn.text("#said")
    assert caption.startswith("The backward pass")
    rnn.press("Backspace")
    assert rnn.text("#said") == rnn.live == "select a box first"
    rnn.click_box("t = 0 … 4")
    assert rnn.text("#said") == caption
    rnn.press("Backspace")
    assert rnn.text("#said") == "no group around it"
    rnn.press("p", "1")
    assert rnn.text("#said") == caption


# --- the window --------------------------------------------------------------------------------


def test_a_step_moves_the_cursor_and_draws_no_bars_anew(rnn):
    bars = "rushlight.app.perf.bars"
    before = rnn.js(bars)
    picture = "document.getElementById('strip').toDataURL()"
    still = rnn.js(picture)
    rnn.press("]", "]")
    assert rnn.js(bars) == before
    stepped = rnn.js(picture)
    assert stepped != still
    rnn.press("[", "[", "[")
    assert rnn.js(picture) == still
    for change in (lambda: rnn.press("2"), lambda: rnn.press("d"), lambda: rnn.click("#ln7")):
        change()
        assert rnn.js(bars) > before
        before = rnn.js(bars)


def test_the_toolbar_stays_where_it_is(rnn):
    places = """['mode', 'names', 'search', 'back', 'keys'].map(
      id => (r => [r.x, r.y])(document.getElementById(id).getBoundingClientRect()))"""
    before = rnn.js(places)
    for act in (
        lambda: rnn.search("op:mul"),
        lambda: rnn.press("Enter"),
        lambda: rnn.choose("#by", "none"),
        lambda: rnn.press("Escape"),
    ):
        act()
        assert rnn.js(places) == before


@pytest.mark.parametrize("size", [(800, 600), (700, 450), (1400, 560)])
def test_a_small_window_leaves_the_graph_a_height_and_its_legend_below(open_page, size):
    page = open_page(models.regression(), size=size)
    for key in "134":
        page.press(key)
        canvas = page.page.locator("#canvas").bounding_box()
        legend = page.page.locator("#legend").bounding_box()
        info = page.page.locator("#info").bounding_box()
        strip = page.page.locator("#strip").bounding_box()
        assert canvas["height"] >= 320
        assert legend["y"] >= canvas["y"] + canvas["height"]
        assert legend["y"] + legend["height"] <= strip["y"]
        if info["x"] < legend["x"]:
            assert legend["y"] + legend["height"] <= info["y"] + 1
    if page.state("cards"):
        page.click("#cards")
    page.press("0")  # boxes without cards all fit
    canvas = page.page.locator("#canvas").bounding_box()
    for box in page.boxes():
        assert canvas["y"] <= box["y"] and box["y"] + box["h"] <= canvas["y"] + canvas["height"]
    root = page.js(
        "(e => [e.scrollWidth - e.clientWidth, e.scrollHeight])(document.documentElement)"
    )
    assert root[0] == 0
    assert root[1] >= strip["y"] + strip["height"]


def test_a_second_zero_shows_all_of_a_large_graph(rnn):
    def inside():
        graph = rnn.page.locator("#graph").bounding_box()
        return all(
            graph["x"] <= box["x"] and box["x"] + box["w"] <= graph["x"] + graph["width"]
            and graph["y"] <= box["y"] and box["y"] + box["h"] <= graph["y"] + graph["height"]
            for box in rnn.boxes()
        )  # fmt: skip

    assert not inside()
    rnn.press("0")
    assert inside()
    rnn.press("0")
    assert not inside()
    rnn.click("#fit")
    assert inside()
    assert "a second time: all of it" in rnn.js("document.getElementById('fit').title")


def test_cards_that_do_not_fit_are_boxes_at_first(open_page):
    m = models.Model()
    w = m.leaf("w")
    made = [m.node("MulBackward0", models.NONE, w, name=f"a_long_name_{k}") for k in range(20)]
    m.node("AddBackward0", models.NONE, *made, name="loss", flags=models.ROOT)
    page = open_page(m.build())
    assert not page.state("cards")
    assert not page.js("document.getElementById('cards').checked")
    assert "w" not in page.closed()
    page.click("#cards")
    assert "w" in page.closed()


# --- the first look ----------------------------------------------------------------------------


def sights(page):
    """(the part of the pane that the legend leaves, the boxes that are not wholly in it)."""
    canvas = page.page.locator("#canvas").bounding_box()
    legend = page.page.locator("#legend").bounding_box()
    right, bottom = canvas["x"] + canvas["width"], min(canvas["y"] + canvas["height"], legend["y"])
    return [
        box["label"]
        for box in page.boxes()
        if box["x"] < canvas["x"]
        or box["y"] < canvas["y"]
        or box["x"] + box["w"] > right
        or box["y"] + box["h"] > bottom
    ]


def forms():
    """Four lines of some operations each, side by side, which one sum brings together."""
    m = models.Model(text="\n".join(f"line {k}" for k in range(6)))
    w = m.leaf("w")
    sides = []
    for line in range(1, 6):
        site = m.site(line, "f(w)")
        sides += [m.node("SinBackward0", site, w, name=f"s{line}_{k}") for k in range(6)]
    at = sides[0]
    for k, side in enumerate(sides[1:]):
        at = m.node("AddBackward0", m.site(6, "a + b"), at, side, name=f"a{k}")
        if k == 5:
            break
    m.rows["nodes"]["flags"][at] |= models.ROOT
    return m.build()


def test_groups_open_at_first_where_the_whole_can_still_be_read(open_page):
    page = open_page(forms())
    for by in ("line", "loop"):  # as at first, whatever was chosen before
        assert sights(page) == []
        assert page.js("rushlight.app.view.z") >= 0.55
        page.choose("#by", by)
    page = open_page(forms(), size=(900, 520), scheme="dark")  # too small for all of it
    assert sights(page)
    assert page.closed()["linreg.py:6"]["label"] not in sights(page)


def test_a_tall_drawing_opens_at_its_loss_above_the_legend(rnn):
    hidden = sights(rnn)
    assert "t = 0 … 4" in hidden
    assert "t = 95 … 99" not in hidden
    rnn.press("+", "0")
    assert sights(rnn) == hidden


def test_the_title_of_a_group_that_begins_left_of_the_pane_stays_in_it(open_page):
    page = open_page(models.with_modules())
    frame = next(box for box in page.boxes() if box["frame"])
    canvas = page.page.locator("#canvas").bounding_box()
    page.js(f"rushlight.app.view.x -= {frame['x'] - canvas['x'] + frame['w'] / 2}")
    page.press("Shift+ArrowRight")
    title = page.pixels(canvas["x"] + 8, frame["y"] + 4, 60, 16)
    assert len(set(title)) > 4


def test_a_drawing_that_nobody_moved_is_fitted_to_the_pane_again(open_page):
    page = open_page(models.regression())
    before = page.js("rushlight.app.view.x")
    page.js("document.getElementById('divide').focus()")
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert page.js("rushlight.app.view.x") < before
    assert sights(page) == []
    page.press("+")
    moved = page.js("rushlight.app.view")
    page.press("ArrowLeft")
    assert page.js("rushlight.app.view") == moved


def test_the_source_pane_is_as_wide_as_it_is_drawn_and_keeps_its_line_numbers(open_page):
    page = open_page(models.regression(), size=(900, 520))
    left, bar = page.page.locator("#left"), page.page.locator("#divide").bounding_box()
    mouse = page.page.mouse
    mouse.move(bar["x"] + 4, bar["y"] + 100)
    mouse.down()
    mouse.move(330, bar["y"] + 100, steps=3)
    mouse.up()
    page.settle()
    assert left.bounding_box()["width"] == pytest.approx(330, abs=1)
    mouse.move(330, bar["y"] + 100)
    mouse.down()
    mouse.move(900, bar["y"] + 100, steps=3)
    mouse.up()
    page.settle()
    assert page.page.locator("#graph").bounding_box()["width"] == pytest.approx(200, abs=1)
    assert page.js("(e => e.scrollWidth - e.clientWidth)(document.documentElement)") == 0
    page.js("document.getElementById('divide').focus()")
    page.press(*["ArrowLeft"] * 20)
    assert left.bounding_box()["width"] == 180
    page.js("document.getElementById('source').scrollLeft = 60")
    assert page.page.locator("#ln3 i").bounding_box()["x"] == left.bounding_box()["x"]


def test_a_frame_that_is_shown_later_is_fitted_then(open_page):
    page = open_page(models.regression())
    outer = page.file.with_name(f"{page.file.name}.outer.html")
    style = "width: 900px; height: 600px; display: none"
    outer.write_text(f'<iframe src="{page.file.name}" style="{style}"></iframe>')
    page.page.goto(f"file://{outer}")
    page.js("document.querySelector('iframe').style.display = 'block'")
    frame = page.page.frames[1]
    frame.wait_for_selector("body[data-ready]")
    left, top, right, bottom = frame.evaluate(
        "(c => [c.left, c.top, c.right, c.bottom])(canvas.getBoundingClientRect())"
    )
    for box in frame.evaluate("rushlight.boxes()"):
        assert left <= box["x"] and box["x"] + box["w"] <= right
        assert top <= box["y"] and box["y"] + box["h"] <= bottom
