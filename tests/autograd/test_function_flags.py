"""What a Function's class says of saved tensors and of how backward() gets its gradients."""

import pytest
from support import leaf, torch


class Once(torch.autograd.Function):
    clear_saved_tensors_on_access = True

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


class Twice(Once):
    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * ctx.saved_tensors[0] * g


def test_saved_tensors_are_handed_out_once():
    x = leaf([3.0])
    Once.apply(x).sum().backward()
    assert x.grad.item() == 6
    with pytest.raises(RuntimeError, match="can only be accessed once when clear_saved_tensors"):
        Twice.apply(x).sum().backward()
    node = Once.apply(x).grad_fn
    assert len(node.saved_tensors) == 1
    with pytest.raises(RuntimeError, match="can only be accessed once"):
        node.saved_tensors  # noqa: B018 - the access raises


def test_boxed_gradients_come_in_a_list():
    seen = []

    class Boxed(torch.autograd.Function):
        boxed_grads_call = True

        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, grads):
            seen.append(type(grads))
            first, second = grads
            grads.clear()
            return first * 2 + second * 3

    x = leaf([1.0])
    a, b = Boxed.apply(x)
    (a + 10 * b).sum().backward()
    assert seen == [list] and x.grad.item() == 32
