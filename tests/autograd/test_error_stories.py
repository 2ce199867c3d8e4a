"""What an autograd error tells under PyTorch's sentence: every line of it, with file and line."""

import pytest
from stories import story_of
from support import recorded_warnings, rushlight_only, torch

pytestmark = rushlight_only

# --- changed in place

# A statement that changes y = torch.exp(w), and what to write instead.
CHANGES = {
    "y += 1": "use `y = y + 1`, or clone `y` before changing it.",
    "y *= w + 1": "use `y = y * (w + 1)`, or clone `y` before changing it.",
    "y.mul_(2)": "use `y = y.mul(2)`, or clone `y` before changing it.",
    "z = y.add_(1, alpha=2)": "use `y.add(1, alpha=2)`, or clone `y` before changing it.",
    "y.zero_()": "use `y = torch.zeros_like(y)`, or clone `y` before changing it.",
    "y.fill_(3)": "use `y = torch.full_like(y, 3)`, or clone `y` before changing it.",
    "y.copy_(w * 2)": "use `y = (w * 2).clone()`, or clone `y` before changing it.",
    "torch.sin_(y)": "use `y = torch.sin(y)`, or clone `y` before changing it.",
    "torch.relu_(y)": "use `y = torch.relu(y)`, or clone `y` before changing it.",
    "torch.nn.functional.relu(y, inplace=True)": (
        "use `y = torch.nn.functional.relu(y)`, or clone `y` before changing it."
    ),
    "y[0] = 1": "write into a copy: `y = y.clone()` first.",
    "y[0] += 1": "write into a copy: `y = y.clone()` first.",
    "y[:1][0] = 1": "write into a copy: `y = y.clone()` first.",
    "y[:1].zero_()": "write into a copy: `y = y.clone()` first.",
}


@pytest.mark.parametrize("statement", CHANGES)
def test_value_changed_in_place_shows_the_statement_that_makes_a_new_one(statement):
    lines = story_of(f"y = torch.exp(w)\n{statement}\ny.sum().backward()\n")
    assert lines == [
        "  saved by      y = torch.exp(w)          train.py:2",
        f"  modified by   {statement:<24}  train.py:3",
        f"  fix: {CHANGES[statement]}",
    ]


def test_value_changed_through_a_view_names_the_write():
    lines = story_of("y = torch.exp(w)\nv = y[:1]\nv.sub_(1)\ny.sum().backward()\n")
    assert lines == [
        "  saved by      y = torch.exp(w)          train.py:2",
        "  modified by   v.sub_(1)                 train.py:4",
        "  fix: use `v = v.sub(1)`, or clone `v` before changing it.",
    ]


def test_value_overwritten_by_out_shows_the_form_without_it():
    lines = story_of(
        "y = w * 1\nz = y * y\nwith torch.no_grad():\n    torch.exp(w, out=y)\nz.sum().backward()\n"
    )
    assert lines == [
        "  saved by      z = y * y                 train.py:3",
        "  modified by   torch.exp(w, out=y)       train.py:5",
        "  fix: use `y = torch.exp(w)`, or clone `y` before changing it.",
    ]


def test_value_changed_by_an_optimizer_shows_its_step():
    lines = story_of(
        "opt = torch.optim.SGD([w], lr=0.1)\nloss = (w * w).sum()\nw.grad = torch.ones(2)\n"
        "opt.step()\nloss.backward()\n"
    )
    assert lines == [
        "  saved by      loss = (w * w).sum()      train.py:3",
        "  modified by   opt.step()                train.py:5",
        "  fix: call backward() before `opt.step()`, or compute the loss again after it.",
    ]


def test_value_saved_by_a_function_and_changed_names_both():
    lines = story_of(
        "class Exp(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x):\n"
        "        y = x.exp()\n"
        "        ctx.save_for_backward(y)\n"
        "        return y\n"
        "    @staticmethod\n"
        "    def backward(ctx, g):\n"
        "        return g * ctx.saved_tensors[0]\n"
        "y = Exp.apply(w)\ny.add_(1)\ny.sum().backward()\n"
    )
    assert lines == [
        "  saved by      y = Exp.apply(w)          train.py:11",
        "  modified by   y.add_(1)                 train.py:12",
        "  fix: use `y = y.add(1)`, or clone `y` before changing it.",
    ]


