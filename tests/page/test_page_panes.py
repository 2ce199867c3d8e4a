"""What the page shows at first: boxes, cards, source, outline, inspector, strip, legend."""

import math

import page_models as models
import pytest

pytestmark = pytest.mark.page


def test_a_small_graph_opens_as_cards_with_code_value_gradient_and_rule(open_page):
    page = open_page(models.regression())
    assert set(page.closed()) == {"b", "w", "w * x", "yhat", "error", "error ** 2", "loss"}
    rows = page.js("Object.fromEntries(rushlight.app.scene.items.map(i => [i.label, i.rows]))")
    assert rows["yhat"][0] == ["code", "yhat = b + w * x  linreg.py:11"]
    assert rows["loss"][1:] == [
        ["value", "2.883"],
        ["gradient", "1"],
        ["rule", "d(mean)/d(error ** 2) = 1/80"],
    ]
    assert rows["w"][2] == [".grad", "-1.9"]


def overlapping(boxes):
    """Pairs of boxes that share some place; a frame and what is in it may."""
    found = []
    for k, one in enumerate(boxes):
        for other in boxes[:k]:
            apart = (
                one["x"] + one["w"] <= other["x"] + 0.5
                or other["x"] + other["w"] <= one["x"] + 0.5
                or one["y"] + one["h"] <= other["y"] + 0.5
                or other["y"] + other["h"] <= one["y"] + 0.5
            )
            if (
                not apart
                and other["key"] not in one["around"]
                and one["key"] not in other["around"]
            ):
                found.append((one["label"], other["label"]))
    return found


# With the frames around each box, and its chips as a part of it.
LAID_OUT = """rushlight.app.scene.items.map(item => {
  const around = [];
  for (let at = item.parent; at && at.parent; at = at.parent) around.push(at.key);
  return {key: item.key, label: item.label, around, x: item.x - item.l, w: item.l + item.r,
    y: item.y - item.h / 2, h: item.h, frame: Boolean(item.frame)};
})"""
OPEN_ALL = """(() => {
  for (let k = 0; k < 40; k++) {
    const closed = document.querySelector('#outline [aria-expanded=false] .twist');
    if (!closed) return;
    closed.click();
    rushlight.render();
  }
})()"""


@pytest.mark.parametrize("seed", range(4))
def test_any_graph_is_laid_out_without_overlaps_and_its_edges_end_at_their_boxes(
    open_page_once, seed
):
    page = open_page_once(models.random_graph(seed))
    for by in ("none", "line", "module"):
        page.choose("#by", by)
        page.js(OPEN_ALL)
        page.settle()
        boxes = page.js(LAID_OUT)
        assert len([box for box in boxes if not box["frame"]]) == 80
        assert overlapping(boxes) == []
        frames = {box["key"]: box for box in boxes if box["frame"]}
        for box in boxes:
            for key in box["around"]:
                frame = frames[key]
                assert frame["x"] <= box["x"] and frame["y"] <= box["y"]
                assert box["x"] + box["w"] <= frame["x"] + frame["w"] + 0.01
                assert box["y"] + box["h"] <= frame["y"] + frame["h"] + 0.01
        ends = page.js(
            """rushlight.app.scene.edges.map(({a, b, points: p, back}) => {
              const side = back ? -1 : 1, last = p[p.length - 1];
              return [p[0][0] - a.x, a.w / 2, p[0][1] - (a.y + side * a.h / 2),
                last[0] - b.x, b.w / 2, last[2] - (b.y - side * b.h / 2)];
            })"""
        )
        assert len(ends) > 80
        for dx, half, dy, dx2, half2, dy2 in ends:
            assert abs(dx) < half and abs(dx2) < half2
            assert abs(dy) < 0.01 and abs(dy2) < 0.01


def test_inputs_stand_above_their_users_and_boxes_do_not_overlap(open_page):
    for model in (models.regression(), models.with_modules(), models.rnn(30)):
        page = open_page(model)
        assert overlapping(page.js(LAID_OUT)) == []
        ways = page.js(
            """rushlight.app.scene.edges.filter(e => !e.back).map(
              e => [e.a.y + e.a.h / 2, e.b.y - e.b.h / 2, e.points])"""
        )
        assert ways
        for above, below, points in ways:
            assert above < below
            assert points[0][1] == pytest.approx(above)
            assert points[-1][2] == pytest.approx(below)


