"""Activation functions: what second derivatives are at kinks, and what gradients depend on."""

import pytest
from support import assert_values, leaf, nan, torch

F = torch.nn.functional


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_has_a_third_derivative(approximate):
    x = leaf([-1.5, 0.25, 1.75], dtype=torch.float64)

    def second(t):
        slope = t
        for _ in range(2):
            value = F.gelu(t, approximate=approximate) if slope is t else slope
            (slope,) = torch.autograd.grad(value.sum(), t, create_graph=True)
        return slope

    (third,) = torch.autograd.grad(second(x).sum(), x)
    step = 1e-5
    up, down = (second((x.detach() + s).requires_grad_()) for s in (step, -step))
    assert_values(third, ((up - down) / (2 * step)).tolist(), rel=1e-6)


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        (lambda x: F.elu(x, 2.0), [2, 2, 0.73575888, 1, 1, 1], [0, 0, 0.73575888, 0, 0, 0]),
        (lambda x: F.celu(x, 2.0), [1, 1, 0.60653066, 1, 1, 1], [0, 0, 0.30326533, 0, 0, 0]),
        (F.selu, [1.7580993, 1.7580993, 0.64676862, 1.050701, 1.050701, 1.050701],
         [0, 0, 0.64676862, 0, 0, 0]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_place", [False, True])
def test_second_derivative_of_the_elu_family_is_pytorchs_at_zero_and_beyond(
    function, first, second, in_place
):
    # At 0 it was the slope's, and for nan and numbers whose e^x is infinite it was nan.
    name = {F.selu: "selu_"}.get(function)
    x = leaf([0.0, -0.0, -1.0, 1.0, nan, 1000.0])
    if in_place:
        target = x.clone()
        if name:
            y = torch.selu_(target)
        else:
            y = (F.elu_ if first[0] == 2 else F.celu_)(target, 2.0)
    else:
        y = function(x)
    weights = torch.ones(6).requires_grad_()
    (slope,) = torch.autograd.grad(y, x, weights, create_graph=True)
    assert_values(slope, first)
    curve, of_weights = torch.autograd.grad(slope.sum(), (x, weights))
    assert_values(curve, second)
    assert_values(of_weights, first)


def test_prelu_at_zero_has_pytorchs_second_derivatives():
    # Its gradients had the slope of the negative side at 0.
    x, weight = leaf([0.0, -0.0, -1.0, 1.0]), leaf([0.25])
    by_x, by_weight = torch.autograd.grad(F.prelu(x, weight).sum(), (x, weight), create_graph=True)
    assert_values(by_x, [0.25, 0.25, 0.25, 1.0])
    assert_values(torch.autograd.grad(by_x.sum(), weight)[0], [1.0])
    assert_values(torch.autograd.grad(by_weight.sum(), x)[0], [0.0, 0.0, 1.0, 0.0])


FLAT = {
    "leaky_relu": (F.leaky_relu, "LeakyReluBackwardBackward0", [0.01, 0.01, 1.0, 1.0]),
    "hardtanh": (F.hardtanh, "HardtanhBackwardBackward0", [0.0, 1.0, 1.0, 0.0]),
    "relu6": (F.relu6, "HardtanhBackwardBackward0", [0.0, 0.0, 1.0, 1.0]),
    "hardshrink": (F.hardshrink, "HardshrinkBackwardBackward0", [1.0, 0.0, 0.0, 1.0]),
    "softshrink": (F.softshrink, "SoftshrinkBackwardBackward0", [1.0, 0.0, 0.0, 1.0]),
    "threshold": (
        lambda x, **how: F.threshold(x, 0.25, 2.0, **how),
        "ThresholdBackwardBackward0",
        [0.0, 0.0, 1.0, 1.0],
    ),
    "rrelu": (
        lambda x, **how: F.rrelu(x, 0.25, 0.75, **how),
        "RreluWithNoiseBackwardBackward0",
        [0.5, 0.5, 1.0, 1.0],
    ),
    "rrelu in training": (
        lambda x, **how: F.rrelu(x, 0.25, 0.25, training=True, **how),
        "RreluWithNoiseBackwardBackward0",
        [0.25, 0.25, 1.0, 1.0],
    ),
    "prelu": (
        lambda x: F.prelu(x, torch.tensor([0.25])),
        "PreluKernelBackwardBackward0",
        [0.25, 0.25, 1.0, 1.0],
    ),
}


@pytest.mark.parametrize(
    ("name", "in_place"),
    [(name, False) for name in FLAT]
    + [(name, True) for name in FLAT if name not in ("hardshrink", "softshrink", "prelu")],
)
def test_gradient_of_what_is_flat_in_pieces_depends_on_the_input(name, in_place):
    # What create_graph=True gave did not require grad where grad_output did not.
    function, node, slope = FLAT[name]
    x = leaf([-2.0, -0.25, 0.5, 3.0])
    y = function(x * 1, inplace=True) if in_place else function(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert_values(first, slope)
    assert first.requires_grad and (in_place or first.grad_fn.name() == node)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    assert_values(second, [0.0] * 4)


@pytest.mark.parametrize("name", FLAT)
def test_gradient_of_what_is_flat_in_pieces_is_linear_in_the_gradient_it_got(name):
    function, _, slope = FLAT[name]
    x, g = leaf([-2.0, -0.25, 0.5, 3.0]), leaf([1.0, 2.0, 3.0, 4.0])
    (first,) = torch.autograd.grad(function(x), x, g, create_graph=True)
    assert_values(first, [a * b for a, b in zip(slope, [1.0, 2.0, 3.0, 4.0])])
    weights = torch.tensor([5.0, 6.0, 7.0, 8.0]).requires_grad_()
    by_g, by_x = torch.autograd.grad(first, (g, x), weights, create_graph=True)
    assert_values(by_g, [a * b for a, b in zip(slope, [5.0, 6.0, 7.0, 8.0])])
    assert_values(by_x, [0.0] * 4)
    assert_values(torch.autograd.grad(by_g.sum(), weights)[0], slope)


def test_flat_second_derivative_has_the_layout_of_the_gradient_it_got():
    x = torch.ones(3, 2).t().requires_grad_()
    (first,) = torch.autograd.grad(F.leaky_relu(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad((first * first).sum(), x)
    assert first.stride() == second.stride() == (1, 2)


def test_second_derivative_of_hardsigmoid_is_refused():
    x = leaf([1.0])
    (first,) = torch.autograd.grad(F.hardsigmoid(x).sum(), x, create_graph=True)
    assert first.requires_grad
    with pytest.raises(
        RuntimeError, match="derivative for aten::hardsigmoid_backward is not implemented"
    ):
        torch.autograd.grad(first.sum(), x)


def test_softplus_at_its_threshold_has_pytorchs_second_derivative():
    # At the threshold itself it was the curve's, 0.47.
    x = leaf([0.25, 0.125, 0.5, nan], dtype=torch.float64)
    (first,) = torch.autograd.grad(F.softplus(x, 2, 0.5).sum(), x, create_graph=True)
    assert_values(first, [0.6224593312018546, 0.5621765008857981, 1.0, nan])
    assert first.grad_fn.name() == "SoftplusBackwardBackward0"
    (second,) = torch.autograd.grad(first.sum(), x)
    assert_values(second, [0.0, 0.4922681654751967, 0.0, nan])


@pytest.mark.parametrize(
    ("function", "node_name", "saved_names"),
    [
        (torch.tanh, "TanhBackwardBackward0", "grad_output output"),
        (torch.sigmoid, "SigmoidBackwardBackward0", "grad_output output"),
        (torch.abs, "SgnBackward0", ""),
    ],
)
def test_gradients_of_gradients_have_one_node_and_pytorchs_name(function, node_name, saved_names):
    x = leaf([-2.0, -0.25, 0.5, 3.0], dtype=torch.float64)
    (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    node = first.grad_fn
    if function is torch.abs:
        node = node.next_functions[1][0]
    assert node.name() == node_name
    saved = [name for name in ("grad_output", "output") if hasattr(node, f"_saved_{name}")]
    assert " ".join(saved) == saved_names


@pytest.mark.parametrize("function", [torch.tanh, torch.sigmoid])
def test_third_derivatives_against_differences(function):
    x = leaf([-2.0, -0.25, 0.0, 0.5, 3.0], dtype=torch.float64)

    def second(x):
        (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        return torch.autograd.grad((first * first).sum(), x, create_graph=True)[0]

    assert torch.autograd.gradcheck(second, (x,))
    assert torch.autograd.gradgradcheck(second, (x,))
