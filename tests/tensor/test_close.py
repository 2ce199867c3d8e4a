"""isclose, allclose, equal, and the kinds of numbers."""

import math

import pytest
from support import torch

INF, NAN = math.inf, math.nan


def test_tolerances():
    x = torch.tensor([1.0, 1.0, 1.0])
    y = torch.tensor([1.0, 1.000005, 1.1])
    assert torch.isclose(x, y).tolist() == [True, True, False]
    assert torch.isclose(x, y, rtol=0, atol=0).tolist() == [True, False, False]
    assert x.isclose(y, atol=0.2).tolist() == [True] * 3
    assert torch.isclose(x, torch.tensor([1.0])).tolist() == [True] * 3


def test_infinities_and_nan():
    x = torch.tensor([INF, INF, NAN, 1.0])
    y = torch.tensor([INF, -INF, NAN, INF])
    assert torch.isclose(x, y).tolist() == [True, False, False, False]
    assert torch.isclose(x, y, equal_nan=True).tolist() == [True, False, True, False]
    assert x.isnan().tolist() == [False, False, True, False]
    assert y.isinf().tolist() == [True, True, False, True]
    assert x.isfinite().tolist() == [False, False, False, True]


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_integers(dtype):
    x, y = torch.tensor([0, 1], dtype=dtype), torch.tensor([1, 1], dtype=dtype)
    assert torch.isclose(x, y).tolist() == [False, True]
    assert x.isfinite().tolist() == [True, True] and x.isnan().tolist() == [False, False]
    assert x.isinf().tolist() == [False, False]


def test_large_integers_are_compared_as_integers():
    x = torch.tensor([2**62])
    assert torch.isclose(x, x + 1, rtol=0, atol=0).tolist() == [False]


def test_allclose_and_equal_answer_with_a_bool():
    x = torch.ones(2, requires_grad=True)
    assert torch.allclose(x, x + 1e-7) is True and x.allclose(x + 1) is False
    assert torch.equal(x, x.detach()) is True and x.equal(torch.ones(1)) is False
    assert torch.equal(x, torch.ones(2, dtype=torch.int64))
    assert torch.allclose(torch.zeros(0), torch.zeros(0))
    nan = torch.tensor([NAN])
    assert not torch.equal(nan, torch.tensor([NAN]))


def test_wrong_arguments():
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="Float did not match Long"):
        torch.isclose(x, torch.ones(2, dtype=torch.int64))
    with pytest.raises(RuntimeError, match="rtol must be greater than or equal to zero, but got"):
        torch.allclose(x, x, rtol=-1)
    with pytest.raises(TypeError, match=r"equal\(\): argument 'other' \(position 2\) must be"):
        torch.equal(x, 1)
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        torch.allclose(x, torch.ones(3))