def test_the_heaviest_path_runs_straight_down(open_page):
    page = open_page(models.regression())
    places = {label: box["x"] + box["w"] / 2 for label, box in page.closed().items()}
    chain = [places[label] for label in ("w", "w * x", "yhat", "error", "error ** 2", "loss")]
    assert max(chain) - min(chain) < 0.01
    page = open_page(models.rnn(100))
    assert len({round(box["x"], 3) for box in page.closed().values()}) == 1
    page.click_box("t = 0 … 4", double=True)
    page.click_box("t = 3", double=True)
    boxes = page.boxes()
    places = {box["label"]: box["x"] + box["w"] / 2 for box in boxes if not box["frame"]}
    # Through the frames, along the gradients that grow: not along the loss, which is as long.
    chain = [places[label] for label in ("h @ Wh.t()", "x @ Wx.t() + h @ Wh.t()", "a", "h")]
    assert max(chain) - min(chain) < 0.01
    assert places["loss"] != chain[0]


def test_a_long_edge_runs_straight_where_there_is_room(open_page):
    m = models.Model()
    first = at = m.node("FirstBackward0", models.NONE, m.leaf("w"), name="first")
    for k in range(9):
        at = m.node(f"Op{k}Backward0", models.NONE, at, name=f"v{k}")
    m.node("LastBackward0", models.NONE, at, first, name="last")
    page = open_page(m.build())
    page.click("#cards")
    points = page.js(
        """rushlight.app.scene.edges.find(
          e => e.a.label === 'first' && e.b.label === 'last').points.map(p => p[0])"""
    )
    assert len(points) == 11
    assert len({round(x, 3) for x in points[1:-1]}) == 1
    assert points[1] != points[0]


def test_a_loop_is_folded_into_buckets_of_its_iterations(open_page):
    page = open_page(models.rnn(1000))
    labels = [box["label"] for box in page.boxes()]
    assert len(labels) == 24
    assert labels[0] == "t = 0 … 41"
    assert labels[-1] == "t = 966 … 999"
    assert sum(page.js("rushlight.app.scene.items.map(i => i.n)")) == 10_000


def loop_model(source, lines):
    """Operations in a chain, each at a line of the source."""
    m = models.Model("/home/you/loops.py", source)
    sites, at = {}, m.leaf("w")
    for line in lines:
        sites.setdefault(line, m.site(line, f"f{line}(...)"))
        at = m.node(f"Op{line}Backward0", sites[line], at)
    return m.build()


def outline(page):
    return page.js(
        """[...document.querySelectorAll('#outline [role=treeitem]')].map(
          e => e.textContent.slice(1).split(' · ')[0].split(',')[0])"""
    )


def test_a_loop_in_a_loop_is_folded_in_each_turn(open_page):
    body = "    a()\n    for j in range(10):\n        b()\n        c()\n        d()\n"
    page = open_page(loop_model(f"for i in range(60):\n{body}", [2, *[4, 5, 6] * 10] * 60))
    assert outline(page)[:2] == ["i = 0 … 2", "i = 3 … 5"]
    page.click_box("i = 3 … 5", double=True)
    page.click_box("i = 3", double=True)
    assert outline(page)[1:6] == ["i = 3 … 5", "i = 3", "f2(...)", "j = 0", "j = 1"]


def test_what_stands_before_and_after_a_loop_is_beside_it(open_page):
    source = "s()\nfor t in range(60):\n    a()\n    b()\ne()\n"
    page = open_page(loop_model(source, [1, *[3, 4] * 60, 5]))
    assert outline(page)[:2] == ["f1(...)", "t = 0 … 2"]
    assert outline(page)[-2:] == ["t = 57 … 59", "f5(...)"]


@pytest.mark.parametrize(
    "head, first",
    [
        ("for t in range(60):", "t = 0 … 2"),
        ("for t in range(5, 65):", "iteration 0 … 2"),
        ("for t, x in enumerate(xs):", "iteration 0 … 2"),
        ("while True:", "iteration 0 … 2"),
    ],
)
def test_turns_have_the_name_of_the_variable_only_where_it_counts_them(open_page, head, first):
    page = open_page(loop_model(f"{head}\n    a()\n    b()\n", [2, 3] * 60))
    assert outline(page)[0] == first


