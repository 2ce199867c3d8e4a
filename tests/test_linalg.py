"""Norms: orders, ties, refusals. Derivatives are checked with every other op's."""

import math

import pytest
from support import torch

ORDERS = [0, 1, 2, 3, 0.5, -1, math.inf, -math.inf]


@pytest.mark.parametrize("order", ORDERS)
def test_norm_of_each_order(order):
    rows = [[3.0, -4.0], [0.5, 2.0]]
    expected = {
        0: [2, 2],
        1: [7, 2.5],
        2: [5, math.sqrt(4.25)],
        3: [91 ** (1 / 3), 8.125 ** (1 / 3)],
        0.5: [(3**0.5 + 2) ** 2, (0.5**0.5 + 2**0.5) ** 2],
        -1: [12 / 7, 0.4],
        math.inf: [4, 2],
        -math.inf: [3, 0.5],
    }[order]
    x = torch.tensor(rows, dtype=torch.float64)
    assert torch.linalg.vector_norm(x, order, 1).tolist() == pytest.approx(expected, rel=1e-12)
    assert x.t().norm(order, 0).tolist() == pytest.approx(expected, rel=1e-12)
    assert torch.norm(x, order, dim=1, keepdim=True).shape == (2, 1)


def test_norm_spellings_agree():
    x = torch.tensor([[3.0, 4.0]])
    for spelled in (x.norm(), x.norm("fro"), x.norm(None), torch.norm(x, p=2, dim=(0, 1))):
        assert spelled.item() == 5


def test_ties_of_the_infinity_norm_share_the_gradient():
    x = torch.tensor([2.0, -2.0, 1.0], requires_grad=True)
    x.norm(math.inf).backward()
    assert x.grad.tolist() == [0.5, -0.5, 0]


def test_gradient_of_a_zero_norm_is_zero():
    for order in (1, 2, 3, 1.5):
        x = torch.zeros(2, requires_grad=True)
        x.norm(order).backward()
        assert x.grad.tolist() == [0, 0]


def test_nan_wins():
    x = torch.tensor([1.0, math.nan])
    for order in ORDERS[1:]:
        assert math.isnan(x.norm(order).item())


def test_norm_of_nothing():
    assert torch.zeros(0).norm().item() == 0
    with pytest.raises(RuntimeError, match="cannot compute the inf norm on an empty tensor"):
        torch.zeros(0).norm(math.inf)
    with pytest.raises(RuntimeError, match="inf norm on the dimension 1because this dimension is"):
        torch.linalg.vector_norm(torch.zeros(2, 0), math.inf, 1)


def test_norm_of_integers_is_refused():
    with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor as input"):
        torch.tensor([3, 4]).norm()


def test_norm_in_another_dtype():
    x = torch.tensor([3.0, 4.0], dtype=torch.float16, requires_grad=True)
    y = torch.linalg.vector_norm(x, dtype=torch.float32)
    y.backward()
    assert y.dtype == torch.float32 and x.grad.dtype == torch.float16


def test_order_is_looked_at_before_the_dtype():
    with pytest.raises(RuntimeError, match="^linalg.matrix_norm: Order 3 not supported.$"):
        torch.linalg.matrix_norm(torch.ones(2, 2, dtype=torch.int64), 3)
