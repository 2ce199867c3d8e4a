"""What errors tell of unused inputs and wrong gradients, and that telling never fails nor leaks."""

import gc
import linecache
import sys
import weakref

import pytest
from stories import W, story_of
from support import recorded_warnings, rushlight_only, torch

pytestmark = rushlight_only

# --- unused inputs

VERY = "compute the output from this very tensor: a copy or a view made of it does not count."
ANOTHER = "pass the tensor that the output was computed from: this name stands for another one now."


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("torch.autograd.grad(loss, [w, b])", "`b`"),
        ("torch.autograd.grad(loss, inputs=(w, b))", "`b`"),
        ("torch.autograd.grad(loss, pair)", "`pair[1]`"),
        ("torch.autograd.grad(loss, [*pair])", "inputs[1]"),
    ],
)
def test_unused_input_is_named(call, name):
    lines = story_of(
        f"b = torch.ones(3, requires_grad=True)\npair = [w, b]\nloss = (w * 2).sum()\n{call}\n"
    )
    assert lines == [
        f"  asked for by  {call:<24}  train.py:5",
        f"  it is         {name}, of shape [3]",
        f"  fix: {VERY}",
    ]


def test_unused_input_that_was_made_after_the_output():
    lines = story_of("loss = (w * 2).sum()\nw = w * 1\ntorch.autograd.grad(loss, w)\n")
    assert lines == [
        "  asked for by  torch.autograd.grad(loss, w)  train.py:4",
        "  it is         `w`, of shape [2]",
        "  made by       w = w * 1                 train.py:3",
        "  why           it was made after the output, which cannot depend on it",
        "  used instead  loss = (w * 2).sum()      train.py:2",
        f"  fix: {ANOTHER}",
    ]


def test_unused_input_whose_name_was_bound_to_a_new_leaf():
    lines = story_of(
        "loss = (w * 2).sum()\nw = w.detach().requires_grad_()\ntorch.autograd.grad(loss, w)\n"
    )
    assert lines == [
        "  asked for by  torch.autograd.grad(loss, w)  train.py:4",
        "  it is         `w`, of shape [2]",
        "  cut off by    w = w.detach().requires_grad_()  train.py:3",
        "  used instead  loss = (w * 2).sum()      train.py:2",
        "  why           `w` stood for another tensor there",
        f"  fix: {ANOTHER}",
    ]


# --- shapes and kinds of gradients


def test_output_with_several_elements_shows_both_ways_out():
    assert story_of("y = w * 2\ny.backward()\n") == [
        "  asked for by  y.backward()              train.py:3",
        "  made by       y = w * 2                 train.py:2",
        "  its shape is  [2]",
        "  fix: reduce it first, as in `y.sum().backward()`, or pass the gradient: "
        "`y.backward(torch.ones_like(y))`.",
    ]


def test_gradient_of_another_shape_than_the_output():
    assert story_of("y = w * 2\ng = w[0] * 1\ny.backward(g)\n") == [
        "  asked for by  y.backward(g)             train.py:4",
        "  output by     y = w * 2                 train.py:2",
        "  gradient by   g = w[0] * 1              train.py:3",
        "  fix: pass one number for each element of the output: a tensor like "
        "torch.ones_like(output).",
    ]


def test_assigned_gradient_of_another_shape_or_dtype():
    assert story_of("w.grad = torch.ones(3)\n") == [
        "  assigned by   w.grad = torch.ones(3)    train.py:2",
        "  fix: sum it to the shape of the tensor where it was broadcast, else reshape it.",
    ]
    assert story_of("w.grad = torch.ones(2).double()\n") == [
        "  assigned by   w.grad = torch.ones(2).double()  train.py:2",
        "  fix: convert it first, as in g.to(w.dtype).",
    ]


FUNCTION = (
    "class Scale(torch.autograd.Function):\n"
    "    @staticmethod\n"
    "    def forward(ctx, x, k, y):\n"
    "        return x * k + y\n"
    "    @staticmethod\n"
    "    def backward(ctx, g):\n"
    "        return {}\n"
    "y = Scale.apply(w, 2, w)\ny.sum().backward()\n"
)
RETURNS = {
    "g, None, torch.ones(1, 3)": (
        "  which is      return value 3 of 3",
        "  fix: return a gradient of the shape of that input of forward().",
    ),
    "g, None": (
        "  fix: return one value for each argument of forward() after ctx, None for what has no "
        "gradient.",
    ),
    "g, g, g": ("  fix: return None in that place.",),
    "g, None, 3": ("  fix: return a tensor, or None.",),
}


@pytest.mark.parametrize("returned", RETURNS)
def test_function_that_returns_wrong_gradients_names_its_backward(returned):
    assert story_of(FUNCTION.format(returned)) == [
        "  used by       y = Scale.apply(w, 2, w)  train.py:9",
        "  returned by   def backward(ctx, g):     train.py:7",
        *RETURNS[returned],
    ]


