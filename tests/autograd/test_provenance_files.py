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


def test_each_message_says_the_way_out():
    for program in (
        "y = make(w)\nspoil(y)\ny.sum().backward()\n",
        "loss = square(w)\nloss.backward()\nloss.backward()\n",
        "step(w)\n",
        "spoil(first(w))\n",
        "cut(w).backward()\n",
        "spoil(rows(w * 1)[0])\n",
        "spoil(view_without_history(w * 1))\n",
    ):
        assert any(line.startswith("  fix: ") for line in message_of(program)), program


def test_unused_input_names_where_it_was_made_and_who_asked():
    lines = message_of("y = make(w)\nz = apart(w)\ntorch.autograd.grad(square(w), y)\n")
    names(lines, "asked for by", "torch.autograd.grad(square(w), y)", "train.py", 4)
    in_model(lines, "made by", "return torch.exp(w)")
