"""Each control of the page and its effect: keys, pointer, toolbar, search, steps, exports."""

import page_models as models
import pytest

pytestmark = pytest.mark.page

PLAIN = (213, 216, 221)  # of a box without a colour


@pytest.fixture(scope="module")
def shared_rnn(open_page_once):
    return open_page_once(models.rnn(100))


def marks(page, name):
    return page.js(f"Array.from(rushlight.app.state.{name})")


# --- groups ------------------------------------------------------------------------------------


def test_double_click_opens_a_group_where_it_stands_and_again_on_its_head_closes_it(rnn):
    before = rnn.reach("t = 10 … 14")
    rnn.click_box("t = 10 … 14", double=True)
    opened = rnn.box("t = 10 … 14")
    assert opened["frame"]
    assert opened["y"] == pytest.approx(before["y"], abs=0.01)
    assert "t = 12" in rnn.closed()
    rnn.page.mouse.dblclick(opened["x"] + 30, opened["y"] + 8)
    rnn.settle()
    assert not rnn.box("t = 10 … 14")["frame"]
    assert "t = 12" not in rnn.closed()


def test_enter_opens_the_selected_group_and_backspace_closes_the_one_around(rnn):
    rnn.click_box("t = 0 … 4")
    rnn.press("Enter")
    assert rnn.box("t = 0 … 4")["frame"]
    assert rnn.live == "t = 0 … 4 opened"
    rnn.click_box("t = 1")
    rnn.press("Backspace")
    assert not rnn.box("t = 0 … 4")["frame"]
    assert rnn.selected() == rnn.box("t = 0 … 4")["key"]


def test_the_button_in_the_inspector_opens_the_group(rnn):
    rnn.click_box("t = 0 … 4")
    rnn.click("#info button:has-text('open group')")
    assert rnn.box("t = 0 … 4")["frame"]


@pytest.mark.parametrize(
    "by, labels",
    [
        ("line", ["rnn.py:7", "rnn.py:8", "rnn.py:9"]),
        ("none", ["Wx.t()", "x @ Wx.t()", "Wh.t()"]),
        ("loop", ["t = 0 … 4", "t = 5 … 9", "t = 10 … 14"]),
        ("module", ["t = 0 … 4", "t = 5 … 9", "t = 10 … 14"]),
    ],
)
def test_the_grouping_can_be_chosen(shared_rnn, by, labels):
    shared_rnn.choose("#by", by)
    assert [box["label"] for box in shared_rnn.boxes()][:3] == labels


def test_a_drawing_of_too_many_boxes_is_refused_in_words(open_page):
    page = open_page(models.rnn(2001))
    page.choose("#by", "none")
    assert page.live == "20,010 operations are too many for one drawing without groups"
    assert page.js("document.getElementById('by').value") == "loop"
    assert len(page.boxes()) == 24


# --- looking around ----------------------------------------------------------------------------


def test_dragging_pans_and_the_wheel_zooms_about_the_pointer(line):
    before = line.box("yhat")
    mouse = line.page.mouse
    mouse.move(400, 650)
    mouse.down()
    mouse.move(430, 640, steps=3)
    mouse.up()
    line.settle()
    after = line.box("yhat")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == (30, -10)
    assert line.selected() is None
    x, y = line.at(after)
    mouse.move(x, y)
    mouse.wheel(0, -240)
    line.settle()
    zoomed = line.box("yhat")
    assert zoomed["w"] > after["w"] * 1.4
    assert line.at(zoomed) == pytest.approx((x, y), abs=0.5)  # the wheel's place is in whole pixels


def test_plus_minus_and_zero_zoom(line):
    w = line.box("yhat")["w"]
    line.press("+")
    assert line.box("yhat")["w"] == pytest.approx(w * 1.25)
    line.press("-", "-")
    assert line.box("yhat")["w"] == pytest.approx(w * 0.8)
    line.press("0")
    assert line.box("yhat")["w"] == pytest.approx(w)
    line.press("+")
    line.click("#fit")
    assert line.box("yhat")["w"] == pytest.approx(w)
    line.press("0")
    assert line.box("yhat")["w"] == pytest.approx(w)  # it fits: again is the same


def test_click_selects_in_all_panes_and_beside_the_boxes_nothing(line):
    line.click_box("error")
    assert line.selected() == "n4"
    assert line.text("#info h2") == "error SubBackward0"
    assert line.js(
        "document.querySelector('#outline [aria-selected=true]').textContent"
    ).startswith("·error")
    assert line.js("document.querySelector('.ln.sel').dataset.line") == "12"
    assert line.live == "error, SubBackward0, line 12, shape 80 by 1, gradient norm 0.3797"
    line.page.mouse.click(400, 700)
    line.settle()
    assert line.selected() is None


