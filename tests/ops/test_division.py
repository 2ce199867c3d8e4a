"""Rounded quotients and remainders: values against NumPy, integers, errors, nodes."""

import math
import operator

import numpy as np
import pytest
from support import torch

INF, NAN = math.inf, math.nan
EDGES = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 7.0, -7.0, 0.1, -0.1, 1e30, -1e30, INF, -INF, NAN]


def pairs(dtype):
    x = np.array([a for a in EDGES for _ in EDGES], dtype)
    y = np.array([b for _ in EDGES for b in EDGES], dtype)
    return x, y


def assert_same(got, want):
    """Equal numbers, nan and signs of zero."""
    np.testing.assert_array_equal(got, want)
    finite = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got[finite]), np.signbit(want[finite]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fmod_is_exact(dtype):
    x, y = pairs(dtype)
    got = torch.fmod(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    with np.errstate(all="ignore"):
        assert_same(got, np.fmod(x, y))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_remainder_has_the_sign_of_the_divisor(dtype):
    x, y = pairs(dtype)
    got = torch.remainder(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    with np.errstate(all="ignore"):
        rest = np.fmod(x, y)
        want = np.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)
    assert_same(got, want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounded_quotients_of_floats(dtype):
    x, y = pairs(dtype)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)
    with np.errstate(all="ignore"):
        assert_same(torch.div(tx, ty, rounding_mode="trunc").numpy(), np.trunc(x / y))
        down = torch.div(tx, ty, rounding_mode="floor").numpy()
        plain = (np.abs(x) < 100) & (np.abs(y) < 100) & (y != 0)
        np.testing.assert_array_equal(down[plain], np.floor_divide(x, y)[plain])
    assert repr((tx // ty).tolist()) == repr(down.tolist())


def test_quotients_beyond_two_to_the_52_are_exact():
    x = torch.tensor([1e300, -1e300, 1e16, 3.0] * 100, dtype=torch.float64)
    want = [math.fmod(v, 0.7) for v in x.tolist()]
    assert torch.fmod(x, 0.7).tolist() == want
    assert torch.remainder(x, 0.7).tolist() == [r + 0.7 if r < 0 else r for r in want]
    assert (x // 1e-300)[0].item() == INF
    assert (x // 0.7)[2].item() == (1e16 - math.fmod(1e16, 0.7)) / 0.7


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_integers_divide_as_python_or_c_does(dtype):
    values = [a for a in range(-7, 8) for b in range(-4, 5) if b]
    divisors = [b for a in range(-7, 8) for b in range(-4, 5) if b]
    x, y = torch.tensor(values, dtype=dtype), torch.tensor(divisors, dtype=dtype)
    both = list(zip(values, divisors, strict=True))
    assert (x // y).tolist() == [a // b for a, b in both]
    assert (x % y).tolist() == [a % b for a, b in both]
    assert torch.div(x, y, rounding_mode="trunc").tolist() == [int(a / b) for a, b in both]
    assert torch.fmod(x, y).tolist() == [int(math.fmod(a, b)) for a, b in both]
    assert (x // y).dtype == (x % y).dtype == torch.fmod(x, y).dtype == dtype


def test_the_smallest_integer_over_minus_one_wraps_around():
    x = torch.tensor([-(2**63), 5])
    assert (x // -1).tolist() == [-(2**63), -5]
    assert (x % -1).tolist() == torch.fmod(x, -1).tolist() == [0, 0]
    assert torch.div(x[1:], -1, rounding_mode="trunc").tolist() == [-5]


def test_a_number_wraps_around_to_the_tensors_bytes():
    x = torch.tensor([1, 2, 255], dtype=torch.uint8)
    assert torch.fmod(x, -3).tolist() == [1, 2, 2]
    assert torch.remainder(x, 300).tolist() == [1, 2, 35]
    for refused in (lambda: x % 256, lambda: torch.fmod(x, 256), lambda: x // 256):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            refused()


@pytest.mark.parametrize(
    "divide",
    [
        operator.floordiv,
        operator.mod,
        torch.fmod,
        torch.remainder,
        lambda x, y: torch.div(x, y, rounding_mode="floor"),
        lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    ],
)
def test_integers_over_zero_are_refused_in_every_layout(divide):
    x = torch.tensor([[1, 2], [3, 4]])
    zeros = [0, torch.tensor(0), torch.tensor([[1, 0], [1, 1]]), torch.tensor([[1, 1], [0, 1]]).t()]
    for y in zeros:
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            divide(x, y)
    assert divide(x, torch.tensor([2, 0])[:1]).shape == x.shape


def test_bools_are_refused_by_the_kernels_name():
    b = torch.tensor([True, False])
    for call, name in (
        (lambda: b.div(b, rounding_mode="floor"), "div_floor_cpu"),
        (lambda: b.div(b, rounding_mode="trunc"), "div_trunc_cpu"),
        (lambda: b // b, "div_floor_cpu"),
        (lambda: b % b, "remainder_cpu"),
        (lambda: torch.fmod(b, b), "fmod_cpu"),
    ):
        with pytest.raises(NotImplementedError, match=f"\"{name}\" not implemented for 'Bool'"):
            call()
    assert (b % 2).tolist() == [1, 0] and (b % 2).dtype == torch.int64
    assert torch.div(b, b, rounding_mode=None).dtype == torch.float32


def test_rounding_mode_is_one_of_three():
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="to be one of None, 'trunc', or 'floor' but found 'up'"):
        x.div(2, rounding_mode="up")
    with pytest.raises(TypeError, match="unexpected keyword argument 'rounding_mode'"):
        torch.true_divide(x, 2, rounding_mode="floor")
    with pytest.raises(TypeError):
        x.div(2, rounding_mode=3)


def test_nodes_carry_the_names_and_values_of_pytorch():
    x = torch.tensor([5.0, -5.0], requires_grad=True)
    y = torch.tensor([3.0, 3.0], requires_grad=True)
    node = x.div(y, rounding_mode="floor").grad_fn
    assert node.name() == "DivBackward2" and node._saved_rounding_mode == "floor"
    node = x.div(2, rounding_mode=None).grad_fn
    assert node._saved_rounding_mode is None and node._saved_self is None
    assert (x % 2).grad_fn.name() == "RemainderBackward0"
    assert (x % y).grad_fn.name() == "RemainderBackward1"
    assert torch.fmod(x, 2).grad_fn.name() == "FmodBackward0"
    assert torch.fmod(x, y).grad_fn.name() == "FmodBackward1"
    reflected = 7 % x
    assert reflected.grad_fn.name() == "torch::autograd::NotImplemented"
    with pytest.raises(RuntimeError, match="derivative for aten::remainder is not implemented"):
        reflected.sum().backward()


@pytest.mark.parametrize(("rounding", "zero"), [("floor", True), ("trunc", True), (None, False)])
def test_a_rounded_quotient_is_flat(rounding, zero):
    x = torch.tensor([5.0, 0.0, INF], requires_grad=True)
    y = torch.tensor([2.0, 0.0, 2.0], requires_grad=True)
    for create_graph in (False, True):
        out = x.div(y, rounding_mode=rounding).sum()
        gx, gy = torch.autograd.grad(out, (x, y), create_graph=create_graph)
        if zero:
            assert gx.tolist() == gy.tolist() == [0, 0, 0] and not gx.requires_grad
        else:
            assert gx.tolist()[0] == 0.5 and gy.tolist()[0] == -1.25


def test_gradient_of_a_divisor_is_minus_the_rounded_quotient():
    x = torch.tensor([5.0, -5.0, 5.0, -5.0, 0.0])
    y = torch.tensor([3.0, 3.0, -3.0, -3.0, 3.0], requires_grad=True)
    for f, want in ((torch.remainder, [-1, 2, 2, -1, 0]), (torch.fmod, [-1, 1, 1, -1, 0])):
        for create_graph in (False, True):
            (g,) = torch.autograd.grad(f(x, y).sum(), y, create_graph=create_graph)
            assert g.tolist() == want


def test_operators_in_place_keep_the_object_and_its_dtype():
    x = torch.tensor([7, 8, 9])
    same = x
    x //= 2
    x %= 3
    assert x is same and x.tolist() == [0, 1, 1]
    x = torch.tensor([7.0, -8.0])
    x %= 3
    assert x.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        torch.tensor([1]).remainder_(0.5)


def test_numbers_stand_on_either_side():
    x = torch.tensor([1, 2, 3])
    assert (7 % x).tolist() == [0, 1, 1] and (7 // x).tolist() == [7, 3, 2]
    assert torch.remainder(7.5, x).dtype == torch.float32
    assert torch.div(7, x, rounding_mode="floor").tolist() == [7, 3, 2]
    assert torch.floor_divide(7, 2).item() == 3
    for other in ("a", None, [1]):
        for op in (operator.mod, operator.floordiv):
            with pytest.raises(TypeError, match="unsupported operand type"):
                op(x, other)
