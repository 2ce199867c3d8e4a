"""make_dot: the text of the graph, beside torchviz's record and in our own styles."""

import gc
import sys
import weakref

import pytest
from dot_programs import PROGRAMS
from golden import golden_calls
from support import leaf, recorded_warnings, torch

from rushlight import _site

pytestmark = pytest.mark.filterwarnings("ignore:make_dot. a tensor of shape")

GOLDEN = list(golden_calls())
DRAWN = [call for call in GOLDEN if not call[3].startswith("//")]


def draw(name, classic, options):
    var, params = PROGRAMS[name](torch)
    options = {**options, "style": "classic" if classic else "torchviz"}
    if options.pop("params", False):
        options["params"] = params
    return torch.make_dot(var, **options)


def text_of(call):
    name, classic, options, _ = call
    return "-".join([name, *["classic"] * classic, *options])


# The record.


@pytest.mark.parametrize("call", DRAWN, ids=text_of)
def test_the_text_is_that_of_torchviz(call):
    name, classic, options, source = call
    assert draw(name, classic, options).source.strip() == source


def test_the_record_holds_all_programs_in_all_forms():
    assert {name for name, *_ in GOLDEN} == set(PROGRAMS)
    assert len(PROGRAMS) >= 60
    assert len(DRAWN) >= 400


def test_what_torchviz_refuses_after_backward_raises_its_error():
    calls = [c for c in GOLDEN if "RuntimeError" in c[3] and not c[1] and "show" in str(c[2])]
    assert {name for name, *_ in calls} == {"after_backward", "own_function_after_backward"}
    for name, classic, options, line in calls:
        with pytest.raises(RuntimeError) as caught:
            draw(name, classic, options)
        first = str(caught.value).splitlines()[0]
        assert f"// raises RuntimeError {first}" == line


def test_a_custom_function_is_drawn_after_backward_where_torchviz_fails():
    name = "own_function_after_backward"
    assert next(c[3] for c in GOLDEN if c[0] == name).startswith("// raises RuntimeError")
    assert "SquareBackward" in draw(name, False, {}).source
    assert "SquareBackward" in draw(name, True, {"params": True}).source


def test_classic_draws_leaves_without_a_name_where_torchviz_failed():
    for name in ("some_leaves_unnamed", "products"):
        assert any(c[0] == name and "KeyError" in c[3] for c in GOLDEN)
        assert 'label="\n (' in draw(name, True, {"params": True}).source


def test_classic_draws_one_green_box_for_a_tensor_without_a_node():
    for name, size in (("output_is_a_leaf", "2, 3"), ("output_without_graph", "4")):
        assert any(c[0] == name and "NoneType" in c[3] for c in GOLDEN)
        body = draw(name, True, {}).body
        assert body == [f'\t1 [label="\n ({size})" fillcolor=darkolivegreen1]\n']


def test_classic_draws_a_leaf_once_that_is_an_output_too():
    w = leaf([1.0])
    body = torch.make_dot((w.exp(), w), {"w": w}, style="classic").body
    assert body == [
        "\t1 [label=ExpBackward0 fillcolor=darkolivegreen1]\n",
        "\t2 -> 1\n",
        '\t2 [label="w\n (1)" fillcolor=darkolivegreen1]\n',
    ]


# Arguments.


def test_two_graphs_of_one_program_have_the_same_text():
    for style in ("torchviz", "classic", "named"):
        texts = []
        for _ in range(2):
            var, params = PROGRAMS["modules"](torch)
            texts.append(torch.make_dot(var, params, True, True, style=style).source)
        assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "nest",
    [
        lambda a, b: [a, b],
        lambda a, b: {"a": a, "b": b},
        lambda a, b: (a, [None, {"b": [b]}]),
        lambda a, b: ((a,), (), b),
    ],
    ids=["list", "dict", "nested", "empty inside"],
)
def test_any_nesting_is_drawn_as_the_tuple_of_its_tensors(nest):
    a, b = leaf([1.0]).exp(), leaf([1.0, 2.0]).sin()
    assert torch.make_dot(nest(a, b)).source == torch.make_dot((a, b)).source


@pytest.mark.parametrize("nothing", [[], (), {}, [[], None]], ids=repr)
def test_a_nesting_without_tensors_raises(nothing):
    kind = type(nothing).__name__
    with pytest.raises(ValueError, match=f"there is no tensor in this {kind}"):
        torch.make_dot(nothing)


@pytest.mark.parametrize("wrong, kind", [(3.0, "float"), (None, "NoneType"), ("y", "str")])
def test_what_is_no_tensor_raises(wrong, kind):
    with pytest.raises(TypeError, match=f"expected a tensor or a nesting of tensors, got {kind}"):
        torch.make_dot(wrong)


def test_a_number_beside_tensors_raises():
    with pytest.raises(TypeError, match="got float"):
        torch.make_dot([leaf([1.0]), 2.0])


def test_a_list_that_contains_itself_raises():
    outputs = [leaf([1.0])]
    outputs.append(outputs)
    with pytest.raises(ValueError, match="contains itself"):
        torch.make_dot(outputs)


def test_a_list_may_stand_in_an_output_twice_and_deep_inside():
    parts = [leaf([1.0]).exp()]
    deep = parts
    for _ in range(50_000):
        deep = [deep]
    assert torch.make_dot([parts, parts, deep]).source == torch.make_dot(parts).source


