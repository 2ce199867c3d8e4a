"""Matrices with short lines times vectors: our own loops where OpenBLAS's are slow."""

import math

import pytest
from support import rushlight_only, torch

pytestmark = rushlight_only

SHAPES = [(40, 50), (1000, 33), (513, 63), (2049, 35), (17, 1001), (3000, 7), (5000, 75)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("m, k", SHAPES)
def test_both_directions_agree_with_exact_sums(m, k, dtype):
    x, v, g = (torch.randn(s, dtype=dtype) for s in ((m, k), (k,), (m,)))
    eps = torch.finfo(dtype).eps
    rows, factors = x.tolist(), v.tolist()
    for i, y in enumerate((x @ v).tolist()):
        terms = [a * b for a, b in zip(rows[i], factors, strict=True)]
        assert abs(y - math.fsum(terms)) <= 4 * eps * math.fsum(map(abs, terms))
    weights = g.tolist()
    columns = list(zip(*rows, strict=True))
    for result in (x.t() @ g, g @ x, (x.t() @ g[:, None])[:, 0]):
        for column, y in zip(columns, result.tolist(), strict=True):
            terms = [a * b for a, b in zip(column, weights, strict=True)]
            assert abs(y - math.fsum(terms)) <= 64 * eps * math.fsum(map(abs, terms))


def test_rows_together_have_the_bits_of_each_row_alone():
    for k in (33, 47, 50, 63, 90, 129):
        x, v = torch.randn(600, k), torch.randn(k)
        one_by_one = torch.stack([row @ v for row in x])
        assert torch.allclose(x @ v, one_by_one, 1e-5, 1e-5)
        if torch._C._build_info()["kernel_set"] == "v4":  # the others leave rows to OpenBLAS
            assert torch.equal(x @ v, one_by_one)


def test_nan_and_inf_stay_in_their_rows():
    x = torch.ones(2000, 50)
    x[7, 49], x[8, 0], x[1999, 49] = math.nan, math.inf, math.nan
    y = x @ torch.ones(50)
    assert y.isnan().nonzero().flatten().tolist() == [7, 1999]
    assert y[8] == math.inf and (y[9:1999] == 50).all()


def test_matrix_inside_a_wider_one_is_read_in_its_own_columns():
    wide = torch.full((4000, 53), math.nan)
    wide[:, 2:52] = torch.randn(4000, 50)
    x, v, g = wide[:, 2:52], torch.randn(50), torch.randn(4000)
    assert torch.equal(x @ v, x.contiguous() @ v)
    assert torch.equal(g @ x, g @ x.contiguous())


def test_added_vector_and_factors_count():
    x, v, b = torch.randn(3000, 50), torch.randn(50), torch.randn(3000)
    expected = 0.5 * b + 2 * (x @ v)
    assert torch.allclose(torch.addmv(b, x, v, beta=0.5, alpha=2), expected, 1e-4, 1e-4)
    assert torch.allclose(b.clone().addmv_(x, v, beta=0.5, alpha=2), expected, 1e-4, 1e-4)


def test_bits_do_not_depend_on_the_number_of_threads():
    x, v = torch.randn(30_000, 50), torch.randn(50)
    threads, results = torch.get_num_threads(), []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            results.append((x @ v, x[:, 0] @ x))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