def test_arrows_walk_along_the_edges(line):
    line.press("ArrowDown")
    assert line.selected() == "n6"  # the end of the graph, where nothing was selected
    line.press("ArrowUp", "ArrowUp")
    assert line.selected() == "n4"
    line.press("ArrowDown")
    assert line.selected() == "n5"
    line.press("ArrowUp", "ArrowUp", "ArrowUp")
    assert line.selected() == "n2"
    line.press("ArrowLeft")
    assert line.selected() == "n0"
    line.press("ArrowRight")
    assert line.selected() == "n2"
    line.press("ArrowUp", "ArrowUp")
    assert line.selected() == "n1"
    assert line.live == "no inputs"


def test_arrows_reach_the_chips(rnn):
    rnn.click_box("t = 0 … 4")
    rnn.press("ArrowLeft")
    assert rnn.text("#info h2").endswith("leaf")


def test_the_pointer_lights_up_all_uses_of_a_value_or_a_leaf(rnn):
    rnn.choose("#by", "line")
    rnn.page.mouse.move(*rnn.at(rnn.box("rnn.py:8")))
    rnn.settle()
    lit = "rushlight.app.state.hover.item.label"
    assert rnn.js(lit) == "rnn.py:8"
    users = rnn.js(
        "rushlight.app.scene.edges.filter(e => e.a.label === 'rnn.py:8').map(e => e.b.label)"
    )
    focus = (11, 92, 173)
    for label in (*users, "rnn.py:8"):
        box = rnn.box(label)
        ring = [rnn.pixel(box["x"] + box["w"] / 2 + 30, box["y"] - d) for d in (1, 2, 3)]
        assert any(sum(abs(a - b) for a, b in zip(p, focus)) < 60 for p in ring), (label, ring)
    chip = rnn.box("rnn.py:7")["chips"][0]
    rnn.page.mouse.move(chip["x"] + chip["w"] / 2, chip["y"] + chip["h"] / 2)
    rnn.settle()
    assert rnn.js("rushlight.app.state.hover.chip.count") == 100


def test_shift_click_lights_the_ways_between_two_boxes(line):
    colour = line.fill(line.box("error"))
    line.click_box("w")
    line.click_box("error", modifiers=["Shift"])
    assert [i for i, marked in enumerate(marks(line, "path")) if marked] == [1, 2, 3, 4]
    assert line.live == "3 operations on the way"
    assert line.fill(line.box("loss")) == PLAIN  # off the way
    assert line.fill(line.box("error")) == colour != PLAIN
    line.click_box("b", modifiers=["Shift"])
    line.click_box("b")
    line.click_box("w", modifiers=["Shift"])
    assert line.live == "no way leads from one to the other"


def test_p_at_one_box_and_at_another_lights_the_ways_between(line):
    line.press("p")
    assert line.live == "select a box first"
    line.click_box("w")
    line.press("p")
    line.press("ArrowDown", "ArrowDown", "ArrowDown", "p")
    assert [i for i, marked in enumerate(marks(line, "path")) if marked] == [1, 2, 3, 4]
    assert line.live == "3 operations on the way"


def test_shift_and_arrows_move_the_drawing(line):
    before = line.box("yhat")
    line.press("Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown")
    after = line.box("yhat")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((-80, -160))
    assert line.selected() is None


def test_a_click_on_a_line_lights_its_operations_and_again_none(line):
    line.click("#ln11")
    assert line.live == "line 11: 2 operations lit"
    assert [i for i, marked in enumerate(marks(line, "lineMarks")) if marked] == [2, 3]
    line.click("#ln11")
    assert line.state("line") is None


def test_the_source_is_walked_by_keys(line):
    line.js("document.getElementById('source').focus()")
    line.press("ArrowDown", "ArrowDown", "Enter")
    assert line.state("line") == [0, 2]


def test_the_outline_is_walked_by_keys(open_page):
    page = open_page(models.with_modules())
    page.js("document.querySelector('#outline [tabindex=\"0\"]').focus()")
    focused = "document.activeElement.textContent"
    page.press("ArrowDown", "ArrowDown")
    assert page.js(focused) == "▸fc1 · 36 ops"
    page.press("ArrowRight")
    assert page.js(focused) == "▾fc1 · 36 ops"
    assert page.box("fc1")["frame"]
    page.press("ArrowLeft")
    assert page.js(focused) == "▸fc1 · 36 ops"
    page.press("ArrowLeft")
    assert page.js(focused).startswith("▾block")
    page.press("End")
    assert page.js(focused).startswith("·loss")
    page.press("Home", "Enter")
    assert not page.box("Net")["frame"]
    page.press(" ")
    assert page.selected() == page.box("Net")["key"]


