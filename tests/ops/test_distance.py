"""Distances of rows: sizes that fill panels and lanes in part, and both ways of the gradient."""

import math

import numpy as np
import pytest
from support import torch

ORDERS = [0, 0.5, 1, 2, 3, math.inf]


def rows(seed, *shape, dtype=torch.float64):
    values = np.random.default_rng(seed).normal(size=shape)
    return torch.tensor(values.tolist(), dtype=dtype)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "m", "k"), [(1, 1, 1), (5, 17, 3), (4, 33, 130), (3, 2, 300)])
def test_cdist_of_any_size_is_the_norm_of_the_differences(p, dtype, n, m, k):
    a, b = rows(0, n, k, dtype=dtype), rows(1, 2, m, k, dtype=dtype)
    d = np.abs(np.array(a.tolist())[:, None, :] - np.array(b.tolist())[:, None, :, :])
    expected = {0: (d != 0).sum(-1), math.inf: d.max(-1)}.get(p)
    if expected is None:
        expected = (d**p).sum(-1) ** (1 / p)
    tolerance = (k + 8) * torch.finfo(dtype).eps
    assert np.allclose(np.array(torch.cdist(a, b, p=p).tolist()), expected, rtol=tolerance)


@pytest.mark.parametrize("p", ORDERS)
def test_the_gradient_of_cdist_is_that_of_its_recorded_formula(p):
    a, b = rows(2, 2, 3, 140).requires_grad_(), rows(3, 5, 140).requires_grad_()
    with torch.no_grad():
        b[0] = a[0, 0]  # a distance of 0
        b[1, 7] = a[1, 2, 7]  # a difference of 0
    g = rows(4, 2, 3, 5)
    at_once = torch.autograd.grad(torch.cdist(a, b, p=p), (a, b), g)
    recorded = torch.autograd.grad(torch.cdist(a, b, p=p), (a, b), g, create_graph=True)
    for ours, formula in zip(at_once, recorded, strict=True):
        assert torch.allclose(ours, formula, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("p", ORDERS)
def test_nan_stays_in_the_distances_of_its_row(p):
    a, b = torch.zeros(2, 40), torch.ones(30, 40)
    a[1, 20] = math.nan
    distances = torch.cdist(a, b, p=p)
    assert not torch.isnan(distances[0]).any()
    assert torch.isnan(distances[1]).all() if p else (distances[1] == 40).all()
