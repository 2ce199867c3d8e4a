"""``torch.autograd.grad``: values, options, refusals, and derivatives of derivatives."""

import pytest
from support import assert_values, leaf, nan, torch

grad = torch.autograd.grad


def test_returns_a_tuple_and_leaves_grad_alone():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    result = grad((x * w).sum(), [x, w])
    assert isinstance(result, tuple) and len(result) == 2
    assert_values(result[0], [3.0, 4.0])
    assert_values(result[1], [1.0, 2.0])
    assert x.grad is None and w.grad is None


def test_single_input_gives_a_tuple_of_one():
    x = leaf([1.0, 2.0])
    (g,) = grad(x.sum(), x)
    assert_values(g, [1.0, 1.0])
    assert not g.requires_grad


def test_input_may_be_computed():
    x = leaf([1.0, 2.0])
    y = x * 2
    gy, gx = grad((y * y).sum(), [y, x])
    assert_values(gy, [4.0, 8.0])
    assert_values(gx, [8.0, 16.0])


def test_same_input_twice_is_answered_twice():
    x = leaf([3.0])
    a, b = grad(x * x, [x, x])
    assert_values(a, [6.0])
    assert_values(b, [6.0])


def test_root_itself_gets_the_given_gradient():
    x = leaf([1.0, 2.0])
    v = torch.tensor([3.0, 4.0])
    assert_values(grad(x, x, v)[0], [3.0, 4.0])
    y = x * 2
    assert_values(grad(y, y, v)[0], [3.0, 4.0])


def test_several_outputs_add_up():
    x = leaf([1.0, 2.0])
    (g,) = grad([x.sum(), (x * x).sum()], x)
    assert_values(g, [3.0, 5.0])
    (g,) = grad([x * 2, x * x], x, [torch.ones(2), torch.tensor([1.0, 10.0])])
    assert_values(g, [4.0, 42.0])


def test_grad_outputs_may_be_none_for_a_scalar():
    x = leaf([1.0, 2.0])
    (g,) = grad([x.sum()], [x], [None])
    assert_values(g, [1.0, 1.0])


def test_unused_input_is_refused_unless_allowed():
    x, z = leaf([1.0]), leaf([1.0, 2.0])
    y = x * 2
    with pytest.raises(
        RuntimeError,
        match="^The differentiated Tensor at index 0 appears to not have been used in the graph. "
        "Set allow_unused=True if this is the desired behavior.",
    ):
        grad(y, z, retain_graph=True)
    used, unused = grad(y, [x, z], allow_unused=True)
    assert_values(used, [2.0])
    assert unused is None


def test_index_of_the_unused_input_is_named():
    x, z = leaf([1.0]), leaf([1.0])
    with pytest.raises(RuntimeError, match="^The differentiated Tensor at index 1 appears"):
        grad(x * 2, [x, z])


def test_materialize_grads_gives_zeros():
    x, z = leaf([1.0]), leaf([[1.0, 2.0]])
    _, g = grad(x * 2, [x, z], materialize_grads=True)
    assert_values(g, [[0.0, 0.0]])
    with pytest.raises(ValueError, match="^Expected allow_unused to be True or not passed when"):
        grad(x * 2, [x, z], materialize_grads=True, allow_unused=False)


def test_input_without_requires_grad_is_refused():
    x = leaf([1.0])
    with pytest.raises(RuntimeError, match="^One of the differentiated Tensors does not require g"):
        grad(x * 2, torch.ones(1))


def test_no_inputs_are_refused():
    with pytest.raises(RuntimeError, match=r"^`inputs` argument to `grad\(\)` cannot be empty"):
        grad(leaf([1.0]) * 2, [])


def test_output_without_graph_is_refused():
    with pytest.raises(RuntimeError, match="^element 0 of tensors does not require grad"):
        grad(torch.ones(1), leaf([1.0]))


def test_several_elements_need_grad_outputs():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="^grad can be implicitly created only for scalar out"):
        grad(x * 2, x)


def test_grad_outputs_of_the_wrong_shape():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"^Mismatch in shape: grad_output\[0\] has a shape"):
        grad(x * 2, x, torch.ones(3))


def test_graph_is_freed_unless_retained():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    grad(y, x, retain_graph=True)
    grad(y, x)
    with pytest.raises(RuntimeError, match="^Trying to backward through the graph a second time"):
        grad(y, x)


def test_create_graph_keeps_the_graph():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    (kept,) = grad(y, x, create_graph=True)
    assert kept.requires_grad
    assert_values(grad(y, x)[0], [2.0, 4.0])