def test_value_changed_by_a_method_without_a_twin_gets_the_general_advice():
    lines = story_of("y = torch.exp(w)\ny.normal_()\ny.sum().backward()\n")
    assert lines[1:] == [
        "  modified by   y.normal_()               train.py:3",
        "  fix: use the out-of-place form of that operation, or clone() the tensor before "
        "changing it.",
    ]


def test_one_of_several_views_changed_shows_the_form_that_makes_a_new_one():
    assert story_of("a, b = (w * 1).unbind()\na.add_(1)\n") == [
        "  made by       a, b = (w * 1).unbind()   train.py:2",
        "  changed by    a.add_(1)                 train.py:3",
        "  fix: use `a = a.add(1)`, or clone `a` before changing it.",
    ]


def test_item_of_a_list_changed_in_place_is_written_back():
    lines = story_of("ys = [torch.exp(w)]\nys[0] += 1\nys[0].sum().backward()\n")
    assert lines[2] == "  fix: use `ys[0] = ys[0] + 1`, or clone `ys[0]` before changing it."


# --- leaves

LEAF_WRITES = (
    "w -= 0.1 * w",
    "w[0] = 1",
    "w[0] += 1",
    "w.zero_()",
    "w[:1].mul_(2)",
    "torch.sin_(w)",
)


@pytest.mark.parametrize("statement", LEAF_WRITES)
def test_leaf_changed_in_place_shows_the_statement_under_no_grad(statement):
    lines = story_of(f"for _ in range(3):\n    if True:\n        {statement}\n")
    assert lines == [
        f"  changed by    {statement:<24}  train.py:4",
        "  fix: parameters are updated outside the graph:",
        "         with torch.no_grad():",
        f"             {statement}",
    ]


def test_view_of_a_leaf_changed_in_place_shows_the_statement():
    lines = story_of("v = w[:1]\nv += 1\n")
    assert lines == [
        "  changed by    v += 1                    train.py:3",
        "  fix: parameters are updated outside the graph:",
        "         with torch.no_grad():",
        "             v += 1",
    ]


def test_leaf_changed_in_the_head_of_a_statement_shows_the_expression():
    lines = story_of("if w.zero_().sum() == 0:\n    pass\n")
    assert lines[-1] == "             w.zero_()"


def test_result_given_to_out_shows_the_call_without_it():
    assert story_of("torch.add(w, 1, out=torch.empty(2))\n") == [
        "  changed by    torch.add(w, 1, out=torch.empty(2))  train.py:2",
        "  fix: use the result of `torch.add(w, 1)`, or write under torch.no_grad().",
    ]


# --- second backward

RETAIN = "keep the graph of the first one with backward(retain_graph=True)."


def test_second_backward_of_one_loss():
    assert story_of("loss = (w * w).sum()\nloss.backward()\nloss.backward()\n") == [
        "  needed by     loss = (w * w).sum()      train.py:2",
        "  freed by      loss.backward()           train.py:3",
        "  shared part   all of it: both passes start from the same output",
        f"  fix: run the forward pass again before each backward(), or {RETAIN}",
    ]


def test_second_backward_through_a_state_that_a_loop_carries_on():
    lines = story_of(
        "h = torch.zeros(2)\nfor i in range(2):\n"
        "    h = torch.tanh(h + w)\n    h.sum().backward()\n"
    )
    assert lines == [
        "  needed by     h = torch.tanh(h + w)     train.py:4",
        "  freed by      h.sum().backward()        train.py:5",
        "  shared part   h = torch.tanh(h + w)     train.py:4",
        "  used again by h = torch.tanh(h + w)     train.py:4",
        "  why           a loop carries it from one pass into the next, with its history",
        "  fix: cut the carried value off between the passes: `h = h.detach()`.",
    ]


