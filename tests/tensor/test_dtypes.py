"""The ten dtypes: conversion, promotion, wrapping around, rounding once."""

import itertools
import operator
import pickle

import numpy as np
import pytest
from support import torch

INTS = ["uint8", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
DTYPES = ["bool", *INTS, *FLOATS]
NUMPY = [name for name in DTYPES if name != "bfloat16"]


def dtype(name):
    return getattr(torch, name)


def bits_of(tensor):
    """The 16-bit patterns of a float16 or bfloat16 tensor, by way of its exact float32 values."""
    values = np.array(tensor.float().tolist(), dtype=np.float32)
    if tensor.dtype == torch.float16:
        return values.astype(np.float16).view(np.uint16)
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def floats_near_halves():
    """Every float16 as float32, its neighbours, and the midpoints between halves."""
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)].astype(np.float32)
    up, down = np.nextafter(finite, np.float32(np.inf)), np.nextafter(finite, np.float32(-np.inf))
    middle = ((np.sort(finite)[1:] + np.sort(finite)[:-1]) / 2).astype(np.float32)
    ends = np.float32([65519.996, 65520, 65536, 3e38, np.inf, 2**-25, 2**-24, 2**-14, 1e-45])
    return np.concatenate([finite, up, down, middle, ends, -ends])


def test_every_float16_becomes_its_float():
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    wide = torch.from_numpy(halves).float()
    assert np.array_equal(np.array(wide.tolist(), np.float32), halves.astype(np.float32), True)


def test_floats_round_to_float16_as_ieee_says():
    x = floats_near_halves()
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).view(np.uint16)
    assert np.array_equal(bits_of(torch.tensor(x).half()), expected)


def test_floats_round_to_bfloat16_nearest_even():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32)
    x = np.concatenate([x, x & 0xFFFF8000, (x & 0xFFFF8000) | 0x8000]).view(np.float32)
    x = x[np.isfinite(x)]
    u = x.view(np.uint32).astype(np.uint64)
    expected = ((u + 0x7FFF + (u >> 16 & 1)) >> 16).astype(np.uint16)
    assert np.array_equal(bits_of(torch.tensor(x).bfloat16()), expected)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_nan_stays_nan_in_16_bits(name):
    x = torch.tensor([float("nan"), 1.0], dtype=dtype(name))
    assert (x != x).tolist() == [True, False]


# Row by row in the order of DTYPES: what a + b gives, as recorded from torch 2.13.
PROMOTED = """
b u8 i8 i16 i32 i64 f16 bf16 f32 f64
u8 u8 i16 i16 i32 i64 f16 bf16 f32 f64
i8 i16 i8 i16 i32 i64 f16 bf16 f32 f64
i16 i16 i16 i16 i32 i64 f16 bf16 f32 f64
i32 i32 i32 i32 i32 i64 f16 bf16 f32 f64
i64 i64 i64 i64 i64 i64 f16 bf16 f32 f64
f16 f16 f16 f16 f16 f16 f16 f32 f32 f64
bf16 bf16 bf16 bf16 bf16 bf16 f32 bf16 f32 f64
f32 f32 f32 f32 f32 f32 f32 f32 f32 f64
f64 f64 f64 f64 f64 f64 f64 f64 f64 f64
"""
SHORT = dict(zip("b u8 i8 i16 i32 i64 f16 bf16 f32 f64".split(), DTYPES))


def test_promotion_of_every_pair():
    table = [row.split() for row in PROMOTED.split("\n") if row]
    for (i, a), (j, b) in itertools.product(enumerate(DTYPES), repeat=2):
        result = torch.ones(2, dtype=dtype(a)) + torch.ones(2, dtype=dtype(b))
        assert result.dtype == dtype(SHORT[table[i][j]]), (a, b)
        scalar = torch.ones(2, dtype=dtype(a)) + torch.ones((), dtype=dtype(b))
        kinds = [("bool",), INTS, FLOATS]
        rank = [next(k for k, kind in enumerate(kinds) if n in kind) for n in (a, b)]
        expected = dtype(a) if rank[0] >= rank[1] else dtype(b)
        assert scalar.dtype == expected, (a, b)


