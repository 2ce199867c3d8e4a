"""Linear: its first values are PyTorch's to the bit, its graph too. Identity, Flatten."""

import pytest
from support import assert_values, recorded_warnings, torch

nn = torch.nn

# Recorded from PyTorch 2.13: manual_seed(7), then Linear(3, 2).
WEIGHT = [[0.040325075, -0.34779212, 0.18384182], [0.18116128, -0.30858037, -0.086531632]]
BIAS = [-0.33822793, 0.14980665]
WEIGHT_64 = [[-0.25474954, -0.26131599, 0.41810894], [0.18092822, 0.48789489, 0.39207323]]
BIAS_64 = [-0.23704604, 0.070115261]


def seeded(*args, **kwargs):
    torch.manual_seed(7)
    return nn.Linear(*args, **kwargs)


def test_first_values_are_pytorchs():
    m = seeded(3, 2)
    assert_values(m.weight, WEIGHT, rel=1e-7)
    assert_values(m.bias, BIAS, rel=1e-7)
    m = seeded(3, 2, dtype=torch.float64)
    assert_values(m.weight, WEIGHT_64, rel=1e-7)
    assert_values(m.bias, BIAS_64, rel=1e-7)
    m.reset_parameters()
    assert m.weight[0, 0].item() != pytest.approx(WEIGHT_64[0][0])


def test_known_first_value():
    torch.manual_seed(42)
    m = nn.Linear(1, 1)
    assert f"{m.weight.item():.4f} {m.bias.item():.4f}" == "0.7645 0.8300"


def test_forward_of_every_rank():
    m = seeded(3, 2)
    x = torch.tensor([1.0, 2.0, -1.0])
    expected = [sum(w * v for w, v in zip(row, x.tolist())) + b for row, b in zip(WEIGHT, BIAS)]
    assert_values(m(x), expected, rel=1e-5)
    assert_values(m(x.expand(2, 3)), [expected] * 2, rel=1e-5)
    assert_values(m(x.expand(2, 2, 3)), [[expected] * 2] * 2, rel=1e-5)
    assert m(torch.ones(0, 3)).shape == (0, 2)


def test_gradients_reach_weight_bias_and_input():
    m = seeded(3, 2)
    x = torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], requires_grad=True)
    m(x).sum().backward()
    assert_values(m.weight.grad, [[1.5, 2.0, 2.0]] * 2)
    assert_values(m.bias.grad, [2.0, 2.0])
    assert_values(x.grad, [[w0 + w1 for w0, w1 in zip(*WEIGHT)]] * 2, rel=1e-5)


def test_graph_is_pytorchs():
    node = nn.Linear(3, 2)(torch.ones(4, 3)).grad_fn
    assert node.name() == "AddmmBackward0"
    assert [f and f.name() for f, _ in node.next_functions] == [
        "torch::autograd::AccumulateGrad",
        None,
        "TBackward0",
    ]


def test_without_bias():
    m = nn.Linear(3, 2, bias=False)
    assert m.bias is None and list(m.state_dict()) == ["weight"]
    assert repr(m) == "Linear(in_features=3, out_features=2, bias=False)"
    assert m(torch.zeros(3)).tolist() == [0, 0]


def test_wrong_input_names_shapes_and_dtypes():
    m = nn.Linear(3, 2)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied .2x4"):
        m(torch.ones(2, 4))
    with pytest.raises(RuntimeError, match="must have the same dtype, but got Double and Float"):
        m(torch.ones(2, 3, dtype=torch.float64))


def test_linear_without_inputs_or_outputs():
    with recorded_warnings() as caught:
        m = nn.Linear(0, 2)
    assert [str(w.message) for w in caught] == ["Initializing zero-element tensors is a no-op"]
    assert m.bias.tolist() == [0, 0] and m(torch.ones(3, 0)).tolist() == [[0, 0]] * 3


def test_functional_linear_takes_keywords():
    w, b, x = torch.ones(2, 3), torch.ones(2), torch.ones(1, 3)
    assert nn.functional.linear(input=x, weight=w, bias=b).tolist() == [[4, 4]]
    assert nn.functional.linear(x, w).tolist() == [[3, 3]]


def test_identity_takes_any_arguments_and_returns_its_input():
    m, x = nn.Identity(54, unused=0.1), torch.ones(1)
    assert m(x) is x and repr(m) == "Identity()"


def test_flatten_and_unflatten():
    x = torch.arange(24).reshape(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12) and nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(1, (3, 1))(x).shape == (2, 3, 1, 4)
    assert nn.Unflatten(2, [2, -1])(x).shape == (2, 3, 2, 2)
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
    assert repr(nn.Unflatten(1, (3, 1))) == "Unflatten(dim=1, unflattened_size=(3, 1))"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 3), "unflattened_size must be a tuple of ints, but found type int"),
        ((1, (3, "x")), "unflattened_size must be tuple of ints, but found element of type str at"),
    ],
)
def test_unflatten_refuses(arguments, message):
    with pytest.raises(TypeError) as caught:
        nn.Unflatten(*arguments)
    assert str(caught.value).startswith(message)