def test_second_backward_through_what_was_computed_before_the_loop():
    lines = story_of(
        "scale = w * w\nfor i in range(2):\n    loss = (scale * 2).sum()\n    loss.backward()\n"
    )
    assert lines == [
        "  needed by     scale = w * w             train.py:2",
        "  freed by      loss.backward()           train.py:5",
        "  shared part   scale = w * w             train.py:2",
        "  used again by loss = (scale * 2).sum()  train.py:4",
        "  why           it was computed once, before the first pass",
        f"  fix: compute it anew for each pass, inside the loop, or {RETAIN}",
    ]


def test_second_backward_of_another_output_of_the_same_part():
    lines = story_of(
        "s = w * w\na = s.sum()\nb = (s * 2).sum()\na.backward()\ntorch.autograd.grad(b, w)\n"
    )
    assert lines == [
        "  needed by     s = w * w                 train.py:2",
        "  freed by      a.backward()              train.py:5",
        "  shared part   both outputs were computed from it before the first pass",
        f"  fix: add the outputs and run one pass, as in (a + b).backward(), or {RETAIN}",
    ]


def test_second_backward_of_a_loss_beside_a_leaf():
    lines = story_of(
        "loss = (w * w).sum()\nfor i in range(2):\n"
        "    torch.autograd.backward([w, loss], [torch.ones(2), None])\n"
    )
    assert lines[2:] == [
        "  shared part   all of it: both passes start from the same output",
        f"  fix: run the forward pass again before each backward(), or {RETAIN}",
    ]
    lines = story_of(
        "s = w * w\nfor i in range(2):\n    loss = s.sum()\n"
        "    torch.autograd.backward([w, loss], [torch.ones(2), None])\n"
    )
    assert lines[2:4] == [
        "  shared part   s = w * w                 train.py:2",
        "  used again by loss = s.sum()            train.py:4",
    ]


def test_saved_tensor_looked_at_after_it_was_freed():
    lines = story_of("y = torch.exp(w)\ny.sum().backward()\ny.grad_fn._saved_result\n")
    assert lines == [
        "  needed by     y = torch.exp(w)          train.py:2",
        "  freed by      y.sum().backward()        train.py:3",
        f"  fix: look at saved tensors before the backward pass, or {RETAIN}",
    ]


# --- does not require grad

NO_DERIVATIVE = "it went through a comparison, an integer or another operation without a derivative"
FLOATS = "keep the computation in a floating point dtype, and in operations with a derivative."
DETACHED = (
    "detach() or .data cut it from tensors that require grad",
    "compute it from the tensors themselves, without detach() or .data.",
)
UNRECORDED = (
    "it comes from tensors that require grad, but no_grad() or inference_mode() was on",
    "compute it outside torch.no_grad(), or under torch.enable_grad().",
)

# Statements; the one among them that cuts; why; the way out.
CUTS = {
    "detach": ("y = (w * 2).detach()", 0, *DETACHED),
    "data": ("y = w.data", 0, *DETACHED),
    "detach in place": ("y = w * 2\ny.detach_()", 1, *DETACHED),
    "long ago": ("d = w.detach()\ne = d * 2\ny = e + torch.ones(2)", 0, *DETACHED),
    "in a list": ("d = w.detach()\ny = torch.stack([torch.ones(2), d])", 0, *DETACHED),
    "one of several results": ("d = w.detach()\na, y = d.chunk(2)", 0, *DETACHED),
    "no_grad": ("with torch.no_grad():\n    y = w * 2", 1, *UNRECORDED),
    "one of several without grad": (
        "with torch.no_grad():\n    i, y = (w * 2).sort()\n    y = y.float()",
        1,
        *UNRECORDED,
    ),
    "written under no_grad": (
        "y = torch.zeros(2)\nwith torch.no_grad():\n    y.copy_(w)",
        2,
        *UNRECORDED,
    ),
    "view under no_grad": ("with torch.no_grad():\n    y = w[0]", 1, *UNRECORDED),
    "integer": ("y = w.long().float()", 0, NO_DERIVATIVE, FLOATS),
    "argmax": ("i = w.argmax()\ny = i.float()", 0, NO_DERIVATIVE, FLOATS),
    "indices": ("_, i = w.max(0)\ny = i.float()", 0, NO_DERIVATIVE, FLOATS),
    "comparison": ("hit = w > 0.5\ny = hit.float()", 0, NO_DERIVATIVE, FLOATS),
    "gradient": (
        "y = torch.autograd.grad((w * w).sum(), w)[0]",
        0,
        "a backward pass computed it, which records nothing by itself",
        "run that pass with create_graph=True.",
    ),
}


