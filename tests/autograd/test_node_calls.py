"""Calling a node: what its derivative makes of gradients."""

import pytest
from support import leaf, rushlight_only, torch


def test_node_gives_what_it_would_send_on():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    first, second = (x * w).grad_fn(torch.ones(2))
    assert first.tolist() == [3.0, 4.0] and second.tolist() == [1.0, 2.0]
    assert (x * 2).grad_fn(torch.ones(2))[0].tolist() == [2.0, 2.0]
    assert (x * 2).grad_fn(torch.ones(2))[1] is None
    assert x.neg().grad_fn(torch.ones(2)).tolist() == [-1.0, -1.0]


def test_node_of_a_leaf_accumulates():
    x = leaf([1.0, 2.0])
    node = (x * 2).grad_fn.next_functions[0][0]
    assert node(torch.tensor([5.0, 6.0])) == ()
    node(torch.tensor([1.0, 1.0]))
    assert x.grad.tolist() == [6.0, 7.0]


def test_gradients_that_nobody_sends_are_none():
    x = leaf([1.0, 2.0, 3.0, 4.0])
    node = torch.split(x * 1, 2)[0].grad_fn
    assert node(torch.ones(2), None).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert (x * 2).grad_fn(None) == (None, None)


def test_wrong_arguments_are_refused():
    y = leaf([1.0, 2.0]) * 2
    with pytest.raises(TypeError, match="expected 1 arguments, got 0 instead"):
        y.grad_fn()
    with pytest.raises(TypeError, match="argument 0 is not a Variable"):
        y.grad_fn(1)


@rushlight_only
def test_gradients_have_the_outputs_shape_and_dtype():
    y = leaf([1.0, 2.0]).exp()
    with pytest.raises(RuntimeError, match="must be a gradient of shape"):
        y.grad_fn(torch.ones(3))
    with pytest.raises(RuntimeError, match="dtype"):
        y.grad_fn(torch.ones(2, dtype=torch.int64))
