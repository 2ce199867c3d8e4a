"""Moments and counts: var_mean, std_mean, nanmean, count_nonzero, dist; dims and out= of others."""

import numpy
import pytest
from support import assert_values, inf, leaf, nan, recorded_warnings, rushlight_only, torch

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("correction", [0, 1, 2, 0.5])
@pytest.mark.parametrize("dim", [None, 0, 1, (0, 2), (-1, 1), ()])
def test_var_mean_and_std_mean_match_numpy(dim, correction):
    array = numpy.random.default_rng(0).normal(size=(3, 4, 5))
    t = torch.tensor(array.tolist(), dtype=torch.float64)
    axes = None if dim == () else dim
    n = array.size / array.mean(axis=axes).size
    var = array.var(axis=axes) * (n / (n - correction))
    for name, spread in (("var_mean", var), ("std_mean", var**0.5)):
        first, second = getattr(torch, name)(t, dim=dim, correction=correction)
        numpy.testing.assert_allclose(first.numpy(), spread, rtol=1e-12)
        numpy.testing.assert_allclose(second.numpy(), array.mean(axis=axes), rtol=1e-12, atol=1e-15)


def test_var_mean_keeps_what_pytorch_shows():
    x = leaf([[1.0, 2.0], [4.0, 8.0]])
    for call, correction, dim in [
        (lambda: torch.var_mean(x), None, None),
        (lambda: torch.var_mean(x, 1), 1, (1,)),
        (lambda: torch.var_mean(x, None), 1, None),
        (lambda: torch.var_mean(x, dim=1, correction=0), 0, (1,)),
        (lambda: torch.var_mean(x, unbiased=False), 0, None),
        (lambda: (torch.var(x, 1), None), 1, (1,)),
        (lambda: (x.std(None), None), 1, None),
        (lambda: (x.std(), None), None, None),
    ]:
        node = call()[0].grad_fn
        assert node._saved_correction == correction and node._saved_dim == dim
    pair = torch.var_mean(x)
    assert type(pair) is tuple and pair[0].grad_fn is pair[1].grad_fn
    assert pair[0].grad_fn.name() == "VarMeanBackward0"
    assert torch.std_mean(x)[0].grad_fn.name() == "StdMeanBackward0"
    assert torch.std_mean(x)[0].grad_fn._saved_result0.item() == x.std().item()
    assert not hasattr(torch.Tensor, "var_mean")


def test_either_output_of_var_mean_has_the_gradient_of_its_own():
    for index, single in ((0, torch.var), (1, torch.mean)):
        x, y = leaf([1.0, 2.0, 5.0]), leaf([1.0, 2.0, 5.0])
        torch.var_mean(x, 0)[index].backward()
        single(y, 0).backward()
        assert_values(x.grad, y.grad.tolist())


# The mean of three equal numbers, rounded, left a deviation of 1e-17 and gradients of any size.
@pytest.mark.parametrize("number", [2.0, 0.1, -1.7, 1 / 3])
@pytest.mark.parametrize(
    "count", [2, *(pytest.param(n, marks=rushlight_only) for n in (3, 7, 1001))]
)
def test_equal_elements_have_no_deviation_and_the_gradient_zero(number, count):
    x = torch.tensor([number] * count, dtype=torch.float64, requires_grad=True)
    spread, mean = torch.std_mean(x)
    spread.backward()
    assert spread.item() == 0 and mean.item() == number and x.var().item() == 0
    assert x.grad.tolist() == [0] * count


def test_var_mean_of_too_few_warns_and_of_integers_raises():
    with recorded_warnings() as caught:
        assert_values(torch.var_mean(torch.ones(1))[0], nan)
    assert "var_mean(): degrees of freedom is <= 0" in str(caught[0].message)
    with pytest.raises(RuntimeError, match="std_mean only support floating point and complex"):
        torch.std_mean(torch.ones(2, dtype=torch.int64))


@pytest.mark.parametrize("dtype", FLOATS)
def test_halves_are_averaged_in_float32(dtype):
    x = torch.ones(5000, dtype=dtype)
    assert torch.var_mean(x)[1].item() == 1 and x.nanmean().item() == 1
    assert x.nanmean().dtype == dtype


def test_nanmean_leaves_nan_out():
    x = leaf([[1.0, nan, 3.0], [nan, nan, nan]])
    y = x.nanmean(1)
    assert_values(y, [2, nan])
    assert y.grad_fn.name() == "DivBackward0"
    y[0].backward()
    assert_values(x.grad[0], [0.5, 0, 0.5])
    assert torch.tensor([1.0, nan]).nanmean(dtype=torch.float64).dtype == torch.float64
    with pytest.raises(RuntimeError, match="nanmean\\(\\): expected input to have floating point"):
        torch.ones(2, dtype=torch.int32).nanmean()