def test_two_fingers_zoom_about_their_middle(open_page):
    page = open_page(models.regression(), has_touch=True)
    before = page.box("yhat")
    x, y = page.at(before)
    touch = page.page.context.new_cdp_session(page.page)

    def send(kind, *places):
        points = [{"x": px, "y": py, "id": k} for k, (px, py) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (x - 50, y))
    send("touchStart", (x - 50, y), (x + 50, y))
    for reach in (60, 70, 80, 90, 100):
        send("touchMove", (x - reach, y), (x + reach, y))
    send("touchEnd")
    page.settle()
    after = page.box("yhat")
    assert after["w"] == pytest.approx(2 * before["w"], rel=0.05)
    assert page.at(after) == pytest.approx((x, y), abs=8)


def test_the_place_of_a_node_can_be_copied(open_page):
    page = open_page(models.regression())
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click_box("yhat")
    page.page.click("#info button:text-is('copy')")
    page.until("document.getElementById('live').textContent.includes('copied')")
    assert page.live == "copied /home/you/linreg.py:11"
    assert page.js("navigator.clipboard.readText()") == "/home/you/linreg.py:11"


def test_another_source_file_is_shown_when_chosen_and_when_its_node_is_selected(open_page):
    m = models.Model("/home/you/main.py", "loss = f(w)\n")
    m.files.append({"path": "/home/you/lib.py", "text": "def f(w):\n    return w.exp()\n"})
    w = m.leaf("w")
    inner, outer = m.site(2, "w.exp()"), m.site(1, "f(w)", "loss")
    m.rows["sites"]["file"][inner] = 1
    exp = m.node("ExpBackward0", inner, w)
    m.node("SumBackward0", outer, exp, name="loss", flags=models.ROOT)
    page = open_page(m.build())
    first = "document.querySelector('.ln code').textContent"
    options = page.js("[...document.getElementById('file').options].map(o => o.textContent)")
    assert options == ["/home/you/lib.py", "/home/you/main.py"]
    assert page.js(first) == "def f(w):"
    page.choose("#file", "0")
    assert page.js(first) == "loss = f(w)"
    page.click_box("w.exp()")
    assert page.js(first) == "def f(w):"
    assert page.js("document.querySelector('.ln.sel').dataset.line") == "2"


def test_the_drawing_follows_the_size_of_the_window(open_page):
    line = open_page(models.regression(), size=(1399, 900))  # a window that no other test uses
    line.page.set_viewport_size({"width": 1000, "height": 700})
    line.until("document.getElementById('canvas').clientWidth < 700")
    line.settle()
    size = """(c => [c.width, c.clientWidth, c.height, c.clientHeight])(
      document.getElementById("canvas"))"""
    width, shown, height, tall = line.js(size)
    assert (width, height) == (shown, tall)
    line.press("0")
    assert line.fill(line.box("yhat")) != (0, 0, 0)


# --- colours -----------------------------------------------------------------------------------


def test_keys_and_the_list_choose_the_colours(open_page):
    page = open_page(models.regression(training=True))
    names = []
    for key in "123456":
        page.press(key)
        names.append(page.js("document.querySelector('#mode option:checked').textContent"))
    assert names == [
        "1 gradient norm",
        "2 local gain",
        "3 nan and inf",
        "4 time",
        "5 memory",
        "6 operation",
    ]
    page.choose("#mode", "6")
    assert page.js("rushlight.app.modes[rushlight.app.state.mode].name") == "my numbers"
    assert "my numbers" in page.text("#legend")


def test_colours_change_the_boxes(open_page):
    page = open_page(models.regression(training=True))
    seen = set()
    for key in "123456":
        page.press(key)
        seen.add(tuple(page.fill(box) for box in page.closed().values()))
    assert len(seen) == 6


def test_what_was_not_recorded_is_said(open_page):
    page = open_page(models.without_values())
    for key, word in (("1", "Gradients"), ("2", "Gradients"), ("3", "Values"), ("4", "Times")):
        page.press(key)
        assert f"{word} were not recorded" in page.text("#legend")
        assert f"{word} were not recorded" in page.live
    assert "(not recorded)" in page.text("#mode option:nth-child(4)")
    page.press("]")
    assert page.live == "The backward pass has no order: it was not run, or not recorded."
    page.press("g")
    assert "Gradients were not recorded" in page.live