def test_a_tensor_without_graph_is_drawn_with_a_warning():
    with recorded_warnings() as caught:
        dot = torch.make_dot(torch.ones(2))
    assert "has no graph, for it does not require grad" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert len(dot.body) == 1


def test_an_unknown_style_raises():
    with pytest.raises(ValueError, match="one of torchviz, classic, named, got 'modern'"):
        torch.make_dot(leaf([1.0]), style="modern")


def test_params_take_pairs_and_refuse_what_is_no_tensor():
    w = leaf([1.0])
    pairs = torch.make_dot(w.exp(), params=iter([("w", w)])).source
    assert pairs == torch.make_dot(w.exp(), params={"w": w}).source
    for wrong in (3, [1], w):
        with pytest.raises(TypeError, match="params must be a dict of names and tensors, got"):
            torch.make_dot(w.exp(), params=wrong)
    with pytest.raises(AssertionError, match="params must map names to tensors, got float for 'b'"):
        torch.make_dot(w.exp(), params={"w": w, "b": 1.0})


# Size and memory.


@pytest.mark.parametrize("style", ["torchviz", "classic", "named"])
def test_a_deep_graph_is_drawn_without_recursion(style):
    x = leaf([1.0])
    for _ in range(20_000):
        x = x * 1.0
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        dot = torch.make_dot(x, style=style)
    finally:
        sys.setrecursionlimit(limit)
    assert sum("MulBackward0" in line for line in dot.body) == 20_000


def test_a_picture_keeps_no_tensor_and_no_node_alive():
    class Mark:
        pass

    gc.disable()
    try:
        for style in ("torchviz", "classic", "named"):
            w = leaf([1.0])
            h = w.exp()
            y = h * w
            y.grad_fn.metadata["mark"] = Mark()
            marks = [weakref.ref(y.grad_fn.metadata["mark"]), weakref.ref(w), weakref.ref(h)]
            dot = torch.make_dot(y, {"w": w}, show_attrs=True, show_saved=True, style=style)
            del w, h, y
            assert [mark() for mark in marks] == [None, None, None]
            assert "MulBackward0" in dot.source
    finally:
        gc.enable()


# The styles of our own.


@pytest.mark.python_versions
def test_named_writes_expressions_variables_and_lines():
    b, w, x = leaf([1.0]), leaf([2.0]), torch.ones(3)
    yhat = b + w * x
    line = sys._getframe().f_lineno - 1
    here = f"test_make_dot.py:{line}"
    assert torch.make_dot(yhat, style="named").body == [
        f'\t1 [label="yhat = b + w * x\nAddBackward0 {here}" fillcolor=darkolivegreen1]\n',
        "\t2 -> 1\n",
        '\t2 [label="b\n (1)" fillcolor=lightblue]\n',
        "\t3 -> 1\n",
        f'\t3 [label="w * x\nMulBackward0 {here}"]\n',
        "\t4 -> 3\n",
        '\t4 [label="w\n (1)" fillcolor=lightblue]\n',
    ]


def test_named_prefers_the_names_of_params():
    w = leaf([2.0])
    assert '[label="weight\n (1)"' in torch.make_dot(w * 2, {"weight": w}, style="named").source


@pytest.mark.python_versions
def test_named_writes_an_in_place_statement_once():
    w = leaf([2.0])
    y = w * 2
    y += w
    assert '[label="y += w\nAddBackward0' in torch.make_dot(y, style="named").source
    positive = y[y > 0 == torch.ones(1)]
    assert '[label="positive = y[y > 0 ==' in torch.make_dot(positive, style="named").source


def test_named_looks_a_line_of_a_loop_up_once(monkeypatch):
    x = leaf([2.0])
    for _ in range(50):
        x = x * 2 + 1
    looked_up = []
    resolve = _site.resolve
    monkeypatch.setattr(_site, "resolve", lambda *at: looked_up.append(at) or resolve(*at))
    source = torch.make_dot(x, style="named").source
    assert source.count("AddBackward0 test_make_dot.py") == 50
    assert len(looked_up) == 2


def test_named_links_a_saved_leaf_to_its_box():
    w, v = leaf([2.0]), leaf([3.0])
    source = torch.make_dot(w * v, style="named", show_saved=True).source
    assert source.count("lightblue") == 2 and "orange" not in source
    assert "\t1 -> 2 [dir=none]\n" in source and "\t1 -> 3 [dir=none]\n" in source


@pytest.mark.parametrize("style", ["classic", "named"])
def test_after_backward_the_own_styles_say_where_what_was_saved_was_freed(style):
    w = leaf([2.0])
    y = w.exp()
    y.backward()
    line = sys._getframe().f_lineno - 1
    source = torch.make_dot(y, style=style, show_attrs=True, show_saved=True).source
    freed = f"freed at test_make_dot.py:{line}"
    assert f"result: [{freed}]" in source
    assert f'[label="result\n {freed}" fillcolor=orange]' in source


@pytest.mark.parametrize("style", ["classic", "named"])
def test_the_own_styles_say_what_was_changed_in_place(style):
    w = leaf([2.0])
    h = w * 1
    y = h.sin()
    h.add_(1)
    source = torch.make_dot(y, style=style, show_attrs=True).source
    assert "self: [changed in place]" in source
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.make_dot(y, show_attrs=True)


def test_named_shows_a_backslash_as_it_stands():
    names = {"a\nb": leaf([1.0])}
    y = names["a\nb"] * 2
    assert 'names[\\"a\\\\nb\\"] * 2' in torch.make_dot(y, style="named").source