def test_nodes_beyond_the_inputs_do_not_run():
    x = leaf([1.0])
    a = x * 2
    b, c = a * 3, a * 4
    ran = []
    a.register_hook(lambda g: ran.append("a"))
    c.register_hook(lambda g: ran.append("c"))
    (g,) = grad(b + c, b)
    assert ran == [] and g.item() == 1.0


def test_hook_of_an_input_runs_before_the_answer():
    x = leaf([1.0])
    y = x * 2
    y.register_hook(lambda g: g * 10)
    assert grad(y * 3, y)[0].item() == 30.0
    x.register_hook(lambda g: g + 1)
    assert grad(x * 2, x)[0].item() == 3.0


@pytest.mark.parametrize("order, value", [(1, 108.0), (2, 108.0), (3, 72.0), (4, 24.0), (5, 0.0)])
def test_nth_derivative_of_a_power(order, value):
    x = leaf(3.0, dtype=torch.float64)
    y = x**4
    for _ in range(order):
        (y,) = grad(y, x, create_graph=True)
    assert y.item() == pytest.approx(value)


@pytest.mark.parametrize(
    "function, second",
    [
        (torch.exp, 1.6487213),
        (torch.log, -4.0),
        (torch.tanh, -0.7268619),
        (torch.sigmoid, -0.0575568),
        (torch.sqrt, -0.7071068),
        (torch.reciprocal, 16.0),
        (torch.abs, 0.0),
        (torch.relu, 0.0),
        (torch.neg, 0.0),
        (lambda x: x * x * x, 3.0),
        (lambda x: 1 / x, 16.0),
        (lambda x: 2.0**x, 0.6794653),
        (lambda x: x**x, 1.4807938),
    ],
    ids="exp log tanh sigmoid sqrt reciprocal abs relu neg cube rdiv rpow xpowx".split(),
)
def test_second_derivative(function, second):
    x = leaf(0.5, dtype=torch.float64)
    (first,) = grad(function(x), x, create_graph=True)
    if not first.requires_grad:
        assert second == 0.0  # a constant derivative has no graph
        return
    (result,) = grad(first, x, allow_unused=True, materialize_grads=True)
    assert result.item() == pytest.approx(second, rel=1e-5)


def test_derivative_of_a_kink_is_still_differentiable():
    """The second derivative of relu and abs is zero, and not an error."""
    for function in (torch.relu, torch.abs):
        x = leaf([3.0, -1.0])
        (first,) = grad(function(x).sum(), x, create_graph=True)
        (second,) = grad(first.sum(), x)
        assert_values(second + 0, [0.0, 0.0])  # PyTorch cannot list a zero that it has not made


@pytest.mark.parametrize(
    "change, first, second",
    [
        (lambda y, x: y.mul_(x), 6.0, 2.0),
        (lambda y, x: y.div_(x * x), -1 / 9, 2 / 27),
        (lambda y, x: y.add_(x).mul_(x), 12.0, 4.0),
        (lambda y, x: y.pow_(3), 27.0, 18.0),
        (lambda y, x: y.log_(), 1 / 3, -1 / 9),
        (lambda y, x: y.exp_(), 20.085537, 20.085537),
        (lambda y, x: y.reciprocal_(), -1 / 9, 2 / 27),
        (lambda y, x: y.sqrt_(), 0.28867513, -0.048112522),
        (lambda y, x: y.copy_(x * x), 6.0, 2.0),
    ],
    ids="mul_ div_ add_mul_ pow_ log_ exp_ reciprocal_ sqrt_ copy_".split(),
)
def test_second_derivative_through_an_in_place_change(change, first, second):
    """What a change in place saves of the old value stays connected to where that came from."""
    x = leaf(3.0, dtype=torch.float64)
    y = x.clone()
    change(y, x)
    (d,) = grad(y, x, create_graph=True)
    (dd,) = grad(d, x)
    assert d.item() == pytest.approx(first, rel=1e-6)
    assert dd.item() == pytest.approx(second, rel=1e-6)


def test_hessian_times_vector():
    x = leaf([1.0, 2.0, 3.0])
    (g,) = grad((x * x * x).sum(), x, create_graph=True)
    (hv,) = grad(g, x, torch.tensor([1.0, 0.0, 2.0]))
    assert_values(hv, [6.0, 0.0, 36.0])


