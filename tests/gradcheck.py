"""Gradients against central differences, for the generated tests. float64 only."""

import math

from support import torch


def numeric_gradient(function, tensors, k, direction, eps=1e-6):
    """d/ds of sum(function(..., tensor_k + s * direction, ...) * weights) at s = 0, by output."""
    with torch.no_grad():
        up = [t.detach() for t in tensors]
        down = list(up)
        up[k] = up[k] + direction * eps
        down[k] = down[k] - direction * eps
        return (function(*up) - function(*down)) / (2 * eps)


def directions(t):
    """Unit steps for a small tensor: one element of it at a time."""
    n = t.numel()
    for i in range(n):
        yield torch.tensor([float(i == j) for j in range(n)], dtype=t.dtype).reshape(t.shape)


def weights_like(t, seed):
    """Fixed numbers of the output's shape, so that no two outputs weigh the same."""
    n = t.numel()
    values = [math.sin(1.0 + 0.7 * i + seed) for i in range(n)]
    return torch.tensor(values, dtype=t.dtype).reshape(t.shape)


def assert_gradients_match(function, tensors, *, rtol=1e-5, atol=1e-7, name=""):
    """Compare the recorded gradient of every input with finite differences, element by element."""
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    output = function(*leaves)
    weights = weights_like(output, 0)
    found = [None] * len(leaves)  # constant: every difference must be 0
    if output.requires_grad:
        found = torch.autograd.grad(output, leaves, weights, allow_unused=True)
    for k, gradient in enumerate(found):
        assert gradient is None or gradient.shape == leaves[k].shape, f"{name}: shape of input {k}"
        got = [0.0] * leaves[k].numel() if gradient is None else gradient.reshape(-1).tolist()
        for i, direction in enumerate(directions(leaves[k])):
            slope = numeric_gradient(function, leaves, k, direction)
            want = (slope * weights).sum().item()
            assert abs(got[i] - want) <= atol + rtol * abs(want), (
                f"{name}: input {k}, element {i}: recorded {got[i]!r}, numeric {want!r}"
            )


def assert_second_gradients_match(function, tensors, **tolerances):
    """The same for the gradient itself, as a function of inputs and of the output's gradient."""
    sample = function(*[t.detach().clone().requires_grad_() for t in tensors])
    seed = weights_like(sample, 2).detach()

    def gradient(*arguments):
        inputs, upstream = arguments[:-1], arguments[-1]
        tracked = [t if t.requires_grad else t.detach().clone().requires_grad_() for t in inputs]
        with torch.enable_grad():
            output = function(*tracked)
            found = torch.autograd.grad(
                output, tracked, upstream, create_graph=True, allow_unused=True
            )
        total = 0.0
        for k, g in enumerate(found):
            if g is not None:
                total = total + (g * weights_like(g, k)).sum()
        return total

    if not isinstance(gradient(*tensors, seed), torch.Tensor):
        return  # no input has a gradient at all
    assert_gradients_match(gradient, [*tensors, seed], **tolerances)
