"""Errors of a program in several files: the message names the guilty line, not that of backward."""

import linecache

import pytest
from support import rushlight_only, torch

pytestmark = rushlight_only

# `model.py` is at fault; `train.py` only runs backward or uses the result.
MODEL = """\
import torch

def make(w):
    return torch.exp(w)

def spoil(y):
    y += 1
    return y

def cut(w):
    return (w * 2).detach().sum()

def untracked(w):
    with torch.no_grad():
        y = w * 2
    return y.sum()

def number(w):
    total = 0.0
    for value in w.view(-1):
        total += value.item()
    return torch.tensor(total)

def square(w):
    return (w * w).sum()

def step(w):
    w -= 0.1

def first(w):
    return w[0]

def rows(w):
    return w.unbind()

def view_without_history(w):
    with torch.no_grad():
        return w.view(-1)

def apart(w):
    return w.detach() * 3

def bad_hook(g):
    return 3

def resizing_hook(g):
    return g[:1]

def casting_hook(g): return g.double()

def watch(y, hook):
    y.register_hook(hook)
    return y

def doubled(w):
    return w * 2

def gradient_for(w):
    return w[0] * 1

def frozen():
    with torch.inference_mode():
        return torch.ones(2, 2)

def use(w, t):
    return w * t

def write(t):
    t.mul_(2)

def absorb(w):
    w.requires_grad_(False)
    w.mul_(torch.ones(2, 2, requires_grad=True) * 1)
"""


def module(filename, source):
    """Run a source as the file of this name; return its globals."""
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    names = {"torch": torch, "__name__": filename.removesuffix(".py")}
    exec(compile(source.replace("import torch\n", "\n", 1), filename, "exec"), names)
    return names


def line_of(source, text):
    return next(n for n, line in enumerate(source.splitlines(), 1) if text in line)


def message_of(program, kind=RuntimeError):
    """The lines under the first sentence of what `train.py` ends with."""
    model = module("model.py", MODEL)
    train = "w = torch.ones(2, 2, requires_grad=True)\n" + program
    lines = train.splitlines(keepends=True)
    linecache.cache["train.py"] = (len(train), None, lines, "train.py")
    with pytest.raises(kind) as caught:
        exec(compile(train, "train.py", "exec"), {"torch": torch, **model, "__name__": "train"})
    return str(caught.value).split("\n", 1)[1].splitlines()


def names(lines, label, statement, filename, number):
    """A line with this label shows the statement, and ends with the place."""
    found = [line for line in lines if line.strip().startswith(label)]
    assert found, f"no line {label!r} in {lines}"
    assert statement in found[0] and found[0].endswith(f"{filename}:{number}"), found


def in_model(lines, label, statement):
    names(lines, label, statement, "model.py", line_of(MODEL, statement))


def test_value_changed_after_it_was_saved():
    lines = message_of("y = make(w)\nspoil(y)\ny.sum().backward()\n")
    in_model(lines, "saved by", "return torch.exp(w)")
    in_model(lines, "modified by", "y += 1")


def test_input_changed_after_it_was_saved():
    lines = message_of("y = w * 2\nloss = square(y)\nspoil(y)\nloss.backward()\n")
    in_model(lines, "saved by", "return (w * w).sum()")
    in_model(lines, "modified by", "y += 1")


def test_second_backward():
    lines = message_of("loss = square(w)\nloss.backward()\nloss.backward()\n")
    in_model(lines, "needed by", "return (w * w).sum()")
    names(lines, "freed by", "loss.backward()", "train.py", 3)


def test_leaf_changed():
    in_model(message_of("step(w)\n"), "changed by", "w -= 0.1")


def test_view_of_a_leaf_changed():
    lines = message_of("v = first(w)\nspoil(v)\n")
    in_model(lines, "changed by", "y += 1")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        ("cut", "detach() or .data cut it"),
        ("untracked", "no_grad() or inference_mode() was on"),
        ("number", "nothing that it was computed from requires grad"),
        ("apart(w).sum() if 1 else cut", "detach() or .data cut it"),
    ],
)
def test_backward_of_what_was_cut_off(make, why):
    call = make if "(" in make else f"{make}(w)"
    lines = message_of(f"loss = {call}\nloss.backward()\n")
    names(lines, "asked for by", "loss.backward()", "train.py", 3)
    assert any(why in line for line in lines), lines


def test_one_of_several_views_changed():
    lines = message_of("a, b = rows(w * 1)\nspoil(a)\n")
    in_model(lines, "changed by", "y += 1")
    in_model(lines, "made by", "return w.unbind()")


def test_view_made_without_history_changed():
    lines = message_of("v = view_without_history(w * 1)\nspoil(v)\n")
    in_model(lines, "changed by", "y += 1")


def test_unused_input_names_where_it_was_made_and_who_asked():
    lines = message_of("y = make(w)\nz = apart(w)\ntorch.autograd.grad(square(w), y)\n")
    names(lines, "asked for by", "torch.autograd.grad(square(w), y)", "train.py", 4)
    in_model(lines, "made by", "return torch.exp(w)")


