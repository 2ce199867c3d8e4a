"""How gradients gather in ``grad``, and the rules around an optimiser's step."""

import pytest
from support import assert_values, leaf, recorded_warnings, rushlight_only, torch


def test_gradients_accumulate_in_the_same_tensor():
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert_values(first, [5.0, 5.0])


def test_accumulation_with_create_graph_makes_a_new_tensor():
    x = leaf([1.0, 2.0])
    with recorded_warnings():
        (x * x).sum().backward(create_graph=True)
        first = x.grad
        (x * x).sum().backward(create_graph=True)
    assert x.grad is not first and x.grad.requires_grad
    assert_values(x.grad, [4.0, 8.0])
    assert_values(first, [2.0, 4.0])
    x.grad = None


def test_zeroed_grad_keeps_its_tensor():
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    g = x.grad
    assert g.zero_() is g
    (x * 3).sum().backward()
    assert x.grad is g
    assert_values(g, [3.0, 3.0])


def test_grad_set_to_none_starts_anew():
    x = leaf([1.0])
    (x * 2).backward()
    old = x.grad
    x.grad = None
    (x * 3).backward()
    assert x.grad is not old
    assert_values(old, [2.0])


def test_own_tensor_assigned_as_grad_is_added_to_in_place():
    x = leaf([1.0, 2.0])
    mine = torch.ones(2)
    x.grad = mine
    (x * 2).sum().backward()
    assert x.grad is mine
    assert_values(mine, [3.0, 3.0])


def test_grad_of_a_transposed_leaf_has_its_strides():
    x = torch.ones(2, 3).t().requires_grad_()
    (x * 2).sum().backward()
    assert x.grad.stride() == x.stride() == (1, 3)


def test_grad_of_an_expanded_leaf_is_dense():
    x = torch.ones(1).expand(3).requires_grad_()
    (x * 2).sum().backward()
    assert x.grad.stride() == (1,)
    assert_values(x.grad, [2.0] * 3)


def test_expanded_gradient_becomes_a_dense_grad():
    x = torch.ones(2, 3, requires_grad=True)
    x.sum().backward()
    assert x.grad.stride() == (3, 1)
    x.grad.mul_(2)
    assert_values(x.grad, [[2.0] * 3] * 2)


def test_users_gradient_is_never_aliased():
    x = leaf([1.0, 2.0])
    v = torch.ones(2)
    x.backward(v)
    assert x.grad.data_ptr() != v.data_ptr()
    x.grad.mul_(5)
    assert_values(v, [1.0, 1.0])


@rushlight_only
def test_users_gradient_survives_a_pass_through_views():
    x = torch.ones(2, 2, requires_grad=True)
    v = torch.ones(4)
    x.view(4).backward(v)
    x.grad.mul_(5)
    assert_values(v, [1.0] * 4)


def test_two_leaves_never_share_a_grad():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (a + b).backward(torch.ones(2))
    assert a.grad is not b.grad and a.grad.data_ptr() != b.grad.data_ptr()
    a.grad.zero_()
    assert_values(b.grad, [1.0, 1.0])


def test_grad_returned_by_a_hook_is_not_aliased():
    x = leaf([1.0, 2.0])
    mine = torch.ones(2)
    x.register_hook(lambda g: mine)
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert_values(x.grad, [2.0, 2.0])
    assert_values(mine, [1.0, 1.0])


def test_update_outside_no_grad_is_refused_before_anything_changes():
    p = leaf([1.0, 2.0])
    (p * 2).sum().backward()
    with pytest.raises(
        RuntimeError,
        match="^a leaf Variable that requires grad is being used in an in-place operation.",
    ):
        p -= 0.1 * p.grad
    assert_values(p, [1.0, 2.0])
    assert p._version == 0


def test_update_under_no_grad_keeps_the_leaf():
    p = leaf([1.0, 2.0])
    (p * 2).sum().backward()
    before, grad = id(p), p.grad
    with torch.no_grad():
        p -= 0.1 * p.grad
    assert id(p) == before and p.requires_grad and p.is_leaf and p.grad is grad
    assert p._version == 1
    assert_values(p, [0.8, 1.8])


def test_rebinding_makes_a_computed_tensor():
    p = leaf([1.0, 2.0])
    (p * 2).sum().backward()
    p = p - 0.1 * p.grad
    assert not p.is_leaf and p.grad_fn.name() == "SubBackward0"
    with recorded_warnings():
        assert p.grad is None
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'zero_'"):
        with recorded_warnings():
            p.grad.zero_()


def test_augmented_assignment_rebinds_a_computed_tensor_in_place():
    x = leaf([1.0, 2.0])
    y = x * 2
    before = id(y)
    y -= 1
    assert id(y) == before
    y.sum().backward()
    assert_values(x.grad, [2.0, 2.0])


def test_training_loop_with_the_old_loss_alive():
    """The accumulate node of a leaf is older than the graph while the old loss keeps it."""
    w = leaf([1.0])
    loss = None
    for _ in range(3):
        loss = (w * w - 4) ** 2
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
        w.grad.zero_()
    assert_values(w, [1.365063], rel=1e-5)


@pytest.mark.parametrize("keep_loss", [False, True])
def test_two_layers_accumulate_in_the_order_of_the_backward_pass(keep_loss):
    """Hooks of the leaves run in the same order in each iteration, also with the old loss alive."""
    w1, w2 = leaf([1.0]), leaf([2.0])
    x = torch.tensor([3.0])
    order = []
    w1.register_hook(lambda g: order.append("w1"))
    w2.register_hook(lambda g: order.append("w2"))
    loss = None
    for _ in range(3):
        if not keep_loss:
            loss = None
        loss = (w2 * (w1 * x).tanh()).sum()
        loss.backward()
    assert order == ["w2", "w1"] * 3


def test_post_accumulate_hook_sees_the_new_grad():
    x = leaf([1.0, 2.0])
    seen = []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert seen == [[2.0, 2.0], [4.0, 4.0]]


@pytest.mark.parametrize("keep_loss", [False, True])
def test_two_layers_finish_their_leaves_in_pytorchs_order(keep_loss):
    """The old loss keeps the accumulate nodes alive, older than the graph that they end."""
    torch.manual_seed(1)
    x = torch.randn(5, 3)
    names = ("w1", "b1", "w2", "b2")
    shapes = ((3, 4), (4,), (4, 1), (1,))
    leaves = {n: torch.randn(*s, requires_grad=True) for n, s in zip(names, shapes)}
    order = []
    for name, t in leaves.items():
        t.register_post_accumulate_grad_hook(lambda p, name=name: order.append(name))
    loss, orders = None, []
    for _ in range(3):
        if not keep_loss:
            loss = None
        w1, b1, w2, b2 = leaves.values()
        loss = (((x @ w1 + b1).tanh() @ w2 + b2) ** 2).mean()
        loss.backward()
        orders.append(" ".join(order))
        order.clear()
        with torch.no_grad():
            for p in leaves.values():
                p -= 0.1 * p.grad
                p.grad.zero_()
    assert orders == ["b2 w2 b1 w1"] * 3


def test_gradients_of_float64_and_strided_leaves():
    x = leaf([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    for _ in range(2):
        (x.t() * x).sum().backward()
    assert x.grad.dtype == torch.float64
    assert_values(x.grad, [[4.0, 12.0], [8.0, 16.0]])


def test_empty_leaf_gets_an_empty_grad():
    x = torch.zeros(2, 0, requires_grad=True)
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.shape == (2, 0)
