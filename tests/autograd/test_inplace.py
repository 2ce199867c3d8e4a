"""In-place changes: the rules for leaves and views, version counters, and saved values."""

import pytest
from support import assert_values, leaf, torch

LEAF = "^a leaf Variable that requires grad is being used in an in-place operation."
VIEW = "^a view of a leaf Variable that requires grad is being used in an in-place operation."

IN_PLACE = {
    "add_": lambda x: x.add_(1),
    "sub_": lambda x: x.sub_(1),
    "mul_": lambda x: x.mul_(2),
    "div_": lambda x: x.div_(2),
    "zero_": lambda x: x.zero_(),
    "fill_": lambda x: x.fill_(1.0),
    "copy_": lambda x: x.copy_(torch.ones(2)),
    "exp_": lambda x: x.exp_(),
    "neg_": lambda x: x.neg_(),
    "normal_": lambda x: x.normal_(),
    "uniform_": lambda x: x.uniform_(),
}


@pytest.fixture(params=IN_PLACE.values(), ids=IN_PLACE)
def change(request):
    return request.param


def test_leaf_refuses_a_change_and_keeps_its_value(change):
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=LEAF):
        change(x)
    assert_values(x, [1.0, 2.0])
    assert x._version == 0


def test_view_of_a_leaf_refuses_a_change(change):
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=VIEW):
        change(x.view(2))
    assert_values(x, [1.0, 2.0])


def test_leaf_changes_under_no_grad(change):
    x = leaf([1.0, 2.0])
    with torch.no_grad():
        assert change(x) is x
    assert x.is_leaf and x.requires_grad and x._version == 1


def test_tensor_without_grad_changes_freely(change):
    x = torch.tensor([1.0, 2.0])
    assert change(x) is x
    assert x._version == 1 and not x.requires_grad


@pytest.mark.parametrize(
    "statement", ["x += 1", "x -= 1", "x *= 2", "x /= 2", "x **= 2"], ids=lambda s: s.split()[1]
)
def test_augmented_assignment_of_a_leaf_is_refused(statement):
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=LEAF):
        exec(statement, {"x": x})
    assert_values(x, [1.0, 2.0])


def test_version_counts_each_change_and_is_shared():
    x = torch.zeros(2, 2)
    v, d = x.view(4), x.detach()
    for i in range(3):
        x.add_(1)
        assert x._version == v._version == d._version == i + 1
    v.mul_(2)
    assert x._version == 4
    with torch.no_grad():
        x.zero_()
    assert d._version == 5
    assert x.data._version == 0 and x.clone()._version == 0 and (x + 1)._version == 0


def test_reading_does_not_change_the_version():
    x = torch.ones(2)
    repr(x), x.tolist(), x.sum().item(), f"{x}", x.clone(), x.exp()
    assert x._version == 0


def saved_message(shape, op, version, expected):
    return (
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [torch.FloatTensor {shape}], which is output 0 of {op}, is at version "
        f"{version}; expected version {expected} instead."
    )