def test_names_cards_and_cuts_can_be_switched(open_page):
    page = open_page(models.with_cuts())
    assert "y" in page.closed()
    page.click("#names")
    assert "MulBackward0" in page.closed()
    page.click("#names")
    tall = page.box("y")["h"]
    assert "✂ detach" in page.closed()
    page.click("#cards")
    assert page.box("y")["h"] < tall
    assert [chip["text"] for chip in page.box("y")["chips"]] == ["v", "✂ k"]
    page.click("#cuts")
    assert [chip["text"] for chip in page.box("y")["chips"]] == ["v"]


def test_cards_of_a_large_graph_are_refused_in_words(rnn):
    rnn.click("#cards")
    assert rnn.live == "cards are for graphs of up to 400 nodes"
    assert not rnn.js("document.getElementById('cards').checked")


def test_dark_and_light_follow_the_system_and_the_button(open_page):
    page = open_page(models.regression(), scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.js(ground) == "rgb(22, 24, 28)"
    assert page.pixel(360, 600) == (22, 24, 28)
    pressed = "document.getElementById('dark').getAttribute('aria-pressed')"
    assert page.js(pressed) == "true"
    page.page.emulate_media(color_scheme="light")
    page.settle()
    assert page.js(pressed) == "false"
    page.page.emulate_media(color_scheme="dark")
    page.settle()
    assert page.js(pressed) == "true"
    page.click("#dark")
    assert page.js(pressed) == "false"
    assert page.js(ground) == "rgb(255, 255, 255)"
    assert page.pixel(360, 600) == (255, 255, 255)
    page.press("d")
    assert page.js(ground) == "rgb(22, 24, 28)"


# --- going places ------------------------------------------------------------------------------


def test_g_goes_to_the_largest_gradient_of_an_activation_and_opens_what_hides_it(rnn):
    rnn.press("g")
    assert (
        rnn.text("#info h2") == "x @ Wx.t() MmBackward0"
    )  # not Wh.t(), which hands a parameter on
    assert rnn.box("x @ Wx.t()")["key"] == rnn.selected()
    assert rnn.box("t = 0")["frame"]
    rnn.press("Escape")
    rnn.click("#worst")
    assert rnn.text("#info h2") == "x @ Wx.t() MmBackward0"


def test_n_goes_to_the_first_nan_backward_and_with_shift_forward(open_page):
    m = models.with_nan()
    page = open_page(m)
    page.press("n")
    assert page.text("#info h2") == "z LogBackward0"  # u and loss are nan, but not their gradients
    assert page.live.endswith("nan in its value, nan in its gradient, made by u, line 4")
    page.click("#info dd .link:has-text('u')")
    assert page.selected() == "n3"
    page.press("N")
    assert page.text("#info h2") == "z LogBackward0"
    page.click("#bad")
    assert page.selected() == "n2"
    clean = open_page(models.regression())
    clean.press("n")
    assert clean.live == "all values and gradients are finite"


def test_steps_walk_the_backward_pass_with_the_rule_in_words(line):
    line.press("]")
    assert line.state("step") == 0
    assert line.text("#said") == (
        "1/7 MeanBackward0 (loss) receives 1; "
        "d(mean)/d(error ** 2) = 1/80: 1.0 / 80 goes to error ** 2"
    )
    assert "1.0 / 80 goes to error ** 2" in line.live
    assert line.selected() == "n6"
    rows = """Object.fromEntries(rushlight.app.scene.items.map(
      i => [i.label, i.rows.filter(r => /grad/.test(r[0]))[0][1]]))"""
    assert line.js(rows)["w"] == "(not yet)"
    line.click("#next")
    assert line.selected() == "n5"
    line.click("#back")
    assert line.selected() == "n6"
    line.press("[")
    assert line.state("step") == -1
    line.press(*"]]]]]]]")
    assert line.state("step") == 6
    assert line.js(rows)["w"] == "-1.9"
    assert "w.grad receives -1.9. A second backward pass adds to it." in line.text("#said")
    line.press("]")
    assert line.state("step") == 6
    line.press("Escape")
    assert line.state("step") == -1


def test_boxes_get_their_colour_when_the_pass_reaches_them(line):
    before = line.fill(line.box("error ** 2"))
    line.press("]")
    assert line.fill(line.box("error ** 2")) == PLAIN
    assert line.fill(line.box("loss")) != PLAIN
    line.press("]")
    assert line.fill(line.box("error ** 2")) == before


def test_groups_get_their_colour_when_the_pass_reaches_them(rnn):
    before = rnn.fill(rnn.reach("t = 0 … 4"))
    rnn.press("]")
    rnn.press("0")
    assert rnn.fill(rnn.reach("t = 0 … 4")) == PLAIN
    rnn.press("Escape")
    assert rnn.fill(rnn.reach("t = 0 … 4")) == before


def test_the_strip_is_dragged_and_walked_by_keys(rnn):
    box = rnn.page.locator("#strip").bounding_box()
    mouse = rnn.page.mouse
    mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    mouse.down()
    rnn.settle()
    first = rnn.state("step")
    assert first == pytest.approx(1003 / 4, abs=4)
    mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20, steps=4)
    mouse.up()
    rnn.settle()
    assert rnn.state("step") == pytest.approx(3 * 1003 / 4, abs=4)
    # Only the group that holds the step is open.
    assert len([b for b in rnn.boxes() if b["frame"]]) == 2
    rnn.press("ArrowRight")
    at = rnn.state("step")
    rnn.press("ArrowLeft")
    assert rnn.state("step") == at - 1
    rnn.press("Home")
    assert rnn.state("step") == 0
    rnn.press("End")
    assert rnn.state("step") == 1002
    slider = rnn.js(
        """['aria-valuenow', 'aria-valuemax'].map(
          k => document.getElementById('strip').getAttribute(k))"""
    )
    assert slider == ["1003", "1003"]