def test_turns_are_not_numbered_by_the_variable_where_the_first_one_is_missing(open_page):
    source = "for t in range(61):\n    a()\n    b()\n    c()\n"
    page = open_page(loop_model(source, [2, *[3, 4, 2] * 60]))
    assert "iteration 0 … 2" in outline(page)


def test_a_long_file_is_shown_around_the_lines_that_made_nodes(open_page):
    source = "".join(f"x{k} = {k}\n" for k in range(1, 6001))
    page = open_page(loop_model(source, [5000, 5001]))
    assert page.text("#ln5000 code") == "x5000 = 5000"
    assert page.js("document.querySelectorAll('.ln').length") <= 3001
    page.click_box("f5000(...)")
    box = page.page.locator("#ln5000").bounding_box()
    pane = page.page.locator("#source").bounding_box()
    assert pane["y"] <= box["y"] <= pane["y"] + pane["height"]


def test_memory_that_is_saved_and_alive_is_a_curve_in_the_strip(open_page):
    strips = []
    for training in (False, True):
        page = open_page(models.regression(training=training))
        page.press("5")
        strips.append(page.js("document.getElementById('strip').toDataURL()"))
    assert strips[0] != strips[1]


def test_leaves_are_chips_with_the_number_of_their_uses(open_page):
    page = open_page(models.rnn(1000))
    first = page.boxes()[0]
    assert sorted(chip["text"] for chip in first["chips"]) == ["Wh×42", "Wx×42", "b×42"]


def test_groups_follow_the_modules_where_they_were_recorded(open_page):
    page = open_page(models.with_modules())
    assert page.state("by") == "module"
    frames = [box["label"] for box in page.boxes() if box["frame"]]
    assert frames[:2] == ["Net", "block"]
    inner, outer = page.box("fc1"), page.box("block")
    assert outer["x"] < inner["x"] and inner["x"] + inner["w"] < outer["x"] + outer["w"]
    assert outer["y"] < inner["y"] and inner["y"] + inner["h"] < outer["y"] + outer["h"]


def test_functions_that_only_call_one_another_are_one_group_however_deep(open_page):
    m = models.Model()
    scope = models.NONE
    for k in range(900):
        scope = m.scope(f"f{k}", scope, kind=1)
    at = m.leaf("w")
    for k in range(40):
        at = m.node(f"Op{k}Backward0", models.NONE, at, scope=scope)
    page = open_page(m.build())
    assert page.state("by") == "loop"  # no module was recorded
    page.choose("#by", "module")
    assert page.boxes()[0]["label"].endswith("f898() › f899()")
    assert len(page.boxes()[0]["label"]) == 44


def test_modules_and_operations_beside_them_stand_in_the_order_of_the_program(open_page):
    m = models.Model()
    outer = m.scope("Net")
    first, second = m.scope("first", outer), m.scope("second", outer)
    at = m.leaf("w")
    for k, scope in enumerate((outer, first, first, outer, second, second, models.NONE)):
        at = m.node(f"Op{k}Backward0", models.NONE, at, scope=scope)
    page = open_page(m.build())
    rows = page.js(
        "[...document.querySelectorAll('#outline [role=treeitem]')].map(e => e.textContent)"
    )
    assert [row.split(" ")[0].strip("▾·,") for row in rows] == [
        "Net", "w", "op0", "first", "op1", "op2", "op3", "second", "op4", "op5", "op6",
    ]  # fmt: skip


def test_a_model_of_the_least_that_is_needed_opens(open_page):
    model = models.regression()
    for name in ("scopes", "saved", "attrs", "values", "grads", "rules", "cuts", "steps", "lines",
                 "bins", "data", "us", "mem", "params", "overlays", "made"):  # fmt: skip
        del model[name]
    page = open_page(model)
    assert set(page.closed()) == {"b", "w", "w * x", "yhat", "error", "error ** 2", "loss"}
    for key in (*"123456gn]w", "ArrowDown"):
        page.press(key)


