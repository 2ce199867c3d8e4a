"""The lines under an error's first sentence: which statements are at fault, and the way out."""

import functools

import pytest
from stories import story_of
from support import rushlight_only, torch

pytestmark = rushlight_only
message_of = functools.partial(story_of, first="")


LEAF = "b = torch.ones(2, requires_grad=True)\n"


def test_leaf_changed_in_place_shows_the_statement_and_its_form_under_no_grad():
    assert message_of(LEAF + "b -= 0.1 * torch.ones(2)\n") == [
        "  changed by    b -= 0.1 * torch.ones(2)  train.py:2",
        "  fix: parameters are updated outside the graph:",
        "         with torch.no_grad():",
        "             b -= 0.1 * torch.ones(2)",
    ]


def test_leaf_changed_over_several_lines_shows_all_of_them_under_no_grad():
    lines = message_of(LEAF + "for p in [b]:\n    p.sub_(\n        0.1\n    )\n")
    assert lines == [
        "  changed by    p.sub_( 0.1 )             train.py:3",
        "  fix: parameters are updated outside the graph:",
        "         with torch.no_grad():",
        "             p.sub_(",
        "                 0.1",
        "             )",
    ]


def test_leaf_changed_by_a_long_statement_does_not_paste_it():
    lines = message_of(LEAF + "b.add_(" + " + ".join(["torch.ones(2)"] * 9) + ")\n")
    assert lines[0].endswith("…  train.py:2")
    assert lines[-1] == "             ..."


def test_leaf_changed_without_source_keeps_the_place():
    with pytest.raises(RuntimeError) as caught:
        exec(compile(LEAF + "b.zero_()\n", "<nowhere>", "exec"), {"torch": torch})
    lines = str(caught.value).splitlines()
    assert lines[1] == "  changed by    <nowhere>:2"
    assert lines[-1] == "             ..."


def test_second_backward_shows_both_passes():
    lines = message_of(
        "def loss_of(w):\n    return (w * w).sum()\n"
        "w = torch.ones(2, requires_grad=True)\nloss = loss_of(w)\n"
        "loss.backward()\nloss.backward()\n"
    )
    assert lines == [
        "  needed by     return (w * w).sum()      train.py:2",
        "  freed by      loss.backward()           train.py:5",
        "  shared part   all of it: both passes start from the same output",
        "  fix: run the forward pass again before each backward(), or keep the graph of the first "
        "one with backward(retain_graph=True).",
    ]


def test_changed_saved_tensor_shows_who_saved_and_who_changed_it():
    lines = message_of(
        "x = torch.ones(2, requires_grad=True)\ny = torch.exp(x)\ny += 1\ny.sum().backward()\n"
    )
    assert lines[:2] == [
        "  saved by      y = torch.exp(x)          train.py:2",
        "  modified by   y += 1                    train.py:3",
    ]


WHY = {
    "plain": ("loss = torch.ones(2).sum()", "nothing that it was computed from requires grad"),
    "no_grad": (
        "with torch.no_grad(): y = (w * 2).sum()\nloss = y * 3",
        "it comes from tensors that require grad, but no_grad() or inference_mode() was on",
    ),
    "decorated": (
        "@torch.no_grad()\ndef f(): return (w * 2).sum()\nloss = f() + 1",
        "it comes from tensors that require grad, but no_grad() or inference_mode() was on",
    ),
    "detach": (
        "loss = (w * 2).detach().clone().sum()",
        "detach() or .data cut it from tensors that require grad",
    ),
    "detach last": (
        "loss = (w * 2).sum().detach()",
        "detach() or .data cut it from tensors that require grad",
    ),
    "data": ("loss = w.data.sum()", "detach() or .data cut it from tensors that require grad"),
    "comparison": (
        "loss = (w > 0).float().sum()",
        "it went through a comparison, an integer or another operation without a derivative",
    ),
    "integer": ("loss = torch.tensor(3)", "its dtype is int64, which has no derivative"),
}


@pytest.mark.parametrize("case", WHY)
def test_backward_without_history_says_why(case):
    source, why = WHY[case]
    program = f"w = torch.ones(2, requires_grad=True)\n{source}\nloss.backward()\n"
    lines = message_of(program)
    last = program.count("\n")
    assert lines[0] == f"  asked for by  loss.backward()           train.py:{last}"
    cut = [line for line in lines if line.startswith("  cut off by    ")]
    assert len(cut) == (case not in ("plain", "integer"))
    assert lines[1 + len(cut)] == f"  why           {why}"
    assert lines[2 + len(cut)].startswith("  fix: ")


def test_a_number_in_a_tensors_place_is_freed_too():
    w = torch.ones(2, requires_grad=True)
    for function in (lambda: w * 2, lambda: w / 2, lambda: (w * 1.0).mul_(3)):
        y = function()
        y.sum().backward()
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            y.sum().backward()
    y = w + 2
    y.sum().backward()
    y.sum().backward()