@pytest.mark.parametrize("case", CUTS)
def test_backward_of_what_was_cut_off_names_the_statement(case):
    source, at, why, fix = CUTS[case]
    program = source + "\nloss = y.sum()\nloss.backward()\n"
    if "view" in case:
        program = source + "\ny.backward()\n"
    lines = story_of(program)
    cut = source.splitlines()[at].strip()
    last = program.splitlines()[-1]
    assert lines == [
        f"  asked for by  {last:<24}  train.py:{1 + len(program.splitlines())}",
        f"  cut off by    {cut:<24}  train.py:{2 + at}",
        f"  why           {why}",
        f"  fix: {fix}",
    ]


def test_copy_by_the_constructor_is_named():
    with recorded_warnings():
        lines = story_of("t = torch.tensor(w)\nt.sum().backward()\n")
    assert lines[1:] == [
        "  cut off by    t = torch.tensor(w)       train.py:2",
        "  why           torch.tensor() copies values, without the history of their tensor",
        "  fix: use the tensor itself, or its clone().",
    ]


def test_output_marked_without_a_derivative_is_named():
    lines = story_of(
        "class Sign(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x):\n"
        "        y = x.sign()\n"
        "        ctx.mark_non_differentiable(y)\n"
        "        return y\n"
        "    @staticmethod\n"
        "    def backward(ctx, g):\n"
        "        return g\n"
        "y = Sign.apply(w)\ny.sum().backward()\n"
    )
    assert lines[1:] == [
        "  cut off by    y = Sign.apply(w)         train.py:11",
        "  why           an autograd.Function marked it with mark_non_differentiable()",
        "  fix: differentiate another output of that Function.",
    ]


NUMBERS = ("v.item()", "float(v.detach())", "v.tolist()", "int(v)", "v.detach().numpy().item()")


@pytest.mark.parametrize("taken", NUMBERS)
def test_number_taken_from_a_tensor_is_told_as_a_guess(taken):
    lines = story_of(f"v = w.sum()\nn = {taken}\nloss = torch.tensor(n * 1.0)\nloss.backward()\n")
    statement = f"n = {taken}"
    assert lines == [
        "  asked for by  loss.backward()           train.py:5",
        "  why           nothing that it was computed from requires grad",
        f"  perhaps       {statement:<24}  train.py:3",
        "  fix: make the parameters with requires_grad=True before computing it. If it was "
        "computed from that value: a number has no history, keep the tensor.",
    ]


def test_number_taken_before_a_backward_pass_is_no_suspect():
    lines = story_of("w.sum().item()\nw.sum().backward()\ntorch.ones(1).backward()\n")
    assert lines == [
        "  asked for by  torch.ones(1).backward()  train.py:4",
        "  why           nothing that it was computed from requires grad",
        "  fix: make the parameters with requires_grad=True before computing it.",
    ]


ASKS = ("t.retain_grad()", "t.register_hook(print)", "torch.autograd.grad(w.sum(), t)")


@pytest.mark.parametrize("statement", ASKS)
def test_whoever_needs_a_history_names_the_cut(statement):
    lines = story_of(f"t = w.detach()\n{statement}\n")
    assert f"  asked for by  {statement:<24}  train.py:3" in lines
    assert "  cut off by    t = w.detach()            train.py:2" in lines


def test_what_came_to_require_grad_again_is_not_cut_off():
    x = torch.ones(2, requires_grad=True)
    y = x.detach().requires_grad_()
    (y * 2).sum().backward()
    assert y.grad.tolist() == [2.0, 2.0] and x.grad is None
    z = x.detach()
    z += x
    z.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