def test_second_derivative_through_broadcast_and_matmul():
    a = leaf([[1.0, 2.0], [3.0, 4.0]])
    b = leaf([1.0, -1.0])
    y = ((a @ a) * b).sum()
    (g,) = grad(y, a, create_graph=True)
    (h,) = grad((g * g).sum(), a)
    # d/da of |grad|^2, checked against finite differences in float64
    assert h.shape == (2, 2)
    eps = 1e-5
    rows = [[1.0, 2.0], [3.0, 4.0]]
    for i in range(2):
        for j in range(2):
            values = []
            for sign in (1, -1):
                moved = [row[:] for row in rows]
                moved[i][j] += sign * eps
                m = leaf(moved, dtype=torch.float64)
                (d,) = grad(((m @ m) * b.detach()).sum(), m)
                values.append((d * d).sum().item())
            slope = (values[0] - values[1]) / (2 * eps)
            assert h.tolist()[i][j] == pytest.approx(slope, rel=1e-4)


def test_gradient_penalty_reaches_the_parameters():
    w, x = leaf([2.0]), leaf([3.0])
    y = w * x * x
    (gx,) = grad(y, x, create_graph=True)
    (gx * gx).backward()
    assert_values(w.grad, [144.0])  # (2wx)^2 -> 8 w x^2
    assert_values(x.grad, [96.0])  # 8 w^2 x


def test_nan_flows_through():
    x = leaf([nan, 1.0])
    (g,) = grad((x * x).sum(), x)
    assert_values(g, [nan, 2.0])


def test_zero_dim_and_empty_inputs():
    x = torch.zeros(0, requires_grad=True)
    (g,) = grad(x.sum(), x)
    assert g.shape == (0,)
    s = leaf(2.0)
    (g,) = grad(s * s, s)
    assert g.shape == () and g.item() == 4.0


@pytest.mark.parametrize(
    ("view", "node"),
    [
        (lambda x: x[0], "SelectBackwardBackward0"),
        (lambda x: x[:, 1:], "SliceBackwardBackward0"),
        (lambda x: x.diagonal(), "DiagonalBackwardBackward0"),
        (lambda x: x.unfold(1, 2, 1), "UnfoldBackwardBackward0"),
        (lambda x: 2 - x, "NegBackward0"),
        (lambda x: torch.ones(2, 3) - x, "NegBackward0"),
    ],
)
def test_gradient_that_is_recorded_shows_pytorchs_nodes(view, node):
    x = torch.ones(2, 3, requires_grad=True)
    (g,) = torch.autograd.grad(view(x).pow(2).sum(), x, create_graph=True)
    assert g.grad_fn.name() == node


# --- is_grads_batched ---------------------------------------------------------------------------


def test_batched_gradients_are_those_of_each_row():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 5.0]])
    gx, gw = grad(x * w, (x, w), rows, is_grads_batched=True)
    assert_values(gx, [[3.0, 0.0], [0.0, 4.0], [6.0, 20.0]])
    assert_values(gw, [[1.0, 0.0], [0.0, 2.0], [2.0, 10.0]])


def test_batched_gradients_free_and_keep_the_graph_like_others():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    (g,) = grad(y, x, torch.ones(3), is_grads_batched=True, create_graph=True)
    assert_values(grad(g.sum(), x)[0], [6.0, 6.0])
    y = (x * x).sum()
    grad(y, x, torch.ones(2), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="a second time"):
        grad(y, x)


def test_batched_gradient_of_unused_input():
    x, w = leaf([1.0, 2.0]), leaf([3.0])
    options = {"is_grads_batched": True, "retain_graph": True}
    y = x.sum()
    assert grad(y, (x, w), torch.ones(3), allow_unused=True, **options)[1] is None
    # As in PyTorch the zeros lack the batch dimension.
    assert_values(grad(y, (x, w), torch.ones(3), materialize_grads=True, **options)[1], [0.0])
    found = grad(y, {"x": x}, torch.ones(3), **options)
    assert found["x"].shape == (3, 2)


def test_batched_gradients_of_other_shapes_are_refused():
    x = leaf([1.0, 2.0])
    y = x * 2
    for batch, kind, message in (
        (torch.ones(3, 4), RuntimeError, "If `is_grads_batched=True`, we interpret the first dime"),
        (None, RuntimeError, "grad can be implicitly created only for scalar outputs"),
        (torch.ones(0, 2), IndexError, "index 0 is out of bounds for dimension 0 with size 0"),
    ):
        with pytest.raises(kind) as error:
            grad(y, x, batch, is_grads_batched=True)
        assert str(error.value).startswith(message)
    with pytest.raises(ValueError, match="Got in_dim=0 for some input, but that input is a Tensor"):
        grad(y.sum(), x, is_grads_batched=True)
    with pytest.raises(ValueError, match=r"got sizes \[2, 3\] for the mapped dimension"):
        grad((y, y), x, (torch.ones(2, 2), torch.ones(3, 2)), is_grads_batched=True)
