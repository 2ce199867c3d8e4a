"""Activations and losses, as functions and as modules."""

import math
import pickle

import pytest
from support import assert_values, leaf, recorded_warnings, torch

nn, F = torch.nn, torch.nn.functional

INPUT, TARGET, WEIGHT = [[0.5, -2.0, 3.0]], [[1.0, 1.0, -1.0]], [[1.0, 2.0, 3.0]]
LOSSES = {
    "mse_loss": (8.416667, 25.25, [0.25, 9.0, 16.0], 11.041667),
    "l1_loss": (2.5, 7.5, [0.5, 3.0, 4.0], 3.0833333),
    "smooth_l1_loss": (2.0416667, 6.125, [0.125, 2.5, 3.5], None),
    "huber_loss": (2.0416667, 6.125, [0.125, 2.5, 3.5], 5.2083335),
}
MODULES = {"mse_loss": "MSELoss", "l1_loss": "L1Loss"} | {
    "smooth_l1_loss": "SmoothL1Loss",
    "huber_loss": "HuberLoss",
}
NODES = {"mse_loss": "MseLoss", "l1_loss": "Mean", "smooth_l1_loss": "SmoothL1Loss"} | {
    "huber_loss": "HuberLoss"
}


def tensors():
    return leaf(INPUT), torch.tensor(TARGET)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_its_module_for_every_reduction(name):
    loss, module = getattr(F, name), getattr(nn, MODULES[name])
    a, b = tensors()
    mean, total, each, _ = LOSSES[name]
    for reduction, expected in (("mean", mean), ("sum", total), ("none", [each])):
        assert_values(loss(a, b, reduction=reduction), expected)
        assert_values(module(reduction=reduction)(a, b), expected)
    assert loss(a, b).grad_fn.name() == NODES[name] + "Backward0"
    assert repr(module()) == MODULES[name] + "()" and module().reduction == "mean"


@pytest.mark.parametrize("name", [n for n in LOSSES if LOSSES[n][3] is not None])
def test_weighted_loss(name):
    a, b = tensors()
    assert_values(getattr(F, name)(a, b, weight=torch.tensor(WEIGHT)), LOSSES[name][3])
    with pytest.raises(ValueError, match="Weights and input must have the same size."):
        getattr(F, name)(a, b, weight=torch.ones(1))


@pytest.mark.parametrize("name", LOSSES)
def test_loss_refuses_another_reduction(name):
    with pytest.raises(ValueError, match="^avg is not a valid value for reduction"):
        getattr(F, name)(*tensors(), reduction="avg")


@pytest.mark.parametrize("name", LOSSES)
def test_loss_of_other_shapes_warns_and_broadcasts(name):
    a = leaf([[0.5, -2.0, 3.0]])
    with recorded_warnings() as caught:
        loss = getattr(F, name)(a, torch.tensor([1.0]))
    assert [str(w.message) for w in caught] == [
        "Using a target size (torch.Size([1])) that is different to the input size "
        "(torch.Size([1, 3])). This will likely lead to incorrect results due to broadcasting. "
        "Please ensure they have the same size."
    ]
    assert caught[0].filename == __file__
    with recorded_warnings():
        whole = getattr(F, name)(a, torch.ones(1, 3))
    assert loss.item() == whole.item()


def test_loss_of_shapes_that_do_not_fit_raises():
    with recorded_warnings(), pytest.raises(RuntimeError, match="The size of tensor a .3. must ma"):
        F.mse_loss(torch.ones(3), torch.ones(2))


@pytest.mark.parametrize(
    ("arguments", "reduction"),
    [
        ({"size_average": True}, "mean"),
        ({"size_average": False}, "sum"),
        ({"reduce": False}, "none"),
        ({"size_average": False, "reduce": True}, "sum"),
    ],
)
def test_deprecated_arguments_of_losses(arguments, reduction):
    with recorded_warnings() as caught:
        assert nn.MSELoss(**arguments).reduction == reduction
        F.mse_loss(*tensors(), **arguments)
    expected = "size_average and reduce args will be deprecated, please use reduction="
    assert [str(w.message) for w in caught] == [f"{expected}'{reduction}' instead."] * 2


def test_beta_and_delta():
    a, b = tensors()
    assert_values(F.smooth_l1_loss(a, b, beta=0.5), 2.25)
    assert_values(nn.SmoothL1Loss(beta=0.0)(a, b), 2.5)
    assert_values(nn.HuberLoss(delta=2.0)(a, b), 3.375)
    with pytest.raises(TypeError, match="delta must be a float or int, got: <class 'str'>"):
        nn.HuberLoss(delta="x")


ACTIVATIONS = {
    "ReLU": ("relu", lambda x: max(0.0, x)),
    "Sigmoid": ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
    "Tanh": ("tanh", math.tanh),
    "Softsign": ("softsign", lambda x: x / (1 + abs(x))),
    "Tanhshrink": ("tanhshrink", lambda x: x - math.tanh(x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_its_module(name):
    function, reference = ACTIVATIONS[name]
    values = [-3.0, -0.5, 0.25, 2.0]
    x = torch.tensor(values, dtype=torch.float64)
    expected = [reference(v) for v in values]
    assert_values(getattr(F, function)(x), expected)
    module = getattr(nn, name)()
    assert_values(module(x), expected)
    assert repr(module) == f"{name}()" and not list(module.parameters())


def test_relu_in_place_writes_over_its_input():
    x = torch.tensor([-1.0, 2.0])
    assert nn.ReLU(inplace=True)(x) is x and x.tolist() == [0, 2]
    y = torch.tensor([-1.0])
    assert F.relu(y, inplace=True) is y and F.relu_(y) is y and y.item() == 0
    assert repr(nn.ReLU(True)) == "ReLU(inplace=True)"


def test_activation_of_no_tensor_raises():
    with pytest.raises(TypeError, match="must be Tensor, not list"):
        F.relu([1.0])
    with pytest.raises(AttributeError, match="'list' object has no attribute 'tanh'"):
        F.tanh([1.0])


def test_linear_has_its_name_and_can_be_pickled():
    assert F.linear.__name__ == "linear"
    assert pickle.loads(pickle.dumps(F.linear)) is F.linear


def test_loss_of_no_tensor_raises():
    with pytest.raises(AttributeError, match="'int' object has no attribute 'size'"):
        F.mse_loss(torch.ones(1), 3)