def test_count_nonzero_counts_nan_and_not_negative_zero():
    x = torch.tensor([[nan, 0.0, -0.0], [1.0, inf, 0.0]])
    assert x.count_nonzero().item() == 3 and x.count_nonzero().dtype == torch.int64
    assert x.count_nonzero(0).tolist() == [2, 1, 0]
    assert x.count_nonzero((0, 1)).item() == 3 and x.count_nonzero(dim=()).item() == 3
    assert torch.zeros(0, 2).count_nonzero(0).tolist() == [0, 0]
    assert torch.tensor([True, False]).count_nonzero().item() == 1
    with pytest.raises(RuntimeError, match="dim 0 appears multiple times in the list of dims"):
        x.count_nonzero((0, 0))


@pytest.mark.parametrize("p", [pytest.param(0, marks=rushlight_only), 1, 2, 3.5, inf, -inf])
def test_dist_is_the_norm_of_the_difference(p):
    x, y = leaf([1.0, 2.0, 5.0]), leaf([[0.5, 3.0, 1.0]])
    found = torch.dist(x, y, p)
    assert found.grad_fn.name() == "DistBackward0"
    assert found.item() == (x - y).norm(p).item()
    found.backward()
    if p == 0:
        assert x.grad is None
        return
    u, v = leaf([1.0, 2.0, 5.0]), leaf([[0.5, 3.0, 1.0]])
    (u - v).norm(p).backward()
    assert_values(x.grad, u.grad.tolist())
    assert_values(y.grad, v.grad.tolist())


def test_dist_of_integers_is_refused():
    with pytest.raises(RuntimeError, match="norm\\(\\): input dtype should be either floating"):
        torch.dist(torch.ones(2, dtype=torch.int32), torch.ones(2, dtype=torch.int32))


def test_an_empty_list_of_dims_reduces_everything_but_for_any_and_all():
    x = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    assert x.sum(()).item() == 3 and x.amax(()).item() == 2
    assert x.any(()).tolist() == [[True, False], [True, False]]
    assert x.to(torch.uint8).all(()).dtype == torch.uint8
    assert x.all(keepdim=True).tolist() == [[False]]


@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 1, 5), (40, 30, 20), (1, 7, 1, 2)])
def test_reductions_of_inner_dimensions_match_numpy(shape):
    array = numpy.random.default_rng(5).normal(size=shape)
    t = torch.tensor(array.tolist(), dtype=torch.float64)
    for dim in [1, 0, -1, (0, 1), (1, 2), (0, 2)]:
        numpy.testing.assert_allclose(t.sum(dim).numpy(), array.sum(axis=dim), rtol=1e-10)
        numpy.testing.assert_allclose(t.amax(dim).numpy(), array.max(axis=dim))
        numpy.testing.assert_allclose(t.var(dim, False).numpy(), array.var(axis=dim), atol=1e-12)
        assert (t > 0).any(dim).tolist() == (array > 0).any(axis=dim).tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, out: torch.argmax(x, 0, out=out),
            "Expected out tensor to have dtype long int, but got float instead",
        ),
        (lambda x, out: torch.any(x, 0, out=out), "any only supports bool tensor for result, got"),
        (
            lambda x, out: torch.amax(x, 0, out=out),
            "Expected the dtype for input and out to match, but got Double for input's dtype and",
        ),
        (
            lambda x, out: torch.sum(x, 0, dtype=torch.float64, out=out),
            "Expected out tensor to have dtype double, but got float instead",
        ),
        (
            lambda x, out: torch.norm(x, 2, 0, out=out),
            "Expected out tensor to have dtype double, but got float instead",
        ),
    ],
)
def test_dtypes_of_out_that_are_refused(call, message):
    with pytest.raises(RuntimeError) as caught:
        call(torch.ones(2, 2, dtype=torch.float64), torch.empty(0))
    assert str(caught.value).startswith(message)


def test_out_decides_what_sums_and_means_compute_in():
    x = torch.tensor([1.5, 1.75])
    assert torch.sum(x, 0, out=torch.empty(0, dtype=torch.int32)).item() == 2
    assert torch.mean(x, out=torch.empty(0, dtype=torch.float64)).item() == 1.625
    assert torch.all(x, out=torch.empty(0, dtype=torch.uint8)).item() == 1


def test_gradient_of_a_variance_without_degrees_of_freedom_is_infinite():
    x = leaf([1.0, 2.0, 6.0])
    with recorded_warnings():
        y = x.var(correction=3)
    y.backward()
    assert y.item() == inf
    assert_values(x.grad, [inf, inf, inf])
    z = leaf([1.0, 3.0, 2.0])
    with recorded_warnings():
        torch.var_mean(z, correction=4)[0].backward()
    assert_values(z.grad, [inf, inf, nan])


@pytest.mark.parametrize("arguments", [(), (5,), ((0, 0),)])
def test_mean_of_integers_is_refused_before_its_dimensions(arguments):
    with pytest.raises(RuntimeError, match="mean\\(\\): could not infer output dtype. Input dtype"):
        torch.ones(2, 2, dtype=torch.int32).mean(*arguments)


def test_norm_errors_and_orders_are_pytorchs():
    x = leaf([[3.0, 4.0]])
    assert x.norm(None).grad_fn._saved_ord == 2.0
    with pytest.raises(RuntimeError, match="linalg.matrix_norm: Order bad not supported."):
        x.norm("bad")
    with pytest.raises(RuntimeError, match="dtype should be floating point or complex, but got"):
        x.norm(dtype=torch.int32)