@pytest.mark.parametrize(
    "function, op",
    [
        (torch.exp, "Exp"),
        (torch.tanh, "Tanh"),
        (torch.sigmoid, "Sigmoid"),
        (torch.sqrt, "Sqrt"),
        (torch.relu, "Relu"),
        (torch.reciprocal, "Reciprocal"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_change_of_a_saved_output_is_found(function, op):
    y = function(leaf([1.0, 2.0, 3.0]))
    y.add_(1)
    with pytest.raises(RuntimeError) as found:
        y.sum().backward()
    assert str(found.value).startswith(saved_message("[3]", op, 1, 0))


def test_change_of_a_saved_input_is_found():
    x = leaf([1.0, 2.0])
    y = x * 3
    z = (y * y).sum()
    y.add_(1)
    y.add_(1)
    with pytest.raises(RuntimeError) as found:
        z.backward()
    # y is now the output of the last change
    assert str(found.value).startswith(saved_message("[2]", "Add", 2, 0))


def test_change_of_a_saved_constant_is_found():
    x, c = leaf([1.0, 2.0]), torch.ones(2)
    y = (x * c).sum()
    c.mul_(2)
    with pytest.raises(RuntimeError) as found:
        y.backward()
    assert str(found.value).startswith(
        "one of the variables needed for gradient computation has been modified by an inplace "
        "operation: [torch.FloatTensor [2]] is at version 1; expected version 0 instead."
    )


def test_change_through_a_view_or_detach_is_found():
    for other in (lambda t: t.view(2, 1), lambda t: t.detach()):
        x, c = leaf([1.0, 2.0]), torch.ones(2)
        y = (x * c).sum()
        other(c).mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


def test_change_of_what_was_not_saved_is_fine():
    x, c = leaf([1.0, 2.0]), torch.ones(2)
    y = (x + c).sum()
    c.mul_(5)
    y.backward()
    assert_values(x.grad, [1.0, 1.0])
    # x * c saves c for the gradient of x, and x only if c needs a gradient
    h = x * 1
    z = (h * torch.full((2,), 3.0)).sum()
    h.add_(1)
    x.grad = None
    z.backward()
    assert_values(x.grad, [3.0, 3.0])


def test_change_through_data_is_not_found():
    x, c = leaf([1.0, 2.0]), torch.ones(2)
    y = (x * c).sum()
    c.data.mul_(5)
    y.backward()
    assert_values(x.grad, [5.0, 5.0])


def test_change_of_a_computed_tensor_is_recorded():
    x = leaf([1.0, 2.0])
    y = x * 2
    before = y.grad_fn
    y.mul_(3)
    assert y.grad_fn.name() == "MulBackward0"
    assert y.grad_fn.next_functions[0][0] is before
    y.add_(torch.ones(2))
    y.sum().backward()
    assert_values(x.grad, [6.0, 6.0])
    assert_values(y, [7.0, 13.0])


def test_gradient_flows_to_the_other_operand():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = x.clone()
    y.mul_(w)
    y.add_(w)
    y.sum().backward()
    assert_values(x.grad, [3.0, 4.0])
    assert_values(w.grad, [2.0, 3.0])


def test_plain_tensor_joins_the_graph_by_a_change():
    x = leaf([1.0, 2.0])
    y = torch.zeros(2)
    y.add_(x)
    assert y.requires_grad and y.grad_fn.name() == "AddBackward0"
    y.sum().backward()
    assert_values(x.grad, [1.0, 1.0])


@pytest.mark.parametrize("cut", ["zero_", "fill_", "normal_", "uniform_"])
def test_overwriting_cuts_the_gradient(cut):
    x = leaf([1.0, 2.0])
    y = x * 2
    y.fill_(5.0) if cut == "fill_" else getattr(y, cut)()
    y.sum().backward()
    assert_values(x.grad, [0.0, 0.0])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_overwritten_value_gets_zero_whatever_comes_back(bad):
    x = leaf([1.0, 2.0])
    y = (x * 2).zero_()
    (g,) = torch.autograd.grad(y, x, torch.tensor([bad, 1.0]))
    assert_values(g, [0.0, 0.0])


def test_copy_gives_the_gradient_to_the_source_in_its_dtype():
    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    d = torch.zeros(2, 3)
    d.copy_(x)
    assert "CopyBackwards" in d.grad_fn.name()
    d.sum().backward()
    assert x.grad.dtype == torch.float64
    assert_values(x.grad, [2.0, 2.0, 2.0])


def test_copy_cuts_the_gradient_of_the_target():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = a * 2
    y.copy_(b)
    (y * y).sum().backward()
    assert_values(a.grad, [0.0, 0.0])
    assert_values(b.grad, [6.0, 8.0])


def test_result_may_not_outgrow_its_target():
    with pytest.raises(
        RuntimeError, match=r"^output with shape \[3\] doesn't match the broadcast shape \[2, 3\]"
    ):
        torch.ones(3).add_(torch.ones(2, 3))


def test_result_must_fit_the_dtype():
    with pytest.raises(
        RuntimeError, match="^result type Float can't be cast to the desired output type Long"
    ):
        torch.ones(2, dtype=torch.int64).add_(0.5)


def test_expanded_target_is_refused():
    with pytest.raises(
        RuntimeError,
        match="^unsupported operation: more than one element of the written-to tensor refers to a",
    ):
        torch.ones(1).expand(3).add_(1)


def test_operands_that_overlap_the_target():
    x = torch.tensor([1.0, 2.0])
    x.mul_(x)
    x += x
    assert_values(x, [2.0, 8.0])
    x.sub_(x)
    assert_values(x, [0.0, 0.0])


def test_strided_target():
    x = torch.zeros(2, 3)
    x.t().add_(torch.arange(6.0).view(3, 2))
    assert_values(x, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])


def test_view_knows_its_base():
    x = torch.ones(2, 2)
    v = x.view(4)
    w = v.view(2, 2).t()
    assert v._is_view() and v._base is x and w._base is x
    assert not x._is_view() and x._base is None and not x.clone()._is_view()
