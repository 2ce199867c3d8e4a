"""Gradients that hooks and Functions make in inference mode; gradients with a history."""

from support import leaf, torch


@torch.inference_mode()
def clip(grad):
    return grad.clamp(-1, 1)


def test_hook_in_inference_mode_leaves_plain_gradients():
    x = leaf([1.0, 2.0])
    for steps in (1, 2):
        y = x * 2
        y.register_hook(clip)
        (y * 3).sum().backward()
        assert x.grad.tolist() == [2.0 * steps] * 2
    assert not x.grad.is_inference()
    x.grad.zero_()


def test_hook_of_a_leaf_and_of_a_node_in_inference_mode():
    x = leaf([1.0, 2.0])
    x.register_hook(clip)
    y = x * 2
    y.grad_fn.register_prehook(lambda grads: (clip(grads[0]),))
    y.grad_fn.register_hook(lambda inner, outer: (clip(inner[0]), *inner[1:]))
    y.sum().backward()
    (x * 5).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_function_whose_backward_is_in_inference_mode():
    class Doubles(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        @torch.inference_mode()
        def backward(ctx, g):
            return g * 2

    x = leaf([1.0])
    for _ in range(2):
        (Doubles.apply(x) + x * x).sum().backward()
    assert x.grad.tolist() == [8.0]


def test_plain_pass_adds_in_place_to_a_gradient_with_a_history():
    x = leaf([1.0, 1.0])
    (x**2).sum().backward(create_graph=True)
    grad = x.grad
    (x * 3).sum().backward()
    assert x.grad is grad and grad.tolist() == [5.0, 5.0]
    (second,) = torch.autograd.grad(grad.sum(), x)
    assert second.tolist() == [2.0, 2.0]