def test_hook_that_changes_the_shape_says_from_what_to_what():
    lines = story_of(
        "def first(g):\n    return g[:1]\nw.register_hook(first)\n(w * 2).sum().backward()\n"
    )
    assert lines == [
        "  from (2,) to (1,)",
        "  the hook      def first(g):             train.py:2",
        "  fix: return None, or a Tensor of the gradient's shape.",
    ]


# --- what a result cannot do


@pytest.mark.parametrize("statement", ["y.requires_grad_(False)", "y.requires_grad = False"])
def test_history_turned_off_shows_detach(statement):
    assert story_of(f"y = w * 2\n{statement}\n") == [
        f"  asked for by  {statement:<24}  train.py:3",
        "  made by       y = w * 2                 train.py:2",
        "  fix: take the values without the history: `y = y.detach()`.",
    ]


def test_numpy_of_a_result_shows_the_form_with_detach():
    assert story_of("y = w * 2\nz = (y + 1).numpy()\n") == [
        "  asked for by  z = (y + 1).numpy()       train.py:3",
        "  made by       z = (y + 1).numpy()       train.py:3",
        "  fix: use `(y + 1).detach().numpy()`.",
    ]


def test_grad_of_a_result_warns_with_the_statement_that_made_it():
    source = "w = torch.ones(2, requires_grad=True) * 0.1\nw.sum().backward()\nw.grad\n"
    linecache.cache["train.py"] = (len(source), None, source.splitlines(keepends=True), "train.py")
    with recorded_warnings() as caught:
        exec(compile(source, "train.py", "exec"), {"torch": torch})
    (warning,) = [w for w in caught if "not a leaf" in str(w.message)]
    assert warning.category is UserWarning
    assert str(warning.message).split("\n")[1:] == [
        "  made by       w = torch.ones(2, requires_grad=True) * 0.1  train.py:1",
        "  fix: `w` is a result, whose .grad stays None: call `w.retain_grad()` before backward(), "
        "or change a leaf in place under torch.no_grad() instead of binding its name to a result.",
    ]


# --- the telling itself

BROKEN = {
    "second backward": "s = (w * w).sum()\ns.backward()\ns.backward()\n",
    "changed": "y = torch.exp(w)\ny += 1\ny.sum().backward()\n",
    "leaf": "w += 1\n",
    "cut": "w.detach().sum().backward()\n",
    "unused": "torch.autograd.grad((w * 2).sum(), torch.ones(1, requires_grad=True))\n",
    "not scalar": "(w * 2).backward()\n",
    "numpy": "w.numpy()\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_error_is_the_same_without_source_and_with_the_wrong_source(case):
    program = W + BROKEN[case]
    first = None
    for text in (program, "", "def (:\n", "x\n", program.replace("w", "été")):
        linecache.cache["lost.py"] = (0, None, text.splitlines(keepends=True), "lost.py")
        with pytest.raises(RuntimeError) as caught:
            exec(compile(program, "lost.py", "exec"), {"torch": torch})
        lines = str(caught.value).split("\n")
        assert first in (None, lines[0])
        first = lines[0]
        assert any(line.startswith("  fix: ") for line in lines)


@pytest.mark.parametrize("case", BROKEN)
def test_error_is_the_same_where_telling_fails(case, monkeypatch):
    def fail(*_):
        raise MemoryError

    for module in ("_site", "_stories"):
        __import__(f"rushlight.{module}")
        for name in list(vars(sys.modules[f"rushlight.{module}"])):
            if callable(getattr(sys.modules[f"rushlight.{module}"], name)):
                monkeypatch.setattr(f"rushlight.{module}.{name}", fail)
    with pytest.raises(RuntimeError, match="\n  fix: "):
        exec(compile(W + BROKEN[case], "lost.py", "exec"), {"torch": torch})


class Odd:
    """A local variable that nobody may look at."""

    def __eq__(self, other):
        raise ValueError

    __hash__ = None

    def __repr__(self):
        raise ValueError


@pytest.mark.parametrize("case", BROKEN)
def test_error_keeps_nothing_alive(case):
    names = {"torch": torch, "odd": Odd()}
    program = compile(W + BROKEN[case], "train.py", "exec")
    gc.disable()
    try:
        with pytest.raises(RuntimeError) as caught:
            exec(program, names)
        dead = weakref.ref(names["w"])
        del caught
        names.clear()
        assert dead() is None
    finally:
        gc.enable()


def test_cut_tensors_let_go_of_their_code():
    x = torch.ones(2, requires_grad=True)
    code = compile("z = x.detach() * 2\nwith torch.no_grad(): z = z + x * 3", "cut.py", "exec")
    exec(code, {"x": x, "torch": torch})
    before = sys.getrefcount(code)
    for _ in range(100):
        exec(code, {"x": x, "torch": torch})
        y = x.detach().requires_grad_()
        (y * 2).sum().backward()
    assert sys.getrefcount(code) == before