@pytest.mark.parametrize("name", INTS)
@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul])
def test_integers_wrap_around(name, op):
    limits = np.iinfo(name)
    a = np.array([limits.max, limits.min, limits.max // 2, 3], dtype=name)
    b = np.array([limits.max, limits.max, 3, 5], dtype=name)
    with np.errstate(over="ignore"):
        expected = op(a, b)
    result = op(torch.tensor(a), torch.tensor(b))
    assert result.dtype == dtype(name)
    assert result.tolist() == expected.tolist()


def test_number_wraps_around_before_it_is_compared():
    x = torch.tensor([44, 200], dtype=torch.uint8)
    assert (x == 300).tolist() == [True, False]
    assert (x > -1).tolist() == [False, False]
    assert (x + 300).tolist() == [88, 244]
    assert (torch.tensor([0.1], dtype=torch.float16) == 0.1).item()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_16_bit_ops_round_once(name):
    a = torch.tensor([1.0, 3.0, 1e-3, 200.0], dtype=dtype(name))
    b = torch.tensor([1e-3, 7.0, 1e3, 0.3], dtype=dtype(name))
    for op in (operator.add, operator.sub, operator.mul, operator.truediv):
        assert op(a, b).tolist() == op(a.float(), b.float()).to(dtype(name)).tolist()
    assert torch.tanh(a).tolist() == torch.tanh(a.float()).to(dtype(name)).tolist()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_16_bit_sums_are_kept_in_float(name):
    x = torch.full((5000,), 0.1, dtype=dtype(name))
    assert x.sum().item() == x.float().sum().to(dtype(name)).item()
    assert torch.tensor([60000.0, 60000.0], dtype=torch.float16).mean().item() == 60000
    assert x.sum(dtype=torch.float32).dtype == torch.float32


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_backward_in_16_bits(name):
    x = torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=dtype(name), requires_grad=True)
    (x @ x).tanh().sum().backward()
    wide = x.detach().float().requires_grad_()
    (wide @ wide).tanh().sum().backward()
    assert x.grad.dtype == dtype(name)
    assert (x.grad.float() - wide.grad).abs().sum().item() < 0.05


def test_integer_matmul_and_sum():
    a = torch.tensor([[100, 100], [1, -2]], dtype=torch.int8)
    assert (a @ a).tolist() == [[116, 72], [98, 104]] and (a @ a).dtype == torch.int8
    assert a.sum().dtype == torch.int64 and a.sum().item() == 199
    assert a.sum(dtype=torch.int8).item() == -57
    assert a.sum(0, dtype=torch.uint8).tolist() == [101, 98]


@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
def test_floats_out_of_range_become_what_the_processor_gives(source):
    x = torch.tensor([1.9, -1.9, 300.0, -300.0, float("nan"), float("inf")], dtype=dtype(source))
    assert x.to(torch.int32).tolist() == [1, -1, 300, -300, -(2**31), -(2**31)]
    assert x.to(torch.int8).tolist() == [1, -1, 44, -44, 0, 0]
    assert x.to(torch.uint8).tolist() == [1, 255, 44, 212, 0, 0]
    assert x.to(torch.int64).tolist()[4:] == [-(2**63)] * 2


@pytest.mark.parametrize("name", DTYPES)
def test_shorthands_and_facts(name):
    x = torch.zeros(2, dtype=dtype(name))
    shorthands = "bool byte char short int long half bfloat16 float double".split()
    assert getattr(torch.zeros(2), shorthands[DTYPES.index(name)])().dtype == x.dtype
    assert (
        x.element_size()
        == x.dtype.itemsize
        == {"bool": 1, "bfloat16": 2}.get(
            name, np.dtype(name).itemsize if name != "bfloat16" else 2
        )
    )
    assert x.dtype.is_floating_point == (name in FLOATS)
    assert x.dtype.is_signed == (name not in ("bool", "uint8"))
    assert pickle.loads(pickle.dumps(x)).dtype == x.dtype


def test_names_that_are_one_object():
    assert torch.half is torch.float16 and torch.short is torch.int16 and torch.int is torch.int32


@pytest.mark.parametrize("name", NUMPY)
def test_numpy_both_ways(name):
    a = np.array([[1, 0], [1, 1]]).astype(name)
    t = torch.from_numpy(a)
    assert t.dtype == dtype(name) and t.numpy().dtype == a.dtype
    assert np.array_equal(t.numpy(), a)
    assert np.array_equal(torch.tensor(a).numpy(), a)
    assert torch.tensor(a[0, 0]).dtype == dtype(name)


def test_bfloat16_has_no_numpy_dtype():
    with pytest.raises(TypeError, match="Got unsupported ScalarType BFloat16"):
        torch.ones(2, dtype=torch.bfloat16).numpy()


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32"])
def test_number_that_does_not_fit_is_refused(name):
    limits = np.iinfo(name)
    cpp = {"uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int"}[name]
    top = int(limits.max)
    assert torch.full((1,), top, dtype=dtype(name)).item() == top
    message = "value cannot be converted to type {} without overflow"
    with pytest.raises(RuntimeError, match=message.format(cpp)):
        torch.full((1,), top + 1, dtype=dtype(name))
    with pytest.raises(RuntimeError, match=message.format(cpp)):
        torch.zeros(1, dtype=dtype(name)).fill_(-top - 2)
    with pytest.raises(RuntimeError, match=message.format(name)):
        torch.tensor([top + 1], dtype=dtype(name))
    assert torch.tensor([-1], dtype=torch.uint8).item() == 255


def test_too_large_for_16_bits_is_infinite():
    assert torch.tensor([1e5, -1e5], dtype=torch.float16).tolist() == [float("inf"), -float("inf")]
    assert torch.full((1,), 1e39, dtype=torch.bfloat16).item() == float("inf")


# Recorded from torch 2.13, seed 0.
RANDN_HALF = [1.541015625, -0.29345703125, -2.1796875]
RANDN_BFLOAT = [0.9453125, -0.84375]
RAND_BFLOAT = [0.49609375, 0.76953125, 0.08837890625]
RANDOM = {
    "bool": [False, True, True],
    "uint8": [172, 47, 117],
    "int8": [44, 47, 117],
    "int16": [2732, 10799, 9845],
    "int32": [209652396, 398764591, 924231285],
    "int64": [900450186894289455, 3969543146641149120, 1895649597198586619],
    "float16": [1277.0, 1017.0, 1661.0],
    "bfloat16": [149.0, 179.0, 47.0],
    "float32": [8325664.0, 12888472.0, 1484222.0],
    "float64": [8737460674930124.0, 6375474555111176.0, 4137753702977065.0],
}


def test_random_numbers_in_16_bits():
    assert torch.randn(3, dtype=torch.float16).tolist() == RANDN_HALF
    torch.manual_seed(0)
    assert torch.randn(17, dtype=torch.bfloat16)[-2:].tolist() == RANDN_BFLOAT
    torch.manual_seed(0)
    assert torch.rand(3, dtype=torch.bfloat16).tolist() == RAND_BFLOAT


@pytest.mark.parametrize("name", DTYPES)
def test_random_integers_reach_the_top_of_the_dtype(name):
    torch.manual_seed(0)
    assert torch.empty(3, dtype=dtype(name)).random_().tolist() == RANDOM[name]


def test_indexing_and_assignment_in_every_dtype():
    for name in DTYPES:
        x = torch.zeros(2, 3, dtype=dtype(name))
        x[1] = 1
        x[0, [0, 2]] = torch.ones(2, dtype=dtype(name))
        assert x.long().tolist() == [[1, 0, 1], [1, 1, 1]], name
        assert x.t().contiguous().dtype == dtype(name)
        assert torch.cat([x, x]).sum().item() == 10


def test_default_dtype_of_16_bits():
    torch.set_default_dtype(torch.float16)
    try:
        assert torch.tensor([1.5]).dtype == torch.ones(1).dtype == torch.float16
        assert (torch.ones(1, dtype=torch.int64) / 2).dtype == torch.float16
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32"])
def test_divisor_that_becomes_zero_in_the_dtype_is_refused(name):
    x = torch.ones(2, dtype=getattr(torch, name))
    for divisor in (0, 2**32, torch.tensor(2**32)):  # ended the process
        for divide in (operator.floordiv, torch.Tensor.floor_divide_):
            with pytest.raises(RuntimeError, match="ZeroDivisionError"):
                divide(x, divisor)
    assert (x // torch.tensor([3, 2**32])).tolist() == [0, 0]


def test_floor_division_by_bools_promotes_them():
    x = torch.tensor([5, 6], dtype=torch.uint8)
    assert (x // torch.ones(2, dtype=torch.bool)).dtype == torch.uint8
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        x // torch.zeros(2, dtype=torch.bool)
    with pytest.raises(NotImplementedError, match="not implemented for 'Bool'"):
        torch.ones(2, dtype=torch.bool) // True


def test_bools_of_any_byte_are_true():
    b = torch.tensor([1, 128, 0, 255], dtype=torch.uint8).view(torch.bool)
    x = torch.arange(4.0)
    # Each other byte counted as many, and what lay behind in memory was returned.
    assert x[b].tolist() == x.masked_select(b).tolist() == [0.0, 1.0, 3.0]
    assert b.nonzero().tolist() == [[0], [1], [3]] and b[1].nonzero().shape == (1, 0)
    assert x.masked_fill(b, 9.0).tolist() == [9.0, 9.0, 2.0, 9.0]
    x[b] = 5.0
    assert x.tolist() == torch.where(b, x, -x).abs().tolist() == [5.0, 5.0, 2.0, 5.0]
    assert b.sum().item() == 3 and b.max(0).indices.item() == 0
    assert b.sort().values.tolist() == [False, True, True, True] and b.amax().item() is True
    assert b.tolist() == [True, True, False, True] and True in b