# What backward(), grad() or the use of a tensor says; (label, statement of model.py) for each line
# that names the model, and the statement of train.py that asked, where one is shown.
MATRIX = {
    "saved value changed": (
        "y = make(w)\nspoil(y)\ny.sum().backward()\n",
        [("saved by", "return torch.exp(w)"), ("modified by", "y += 1")],
        None,
    ),
    "saved view changed through its base": (
        "y = doubled(w)\nloss = square(y.t())\nspoil(y)\nloss.backward()\n",
        [("saved by", "return (w * w).sum()"), ("modified by", "y += 1")],
        None,
    ),
    "second backward": (
        "loss = square(w)\nloss.backward()\nloss.backward()\n",
        [("needed by", "return (w * w).sum()")],
        ("freed by", "loss.backward()", 3),
    ),
    "no history": ("cut(w).backward()\n", [], ("asked for by", "cut(w).backward()", 2)),
    "not a scalar": (
        "y = doubled(w)\ny.backward()\n",
        [("made by", "return w * 2")],
        ("asked for by", "y.backward()", 3),
    ),
    "gradient of another shape": (
        "y = doubled(w)\ng = gradient_for(w)\ny.backward(g)\n",
        [("output by", "return w * 2"), ("gradient by", "return w[0] * 1")],
        ("asked for by", "y.backward(g)", 4),
    ),
    "unused input": (
        "y = make(w)\ntorch.autograd.grad(square(w), y)\n",
        [("made by", "return torch.exp(w)")],
        ("asked for by", "torch.autograd.grad(square(w), y)", 3),
    ),
    "input without history": (
        "t = apart(w)\ntorch.autograd.grad(square(w), t)\n",
        [],
        ("asked for by", "torch.autograd.grad(square(w), t)", 3),
    ),
    "backward into what has no history": (
        "t = apart(w)\nsquare(w).backward(inputs=[t])\n",
        [],
        ("asked for by", "square(w).backward(inputs=[t])", 3),
    ),
    "hook without history": (
        "watch(apart(w), bad_hook)\n",
        [("asked for by", "y.register_hook(hook)")],
        None,
    ),
    "hook that returns a number": (
        "watch(doubled(w), bad_hook).sum().backward()\n",
        [("the hook", "def bad_hook(g):")],
        None,
    ),
    "hook that changes the size": (
        "watch(doubled(w), resizing_hook).sum().backward()\n",
        [("the hook", "def resizing_hook(g):")],
        None,
    ),
    "hook that changes the dtype": (
        "watch(w, casting_hook)\nsquare(w).backward()\n",
        [("the hook", "def casting_hook(g): return g.double()")],
        None,
    ),
    "hook behind a partial": (
        "import functools\nwatch(w, functools.partial(bad_hook))\nsquare(w).backward()\n",
        [("the hook", "def bad_hook(g):")],
        None,
    ),
    "post-accumulate hook that returns a tensor": (
        "w.register_post_accumulate_grad_hook(resizing_hook)\nsquare(w).backward()\n",
        [("the hook", "def resizing_hook(g):")],
        None,
    ),
    "post-accumulate hook on what is computed": (
        "y = doubled(w)\ny.register_post_accumulate_grad_hook(bad_hook)\n",
        [("made by", "return w * 2")],
        ("asked for by", "y.register_post_accumulate_grad_hook(bad_hook)", 3),
    ),
    "leaf changed": ("step(w)\n", [("changed by", "w -= 0.1")], None),
    "view of a leaf changed": ("spoil(first(w))\n", [("changed by", "y += 1")], None),
    "one of several views changed": (
        "spoil(rows(w * 1)[0])\n",
        [("changed by", "y += 1"), ("made by", "return w.unbind()")],
        None,
    ),
    "base of several views changed": (
        "y = doubled(w)\na, b = rows(y)\nspoil(y)\na * 1\n",
        [("modified by", "y += 1"), ("made by", "return w.unbind()")],
        None,
    ),
    "view without history changed": (
        "spoil(view_without_history(w * 1))\n",
        [("changed by", "y += 1")],
        None,
    ),
    "inference tensor saved": (
        "use(w, frozen())\n",
        [("used by", "return w * t")],
        None,
    ),
    "inference tensor changed": ("write(frozen())\n", [("changed by", "t.mul_(2)")], None),
    "leaf moved into the graph": (
        "loss = (doubled(w) * 3).sum()\nabsorb(w)\nloss.backward()\n",
        [("moved by", "w.mul_(torch.ones(2, 2, requires_grad=True) * 1)")],
        None,
    ),
    "history turned off": (
        "y = doubled(w)\ny.requires_grad_(False)\n",
        [("made by", "return w * 2")],
        None,
    ),
    "deepcopy": (
        "import copy\ncopy.deepcopy(doubled(w))\n",
        [("made by", "return w * 2")],
        None,
    ),
    "numpy": ("doubled(w).numpy()\n", [("made by", "return w * 2")], None),
}
NO_WAY_OUT = ("changes the", "returns a tensor", "partial", "turned off", "numpy")


@pytest.mark.parametrize("case", MATRIX)
def test_guilty_line_in_another_file_is_named(case):
    program, guilty, asked = MATRIX[case]
    kind = TypeError if "number" in case or "partial" in case else RuntimeError
    lines = message_of(program, kind)
    for label, statement in guilty:
        in_model(lines, label, statement)
    if asked:
        label, statement, number = asked
        names(lines, label, statement, "train.py", number)


@pytest.mark.parametrize("case", [c for c in MATRIX if not any(n in c for n in NO_WAY_OUT)])
def test_message_says_the_way_out(case):
    program = MATRIX[case][0]
    kind = TypeError if "number" in case else RuntimeError
    assert any(line.startswith("  fix: ") for line in message_of(program, kind))


def test_hook_that_is_not_written_in_python_is_left_unnamed():
    x = torch.ones(2, requires_grad=True)
    x.register_hook(len)
    with pytest.raises(TypeError) as caught:
        (x * 2).sum().backward()
    assert "the hook" not in str(caught.value)


def test_hook_that_is_an_object_is_named_by_its_call():
    class Hook:
        def __call__(self, g):
            return "no tensor"

    x = torch.ones(2, requires_grad=True)
    x.register_hook(Hook())
    with pytest.raises(TypeError, match=r"\n  the hook      def __call__\(self, g\): "):
        (x * 2).sum().backward()