def test_why_is_a_grad_none_names_the_cuts(open_page):
    page = open_page(models.with_cuts())
    page.press("w")
    assert "k was detached at cuts.py:3: no gradient flows past it" in page.text("#why")
    assert "Why is a grad None?" in page.live
    page.click("#whynone")
    page.click("#why .link")
    assert page.text("#info h2").startswith("k detach")
    assert "k = w.exp().detach()" in page.text("#info")
    whole = open_page(models.regression())
    whole.press("w")
    assert "No chain was cut" in whole.text("#why")


# --- search ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query, found",
    [
        ("op:mul", 100), ("op:mul line:8", 100), ("op:mul line:9", 0), ("line:7-8", 700),
        ("name:Wh", 101), ("shape:16x16", 101), ("shape:(16,8)", 1), ("iter:3", 10),
        ("iter:3-4 op:add", 6), ("|grad|>1e18", 53), ("leaf", 3), ("leaf -name:b", 2),
        ("pow", 300), ("dtype:float64", 0), ("order<5", 5), ("root", 1), ("nan", 0),
        ("bytes>=1024", 101), ("gain>2", 1), ("constructor>1", 0), ("__proto__>1", 0),
    ],
)  # fmt: skip
def test_the_query_language(shared_rnn, query, found):
    rnn = shared_rnn
    rnn.search(query)
    marks = rnn.js("Array.from(rushlight.app.state.hits).filter(Boolean).length")
    assert marks == len(rnn.state("list"))
    if query == "|grad|>1e18":
        want = rnn.js("Array.from(rushlight.app.M.norm).filter(x => x > 1e18).length")
        assert 3 < want < 200
        found = want
    assert marks == found
    assert rnn.text("#found") == (f"{found:,} match" + ("" if found == 1 else "es"))


@pytest.mark.parametrize(
    "query, words",
    [("what:3", "no key what"), ("line:x", "no number or range"), ("|grad|>big", "not a number")],
)
def test_a_query_that_is_not_understood_says_why(shared_rnn, query, words):
    shared_rnn.search(query)
    assert words in shared_rnn.text("#found")
    assert shared_rnn.state("hits") is None


def test_matches_are_counted_on_groups_and_enter_goes_through_them(rnn):
    rnn.press("/")
    assert rnn.js("document.activeElement.id") == "search"
    rnn.page.keyboard.type("op:mul iter:3-4")
    rnn.settle()
    rnn.press("Enter")
    assert rnn.text("#found") == "1 of 2 matches"
    first = rnn.selected()
    assert rnn.text("#info h2") == "h MulBackward0"
    rnn.press("Enter")
    assert rnn.text("#found") == "2 of 2 matches"
    assert rnn.selected() != first
    rnn.press("Shift+Enter")
    assert rnn.selected() == first
    rnn.search("op:mul iter:3-4 ")  # typed anew: from the last one backwards
    rnn.page.focus("#search")
    rnn.press("Shift+Enter")
    assert rnn.text("#found") == "2 of 2 matches"
    rnn.press("Escape")
    assert rnn.state("hits") is None
    assert rnn.js("document.activeElement.id") == "canvas"


def test_nan_inf_and_bad_are_found(open_page):
    page = open_page(models.with_nan())
    for query, found in (("nan", 5), ("inf", 0), ("bad", 5), ("bad -leaf", 4)):
        page.search(query)
        assert len(page.state("list")) == found
