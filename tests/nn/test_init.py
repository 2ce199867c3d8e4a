"""nn.init: the numbers are PyTorch's, recorded from 2.13 after manual_seed(7) on a 2 x 3 tensor."""

import pytest
from support import assert_values, recorded_warnings, torch

init = torch.nn.init

RECORDED = {
    "kaiming_uniform_": [0.04032508, -0.3477921, 0.1838418, 0.1811613, -0.3085804, -0.08653163],
    "kaiming_normal_": [-0.14679509, 0.78614128, 0.94682163, -1.114344, 1.6907902, -0.8948279],
    "xavier_uniform_": [0.15302292, -1.3197783, 0.6976307, 0.68745875, -1.1709802, -0.32836449],
    "xavier_normal_": [-0.092841372, 0.49719942, 0.59882259, -0.70477307, 1.0693495, -0.56593883],
    "uniform_": [1.1396902, -0.20478725, 1.6368468, 1.6275611, -0.068953753, 0.70024562],
    "normal_": [0.92660242, 1.3930707, 1.4734108, 0.442828, 1.8453951, 0.55258608],
    "sparse_": [0.0, 0.0078614131, 0.0, -0.01114344, 0.0, -0.0089482786],
}
ARGUMENTS = {
    "kaiming_uniform_": {"a": 5**0.5},
    "kaiming_normal_": {"mode": "fan_out", "nonlinearity": "relu"},
    "xavier_uniform_": {"gain": 2},
    "uniform_": {"a": -1, "b": 3},
    "normal_": {"mean": 1, "std": 0.5},
    "sparse_": {"sparsity": 0.5},
}


@pytest.mark.parametrize("name", RECORDED)
def test_drawn_values_are_pytorchs(name):
    torch.manual_seed(7)
    t = torch.empty(2, 3)
    assert getattr(init, name)(t, **ARGUMENTS.get(name, {})) is t
    assert_values(t.flatten(), RECORDED[name], rel=2e-7)


@pytest.mark.parametrize("name", [n for n in RECORDED if n != "sparse_"])
def test_generator_is_used_and_the_default_one_left_alone(name):
    first = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    t = torch.empty(2, 3)
    generator = torch.Generator().manual_seed(7)
    getattr(init, name)(t, **ARGUMENTS.get(name, {}), generator=generator)
    assert_values(t.flatten(), RECORDED[name], rel=2e-7)
    assert torch.rand(1).item() == torch.rand(1, generator=first).item()


def test_parameters_are_written_without_recording():
    p = torch.nn.Parameter(torch.empty(2, 2))
    for f in (init.ones_, init.zeros_, init.eye_, init.kaiming_normal_, init.xavier_normal_):
        assert f(p) is p and p.is_leaf
    assert init.constant_(p, 3.5).tolist() == [[3.5] * 2] * 2
    assert init.eye_(torch.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [
        ("linear", None, 1),
        ("conv_transpose3d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 1.6666666666666667),
        ("relu", None, 1.4142135623730951),
        ("leaky_relu", None, 1.4141428569978354),
        ("leaky_relu", 1, 1.0),
        ("selu", None, 0.75),
    ],
)
def test_gain_of_each_nonlinearity(name, param, gain):
    assert init.calculate_gain(name, param) == gain


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.calculate_gain("swish"), "Unsupported nonlinearity swish"),
        (lambda: init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
        (lambda: init.calculate_gain("leaky_relu", "x"), "negative_slope x not a valid number"),
        (
            lambda: init.xavier_uniform_(torch.empty(3)),
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
        ),
        (
            lambda: init.kaiming_normal_(torch.empty(2, 2), mode="fan"),
            "Mode fan not supported, please use one of ['fan_in', 'fan_out']",
        ),
        (lambda: init.eye_(torch.empty(2)), "Only tensors with 2 dimensions are supported"),
        (lambda: init.sparse_(torch.empty(2), 0.5), "Only tensors with 2 dimensions are supported"),
    ],
)
def test_init_refuses(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_empty_tensor_is_left_alone_with_a_warning():
    t = torch.empty(0, 3)
    with recorded_warnings() as caught:
        assert init.kaiming_uniform_(t) is t and init.kaiming_normal_(t) is t
    assert {str(w.message) for w in caught} == {"Initializing zero-element tensors is a no-op"}


def test_old_names_warn():
    with recorded_warnings() as caught:
        init.constant(torch.empty(1), 2.0)
    expected = "`nn.init.constant` is now deprecated in favor of `nn.init.constant_`."
    assert [(w.category, str(w.message)) for w in caught] == [(FutureWarning, expected)]