def test_damaged_data_is_told_in_words(windows, tmp_path):
    from rushlight.viz import _page

    file = tmp_path / "damaged.html"
    data = _page.pack("{}")
    window = windows((1400, 900), "light", "damaged", {})
    text = _page.page(models.regression())
    begin = text.index('id="data">') + len('id="data">')
    file.write_text(text[:begin] + data + text[text.index("</script>", begin) :])
    window.goto(f"file://{file}")
    window.wait_for_selector("#info .why")
    assert "This page could not be opened" in window.inner_text("#info")


def test_the_source_has_a_bar_and_a_figure_on_each_line_that_made_nodes(open_page):
    page = open_page(models.regression())
    lines = page.js(
        """[...document.querySelectorAll('.ln.made')].map(
          e => [+e.dataset.line, e.querySelector('b').textContent])"""
    )
    assert [line for line, _ in lines] == [11, 12, 13]
    assert lines[2][1] == "0.1118"  # of error ** 2: a single number, the loss, speaks for no line
    widths = page.js(
        "[11, 12, 13].map(n => document.querySelector(`#ln${n} u`).getBoundingClientRect().width)"
    )
    assert widths[1] == widths[0] > widths[2] > 0
    assert page.text("#ln11 code") == "yhat = b + w * x"


def test_the_outline_is_a_tree_with_levels_and_states(open_page):
    page = open_page(models.with_modules())
    rows = page.js(
        """[...document.querySelectorAll('#outline [role=treeitem]')].map(
          e => [e.getAttribute('aria-level'), e.getAttribute('aria-expanded'), e.textContent])"""
    )
    assert rows[0] == ["1", "true", "▾Net · 108 ops"]
    assert rows[2] == ["3", "false", "▸fc1 · 36 ops"]
    assert rows[-1][1] is None and "SumBackward0, line 10" in rows[-1][2]


def test_the_inspector_shows_the_graph_then_what_is_selected(open_page):
    page = open_page(models.regression())
    assert "leaves and their gradients" in page.text("#info")
    page.click_box("error ** 2")
    text = page.text("#info")
    for part in (
        "error ** 2",
        "PowBackward0",
        "linreg.py:13",
        "80×1 float32, 320 B",
        "step 2 of 7",
        "d(error ** 2)/derror = 2 * error",
        "exponent",
    ):
        assert part in text
    assert page.js("document.querySelectorAll('#info .hist i').length") == 32
    page.click("#info .link >> text=error")
    assert page.selected() == "n4"
    assert (
        page.js("document.querySelector('#info a').getAttribute('href')")
        == "vscode://file/home/you/linreg.py:12:1"
    )


def test_the_inspector_sums_a_group(open_page):
    page = open_page(models.rnn(1000))
    page.click_box("t = 0 … 41")
    text = page.text("#info")
    for part in ("operations", "420", "rnn.py:7 ×252", "Wh"):
        assert part in text


def test_training_and_figures_per_line_are_shown_where_recorded(open_page):
    page = open_page(models.regression(training=True))
    label = page.js("document.querySelector('#training svg').getAttribute('aria-label')")
    assert label == "gradient norms over 50 steps: b 3 to 0.01718; w 2 to 0.162"
    assert page.js("document.querySelectorAll('#training > svg .curve').length") == 2
    page.press("4")
    assert page.text("#ln11 b") == "1.5 ms"
    page.press("5")
    assert page.text("#ln11 b") == "64 kB"
    bare = open_page(models.regression())
    assert bare.page.query_selector("#training") is None


def test_a_leaf_stands_at_the_one_line_that_gives_its_variable_a_value(open_page):
    source = "w = ones(3)\nv = ones(3)\nv = zeros(3)\na, k = w * v, 1\nloss = a * k\n"
    m = models.Model("/home/you/leaf.py", source)
    w, v, k = (m.leaf(name) for name in "wvk")
    a = m.node("MulBackward0", m.site(4, "w * v", "a"), w, v, name="a")
    m.node("MulBackward0", m.site(5, "a * k", "loss"), a, k, name="loss", flags=models.ROOT)
    page = open_page(m.build())
    assert page.js("[0, 1, 2].map(i => rushlight.app.M.line[i])") == [1, 0, 4]  # v has two
    page.click_box("w")
    assert "leaf.py:1" in page.text("#info")
    assert page.js("document.querySelector('.ln.sel').dataset.line") == "1"


def test_a_file_without_its_source_says_so(open_page):
    model = models.regression()
    model["files"][0]["text"] = None
    page = open_page(model)
    assert "/home/you/linreg.py: the source text is not in this file" in page.text("#source")


