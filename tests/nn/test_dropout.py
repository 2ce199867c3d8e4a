"""Dropout: PyTorch's own masks, the modes, the nodes, the complaints."""

import pytest
from support import leaf, torch

F = torch.nn.functional


def drawn(function, *arguments, **options):
    torch.manual_seed(7)
    return function(*arguments, **options)


def kept(t):
    """Where the result is not 0."""
    return (t != 0).int().tolist()


def test_mask_and_scale_are_pytorchs():
    x = torch.ones(7)
    result = drawn(F.dropout, x, 0.2)
    assert kept(result) == [1, 1, 0, 1, 0, 0, 1]
    assert result[0].item() == 1.25
    assert kept(drawn(F.dropout, x)) == [1, 1, 0, 0, 0, 0, 1]
    double = drawn(F.dropout, x.double(), 0.3)
    assert kept(double) == [1, 1, 0, 1, 0, 0, 1]
    assert double[0].item() == 1.4285714285714286
    assert drawn(F.dropout, x.half(), 0.3)[0].item() == 1.4287109375


def test_mask_of_a_transposed_input_is_drawn_in_the_order_of_its_memory():
    result = drawn(F.dropout, torch.ones(2, 3).t(), 0.3)
    assert result.stride() == (1, 3)
    assert kept(result) == [[1, 1], [1, 0], [0, 0]]


def test_alpha_dropout_is_pytorchs():
    result = drawn(F.alpha_dropout, torch.ones(7), 0.3, True)
    a, b = 1.315044641494751, -1.059548258781433
    assert result.tolist() == [a, a, b, a, b, b, a]
    assert F.alpha_dropout(torch.ones(3)).tolist() == [1, 1, 1]  # not training unless told so


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (F.dropout1d, (2, 3, 2)),
        (F.dropout2d, (2, 3, 2, 2)),
        (F.dropout3d, (2, 3, 2, 1, 2)),
        (F.feature_alpha_dropout, (2, 3, 2)),
    ],
)
def test_channels_are_dropped_as_a_whole(function, shape):
    result = drawn(function, torch.ones(shape), 0.3, True).reshape(6, -1)
    assert (result == result[:, :1]).all()
    assert (result[:, 0] > 1).int().tolist() == [1, 1, 0, 1, 0, 0]


def test_channels_without_a_batch_come_first():
    result = drawn(F.dropout1d, leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), 0.3)
    assert kept(result) == [[1, 1], [1, 1], [0, 0]]
    assert result.grad_fn.name() == "SqueezeBackward1"
    inplace = torch.ones(3, 2)
    assert drawn(F.dropout1d, inplace, 0.3, inplace=True).shape == (3, 2)
    assert kept(inplace) == [[1, 1], [1, 1], [0, 0]]


def test_gradient_is_the_noise():
    x = leaf([1.0] * 7)
    result = drawn(F.dropout, x, 0.5)
    assert result.grad_fn.name() == "MulBackward0"
    assert result.grad_fn.next_functions[1][0] is None
    result.sum().backward()
    assert x.grad.tolist() == [2, 2, 0, 0, 0, 0, 2]
    alpha = drawn(F.alpha_dropout, leaf([1.0] * 7), 0.3, True)
    assert alpha.grad_fn.name() == "AddBackward0"


def test_nothing_is_drawn_where_nothing_can_change():
    x = leaf([1.0, -1.0])
    for options in ({"training": False}, {"p": 0.0}):
        torch.manual_seed(3)
        expected = torch.rand(1).item()
        torch.manual_seed(3)
        assert F.dropout(x, **options) is x
        assert torch.rand(1).item() == expected
    gone = F.dropout(x, 1.0)
    assert gone.tolist() == [0, 0] and gone.grad_fn.name() == "MulBackward0"
    assert F.dropout(torch.ones(0), 0.5).shape == (0,)


def test_inplace_writes_over_the_input():
    x = torch.ones(7)
    assert drawn(F.dropout, x, 0.2, inplace=True) is x
    assert kept(x) == [1, 1, 0, 1, 0, 0, 1]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        F.dropout(leaf([1.0]), 0.5, inplace=True)


@pytest.mark.parametrize("p", [-0.5, 1.5])
def test_impossible_probability_is_refused(p):
    sentence = f"dropout probability has to be between 0 and 1, but got {p}"
    for function in (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout):
        with pytest.raises(ValueError) as caught:
            function(torch.ones(2, 2, 2, 2), p)
        assert str(caught.value) == sentence
    with pytest.raises(ValueError):
        torch.nn.Dropout(p)
    with pytest.raises(RuntimeError) as caught:
        torch.dropout(torch.ones(2), p, True)
    assert str(caught.value) == sentence


def test_wrong_ranks_warn_or_raise():
    with pytest.raises(RuntimeError, match="dropout1d: Expected 2D or 3D input, but received a 1D"):
        F.dropout1d(torch.ones(3))
    with pytest.warns(UserWarning, match="assuming that channel-wise 1D dropout"):
        F.dropout2d(torch.ones(2, 3, 2))
    with pytest.warns(UserWarning, match="Received a 2-D input to dropout2d"):
        F.dropout2d(torch.ones(3, 2))
    with pytest.raises(RuntimeError, match="Feature dropout requires at least 2 dimensions"):
        F.feature_alpha_dropout(torch.ones(2), 0.5, True)


MODULES = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


@pytest.mark.parametrize("name", MODULES)
def test_module_drops_while_it_trains(name):
    module = getattr(torch.nn, name)(0.5)
    assert repr(module) == f"{name}(p=0.5, inplace=False)"
    shape = {"Dropout2d": (4, 5, 1, 1), "Dropout3d": (4, 5, 1, 1, 1)}.get(name, (4, 5, 1))
    x = torch.ones(shape)
    assert (drawn(module, x) != 1).any()
    assert module.eval()(x) is x


def test_every_form_takes_integers_no_further():
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        F.dropout(torch.ones(2, dtype=torch.int64), 0.5)
