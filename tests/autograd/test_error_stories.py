"""What an autograd error tells under PyTorch's sentence: every line of it, with file and line."""

import gc
import linecache
import sys
import weakref

import pytest
from support import recorded_warnings, rushlight_only, torch

pytestmark = rushlight_only

W = "w = torch.ones(2, requires_grad=True)\n"


def story_of(source, kind=RuntimeError, filename="train.py", first=W):
    """The lines under the first sentence of the error that a program ends with."""
    torch.ones(1, requires_grad=True).sum().backward()  # numbers taken before it are forgotten
    source = first + source
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    with pytest.raises(kind) as caught:
        exec(compile(source, filename, "exec"), {"torch": torch})
    return str(caught.value).split("\n")[1:]


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