def test_an_empty_graph_and_a_single_leaf_open(open_page):
    empty = open_page(models.Model().build())
    assert empty.boxes() == []
    assert "0 nodes" in empty.text("#figures")
    for key in ("g", "n", "]", "ArrowDown", "Enter", "Backspace", "e"):
        empty.press(key)
    m = models.Model()
    m.leaf("w")
    leaf = open_page(m.build())
    assert [box["label"] for box in leaf.boxes()] == ["w"]


def test_local_gain_names_the_operation_that_amplifies(open_page):
    page = open_page(models.rnn(40, growth=1.5))
    gains = page.js("[...Array(rushlight.app.M.n).keys()].map(rushlight.app.modes[1].of)")
    ops = page.js(
        "(() => { const {M} = rushlight.app; return Array.from(M.nodes.op, i => M.strs[i]) })()"
    )
    known = [(gain, op) for gain, op in zip(gains[:-20], ops) if not math.isnan(gain)]
    assert {op for gain, op in known if gain > 0.3} == {"MmBackward0"}
    # The gradient of Wh.t() is larger, but goes to a parameter: it is no part of the chain.
    assert max(known)[0] == pytest.approx(math.log2(1.5))


def test_the_scale_of_sums_ends_at_the_boxes_and_lines_that_are_seen(open_page):
    page = open_page(models.rnn(100, times=True))
    figures = """(key => rushlight.app.scene.items.filter(i => !i.frame).map(
      i => rushlight.app.scene.modes[key].of.length && i.group.figures.get(key).value))"""
    widths = "[7, 8, 9].map(n => parseFloat(document.querySelector(`#ln${n} u`).style.width))"
    for key, unit in (("4", "µs"), ("5", "kB")):
        page.press(key)
        sums = page.js(f"{figures}('{key}')")
        ends = page.js(f"(m => [m.low, m.high])(rushlight.app.scene.modes['{key}'])")
        assert ends == [min(sums), max(sums)]
        assert unit in page.text("#legend")
        assert max(page.js(widths)) == 28
        assert min(page.js(widths)) == 4  # line 8, a single operation
    ends = page.js("rushlight.app.scene.modes['5'].high")
    page.choose("#by", "none")
    assert page.js("rushlight.app.scene.modes['5'].high") < ends


def test_what_times_are_of_is_said(open_page):
    page = open_page(models.regression(training=True))
    page.press("4")
    assert page.js("document.getElementById('ln11').title") == (
        "2 operations, time 1.5 ms (forward, all runs), run 50 times"
    )
    assert "boxes: forward and backward, the last pass; of lines: forward, all runs" in page.text(
        "#legend"
    )
    page.press("5")
    assert page.js("document.getElementById('ln11').title").startswith(
        "2 operations, memory 64 kB (all runs)"
    )


def test_the_gain_of_a_group_is_the_largest_of_its_activations(open_page):
    page = open_page(models.rnn(100, growth=1.5))
    page.press("2")
    gains = page.js("rushlight.app.scene.items.map(i => 2 ** i.group.figures.get('2').value)")
    assert len(gains) == 20
    assert gains[:-1] == pytest.approx([1.5] * 19)  # not that of mean, which makes one number
    assert page.text("#ln7 b") == "×1.5"


