"""Births are followed through every kind of graph: views, writes, lists, Functions, checkpoints."""

import pytest
from support import rushlight_only, torch

if torch.__name__ == "rushlight":
    from rushlight.debug import explain_nonfinite

from .watching import here, leaf

pytestmark = [rushlight_only, pytest.mark.usefixtures("watched")]


def test_autograd_grad_is_watched_too():
    x = leaf(4.0, 0.0)
    (grad,) = torch.autograd.grad(torch.sqrt(x).sum(), x)
    report = explain_nonfinite(grad)
    assert (report.kind, report.op, report.index) == ("backward", "Sqrt", (1,))


def test_gradients_of_inner_tensors_and_of_some_inputs():
    x, w = leaf(4.0, 0.0), leaf(1.0, 1.0)
    y = x * w
    (grad,) = torch.autograd.grad(torch.sqrt(y).sum(), y)
    assert explain_nonfinite(grad).op == "Sqrt"
    torch.sqrt(x * w).sum().backward(inputs=[w])
    assert x.grad is None and explain_nonfinite(w.grad).op == "Sqrt"


def test_retained_gradients_are_explained():
    x = leaf(4.0, 0.0)
    y = x * 1
    y.retain_grad()
    torch.sqrt(y).sum().backward()
    report = explain_nonfinite(y.grad)
    assert report.op == "Sqrt" and report.subject == "the gradient of y"
    assert explain_nonfinite(x.grad).op == "Sqrt"


def test_second_gradients_are_watched():
    x = leaf(0.0)
    (first,) = torch.autograd.grad((x**1.5).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert not bool(torch.isfinite(second).all())
    assert explain_nonfinite(second).kind == "backward"


def test_retain_graph_and_a_second_pass():
    x = leaf(0.0)
    y = torch.sqrt(x).sum()
    y.backward(retain_graph=True)
    first = explain_nonfinite()
    x.grad = None
    y.backward()
    assert explain_nonfinite(x.grad) is not first and explain_nonfinite().op == "Sqrt"
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_saved_values_are_free_after_the_pass():
    x = leaf(1.0, 2.0)
    y = torch.exp(x)
    node = y.grad_fn
    y.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        _ = node._saved_result


def test_writes_into_views_are_followed():
    x = leaf(1.0, 0.0, 3.0)
    out = torch.zeros(3)
    out[0] = x[0].log()
    line = here() + 1
    out[1] = x[1].log()
    out[2] = x[2].log()
    out.sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno) == ("Log", line)


def test_writes_in_place_are_followed():
    x = leaf(1.0, 0.0)
    y = x * 1
    line = here() + 1
    y.log_()
    y.mul_(2)
    y.sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno) == ("Log", line)


def test_lists_of_tensors_are_followed():
    x = leaf(1.0, 0.0)
    y = torch.cat([x, torch.ones(2), x.log()])
    y.reshape(2, 3).sum(0).max().neg().backward()
    torch.stack([x, x.log()]).sum().backward()
    assert explain_nonfinite().op == "Log"


def test_a_cast_that_overflows_is_a_birth():
    x = leaf(1e6)
    line = here() + 1
    y = x.half()
    y.float().sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno) == ("ToCopy", line)
    assert "dtype" in report.pattern


def test_products_of_matrices_are_followed_to_the_row():
    w = torch.ones(3, 2, requires_grad=True)
    x = torch.tensor([[1.0, 2.0], [0.0, 1.0]], requires_grad=True)
    line = here() + 1
    logs = torch.log(x)
    (logs @ w.t()).sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.steps[0].index, report.site.lineno) == ("Log", (1, 0), line)


class Double(torch.autograd.Function):
    calls = 0

    @staticmethod
    def forward(ctx, x):
        Double.calls += 1
        return x * 2

    @staticmethod
    def backward(ctx, g):
        Double.calls += 1
        return g * 2


class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g / 0


class BrokenForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x / 0

    @staticmethod
    def backward(ctx, g):
        return g


def test_a_custom_function_passes_it_on_and_is_not_run_again():
    x = leaf(1.0, 0.0)
    Double.calls = 0
    Double.apply(torch.log(x)).sum().backward()
    assert explain_nonfinite().op == "Log"
    x.grad = None
    torch.sqrt(Double.apply(x)).sum().backward()
    assert explain_nonfinite(x.grad).op == "Sqrt"
    assert Double.calls == 4


class DoubleInPlace(torch.autograd.Function):
    calls = 0

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, g):
        DoubleInPlace.calls += 1
        return g * 2


def test_a_custom_function_that_writes_into_a_view_is_not_run_again():
    x = leaf(4.0, 0.0)
    y = torch.sqrt(x) * 1
    DoubleInPlace.apply(y[1:])
    DoubleInPlace.calls = 0
    y.sum().backward()
    report = explain_nonfinite(x.grad)
    assert DoubleInPlace.calls == 1
    assert "DoubleInPlace" in "".join(report.notes)


def test_a_custom_function_that_makes_one_is_the_birth():
    x = leaf(1.0, 2.0)
    Broken.apply(x * 1).sum().backward()
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op) == ("backward", "Broken")
    BrokenForward.apply(x * 1).sum().backward()
    report = explain_nonfinite()
    assert (report.kind, report.op) == ("forward", "BrokenForward")


def test_checkpointed_parts_are_followed():
    from rushlight.utils.checkpoint import checkpoint

    for reentrant in (False, True):
        x = leaf(4.0, 0.0)
        checkpoint(lambda t: torch.sqrt(t * 1), x, use_reentrant=reentrant).sum().backward()
        report = explain_nonfinite(x.grad)
        assert (report.kind, report.op) == ("backward", "Sqrt")


def test_packed_values_are_unpacked():
    x = leaf(4.0, 0.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t):
        y = torch.sqrt(x) * x
    y.sum().backward()
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op) == ("backward", "Sqrt")


def test_dropout_and_other_random_operations_are_known():
    torch.manual_seed(0)
    x = torch.ones(8, requires_grad=True)
    y = torch.nn.functional.dropout(x, 0.5)
    torch.log(y).sum().backward()
    assert explain_nonfinite().op == "Log"
    n = torch.normal(x, torch.ones(8)) * 0
    torch.log(n).sum().backward()
    assert explain_nonfinite().op == "Log"
