"""Products over zeros, and what var's node shows. Derivatives are checked with every other op's."""

import math

import pytest
from support import torch


@pytest.mark.parametrize(
    "values, expected",
    [
        ([2.0, 3.0, 4.0], [12, 8, 6]),
        ([2.0, 0.0, 4.0], [0, 8, 0]),
        ([0.0, 0.0, 4.0], [0, 0, 0]),
        ([0.0], [1]),
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_gradient_of_a_product_with_zeros(values, expected, recorded):
    x = torch.tensor(values, requires_grad=True)
    (grad,) = torch.autograd.grad(x.prod(), x, create_graph=recorded)
    assert grad.tolist() == expected
    rows = torch.tensor([values, values], dtype=torch.float16, requires_grad=True)
    (grad,) = torch.autograd.grad(rows.prod(1).sum(), rows, create_graph=recorded)
    assert grad.tolist() == [expected, expected]


def test_gradient_of_a_long_product_with_a_zero():
    x = torch.ones(100_000)
    x[7] = 0
    x.requires_grad_()
    x.prod().backward()
    assert x.grad[7].item() == 1 and x.grad.sum().item() == 1


def test_correction_that_was_not_given_is_shown_as_one():
    assert torch.ones(3, requires_grad=True).var(0).grad_fn._saved_correction == 1


LENGTHS = (1, 7, 15, 16, 17, 63, 64, 100, 255, 256, 257, 400, 1023, 1024, 1025, 2500, 5000)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floats_are_reduced_with_the_bits_of_floats_wherever_they_lie(dtype):
    for n in LENGTHS:
        wide = (torch.arange(3 * n, dtype=torch.float32) * 0.37).sin().reshape(3, n)
        x = wide.to(dtype)
        y = x.float()
        apart = torch.stack([x, x], -1)[..., 0]  # every second element in memory
        for given in (x, apart):
            assert torch.equal(given.sum(1), y.sum(1).to(dtype)), n
            assert torch.equal(given.sum(0), y.sum(0).to(dtype)), n
            assert torch.equal(given.t().contiguous().sum(0), y.t().contiguous().sum(0).to(dtype))
            assert torch.equal(given.mean(1, dtype=torch.float32), y.mean(1)), n
            assert torch.equal(given.amax(1), y.amax(1).to(dtype)), n
            assert torch.equal(given.amin(0), y.amin(0).to(dtype)), n


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_extremes_of_integers_are_found_at_every_place(dtype):
    low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
    for n in LENGTHS:
        for at in {0, n // 2, n - 1}:
            x = torch.full((2, n), 5, dtype=dtype)
            x[1, at] = high
            x[0, at] = low
            assert x.amax(1).tolist() == [5 if n > 1 else low, high], (n, at)
            assert x.amin(1).tolist() == [low, 5 if n > 1 else high], (n, at)
            assert x.t().contiguous().amax(0).tolist() == x.amax(1).tolist()
            assert x.t().amin(0).tolist() == x.amin(1).tolist()
            assert (x.max().item(), x.min().item()) == (high, low)
            assert x.amax(1).dtype == dtype


def test_nan_is_an_extreme_at_every_place():
    for n in LENGTHS:
        for at in {0, n // 2, n - 1}:
            for dtype in (torch.float16, torch.float32, torch.float64):
                x = torch.zeros(n, 2, dtype=dtype)
                x[at, 1] = math.nan
                for found in (x.amax(0), x.amin(0), x.t().amax(1), x.t().contiguous().amin(1)):
                    assert found[0] == 0 and math.isnan(found[1]), (n, at, dtype)