def test_nan_is_heard_and_stands_in_the_outline(open_page):
    page = open_page(models.with_nan())
    page.click_box("x")
    assert page.live == "x, leaf, line 1, shape 2, gradient norm nan, nan in its gradient"
    rows = "[...document.querySelectorAll('#outline [role=treeitem]')].map(e => e.textContent)"
    assert [row.split(", ")[-1] for row in page.js(rows) if "LogB" in row] == ["line 4"]  # of u
    m = models.Model()
    at = m.leaf("w")
    scopes = m.scope("good"), m.scope("ill")
    for k in range(40):
        ill = models.NAN_VALUE if k == 30 else 0
        at = m.node(f"Op{k}Backward0", models.NONE, at, scope=scopes[k // 20], flags=ill)
    page = open_page(m.build())
    page.choose("#by", "module")
    assert [row for row in page.js(rows) if "ops" in row] == [
        "▸good · 20 ops", "▸ill · 20 ops, nan/inf inside",
    ]  # fmt: skip
    page.click("#outline [role=treeitem]:has-text('ill ·')")
    assert page.live == "ill, 20 operations, closed, nan/inf inside"


def test_bars_and_legend_tell_bad_values_from_bad_gradients(open_page):
    page = open_page(models.with_nan())
    bars = (
        """[3, 4].map(n => getComputedStyle(document.querySelector(`#ln${n} u`)).backgroundColor)"""
    )
    assert page.js(bars) == ["rgb(255, 0, 255)", "rgb(255, 149, 0)"]
    assert "nan/inf gradient" in page.text("#legend")
    assert "nan/inf value" in page.text("#legend")
    page = open_page(models.regression())
    assert "nan" not in page.text("#legend")


def test_the_legend_explains_the_strokes_that_are_drawn(open_page):
    m = models.Model()
    w = m.leaf("w", (3, 3))
    exp = m.node("ExpBackward0", models.NONE, w, shape=(3, 3))
    t = m.node("TBackward0", models.NONE, exp, shape=(3, 3), flags=models.ROOT)
    plain = open_page(m.build())
    assert "view" not in plain.text("#legend")
    m.rows["edges"]["kind"][-1] = 1
    m.cut(t, 1, models.NONE, "detach", "k")
    page = open_page(m.build())
    assert page.text("#legend").endswith("dotted: to a view · dashed: no gradient")
    page.click("#cuts")
    assert page.text("#legend").endswith("dotted: to a view")


def test_the_colours_at_first_are_some_that_were_recorded(open_page):
    page = open_page(models.without_values())
    assert page.js("rushlight.app.modes[rushlight.app.state.mode].name") == "memory"
    assert "not recorded" not in page.text("#legend")


def test_a_training_of_one_pass_has_no_chart(open_page):
    m = models.Model()
    w = m.leaf("w")
    m.node("SumBackward0", models.NONE, w, name="loss", flags=models.ROOT)
    m.add("steps", step=0, name=m.str("w"), norm=2.0)
    assert open_page(m.build()).page.query_selector("#training") is None
    m.add("steps", step=1, name=m.str("w"), norm=1.0)
    assert open_page(m.build()).page.query_selector("#training") is not None


# Points along each edge that lie in a box that the edge does not join.
CROSSINGS = """rushlight.app.scene.edges.filter(e => !e.back).flatMap(({a, b, points}) => {
  const boxes = rushlight.app.scene.items.filter(i => !i.frame && i !== a && i !== b), found = [];
  const see = (x, y) => {
    for (const box of boxes) {
      if (Math.abs(x - box.x) < box.w / 2 - 1 && Math.abs(y - box.y) < box.h / 2 - 1) {
        found.push([a.label, b.label, box.label]);
      }
    }
  };
  points.forEach(([x, top, bottom], k) => {
    for (let s = 0; s <= 16; s++) see(x, top + (bottom - top) * s / 16);
    if (!k) return;
    const [px, , py] = points[k - 1];
    for (let s = 0; s <= 1; s += 1 / 16) {
      const side = s * s * (3 - 2 * s), mid = 1.5 * s * (1 - s);
      see(px + (x - px) * side, py * (1 - s) ** 3 + (py + top) / 2 * 2 * mid + top * s ** 3);
    }
  });
  return found;
})"""


@pytest.mark.parametrize("seed", range(4))
def test_edges_cross_no_box_of_their_own_row(open_page_once, seed):
    page = open_page_once(models.random_graph(seed))
    for by in ("none", "line", "module"):
        page.choose("#by", by)
        page.js(OPEN_ALL)
        page.settle()
        assert page.js(CROSSINGS) == []
    m = models.Model()
    scope = m.scope("tall")
    w = m.leaf("w")
    first = m.node("FirstBackward0", models.NONE, w, name="first")
    aside = m.node("AsideBackward0", models.NONE, first, name="an input of a name that is long")
    at = first
    for k in range(6):
        at = m.node(f"Op{k}Backward0", models.NONE, at, name=f"v{k}", scope=scope)
    m.node("LastBackward0", models.NONE, at, aside, name="last", flags=models.ROOT)
    page = open_page_once(m.build())
    page.choose("#by", "module")
    assert page.js(CROSSINGS) == []
