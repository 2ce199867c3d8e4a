"""The gradient checks themselves: a derivative that is wrong by a little is found."""

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from support import torch


def scaled_by(factor, order):
    """tanh whose gradient, or whose gradient's gradient, is off by a factor."""

    def function(x):
        y = torch.tanh(x * 1.0)
        if not y.requires_grad:
            return y
        if order == 1:
            y.register_hook(lambda g: g * factor)
        else:
            # The gradient is right, but only while nobody differentiates it.
            y.register_hook(lambda g: g + (g * (factor - 1)) - (g * (factor - 1)).detach())
        return y

    return function


def points():
    return [torch.tensor([-1.5, 0.3, 0.9], dtype=torch.float64)]


def test_right_derivatives_pass():
    assert_gradients_match(scaled_by(1.0, 1), points())
    assert_second_gradients_match(scaled_by(1.0, 1), points(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("factor", [1.001, 0.99, -1.0])
def test_wrong_first_derivative_is_found(factor):
    with pytest.raises(AssertionError, match="input 0"):
        assert_gradients_match(scaled_by(factor, 1), points())


@pytest.mark.parametrize("factor", [1.01, 0.9])
def test_wrong_second_derivative_is_found(factor):
    with pytest.raises(AssertionError, match="input"):
        assert_second_gradients_match(scaled_by(factor, 2), points(), rtol=1e-4, atol=1e-6)
