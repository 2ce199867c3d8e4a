"""The dtype of results: n-d tensors before 0-d before Python numbers, and categories."""

import operator

import pytest
from support import assert_values, leaf, torch

F32, F64, I64, BOOL = torch.float32, torch.float64, torch.int64, torch.bool
DTYPES = {"float32": F32, "float64": F64, "int64": I64, "bool": BOOL}
ORDER = [BOOL, I64, F32, F64]


def ones(dtype, shape=(2,)):
    return torch.ones(shape, dtype=dtype)


@pytest.mark.parametrize("left", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("right", DTYPES.values(), ids=DTYPES)
def test_tensors_of_the_same_rank_take_the_larger_dtype(left, right):
    expected = max(left, right, key=ORDER.index)
    assert (ones(left) + ones(right)).dtype == expected
    assert (ones(left) * ones(right)).dtype == expected
    assert (ones(left, ()) + ones(right, ())).dtype == expected
    assert (ones(left) == ones(right)).dtype == BOOL


@pytest.mark.parametrize("zero_dim_first", [True, False])
@pytest.mark.parametrize(
    "dimensioned, zero_dim, expected",
    [
        (F32, F64, F32),
        (F64, F32, F64),
        (F32, I64, F32),
        (F32, BOOL, F32),
        (I64, F64, F64),
        (I64, F32, F32),
        (I64, BOOL, I64),
        (BOOL, I64, I64),
        (BOOL, F64, F64),
    ],
    ids=lambda d: str(d)[6:] if "." in str(d) else str(d),
)
def test_zero_dim_counts_only_by_its_category(dimensioned, zero_dim, expected, zero_dim_first):
    a, b = ones(dimensioned), ones(zero_dim, ())
    assert (b + a if zero_dim_first else a + b).dtype == expected


@pytest.mark.parametrize(
    "dtype, number, expected",
    [
        (F32, 2, F32),
        (F32, 2.5, F32),
        (F32, True, F32),
        (F64, 2.5, F64),
        (I64, 2, I64),
        (I64, 2.5, F32),
        (I64, True, I64),
        (BOOL, 2, I64),
        (BOOL, 2.5, F32),
        (BOOL, True, BOOL),
    ],
    ids=lambda v: str(v).replace("torch.", ""),
)
@pytest.mark.parametrize("shape", [(), (2,)], ids=["0d", "1d"])
def test_python_number_counts_only_by_its_category(dtype, number, expected, shape):
    x = ones(dtype, shape)
    assert (x + number).dtype == expected and (number * x).dtype == expected


@pytest.mark.parametrize("dtype", [I64, BOOL])
def test_true_division_of_integers_gives_the_default_float(dtype):
    assert (ones(dtype) / ones(dtype)).dtype == F32
    assert (ones(dtype) / 2).dtype == F32 and (1 / ones(dtype)).dtype == F32


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sqrt", "sigmoid", "reciprocal"])
def test_functions_of_integers_give_the_default_float(name):
    x = torch.tensor([1, 2])
    y = getattr(torch, name)(x)
    assert y.dtype == F32
    assert_values(y, getattr(torch, name)(x.double()).tolist(), rel=1e-6)


@pytest.mark.parametrize("name", ["abs", "neg", "relu"])
def test_functions_that_keep_integers(name):
    assert getattr(torch, name)(torch.tensor([-1, 2])).dtype == I64


def test_default_dtype_decides_what_numbers_become():
    torch.set_default_dtype(F64)
    try:
        assert torch.get_default_dtype() == F64
        assert torch.tensor(1.5).dtype == torch.zeros(2).dtype == torch.arange(1.0).dtype == F64
        assert (torch.ones(2, dtype=I64) * 2.5).dtype == F64
        assert (torch.ones(2, dtype=I64) / 2).dtype == F64
        assert torch.tensor([1.0], dtype=F32).mul(2.5).dtype == F32
    finally:
        torch.set_default_dtype(F32)


def test_sum_and_mean():
    assert torch.ones(2, dtype=BOOL).sum().dtype == I64 and ones(I64).sum().dtype == I64
    assert ones(F32).sum().dtype == F32 and ones(F64).mean().dtype == F64
    assert ones(I64).sum(dtype=F64).dtype == F64
    with pytest.raises(RuntimeError, match="^mean\\(\\): could not infer output dtype. Input"):
        ones(I64).mean()
    assert ones(I64).mean(dtype=F32).item() == 1.0


def test_power():
    assert (torch.tensor([2, 3]) ** 2).tolist() == [4, 9]
    assert (torch.tensor([2, 3]) ** 2.0).dtype == F32
    assert (2 ** torch.tensor([2, 3])).tolist() == [4, 8]
    assert (torch.tensor([4.0]) ** 0.5).item() == 2.0
    with pytest.raises(RuntimeError, match="^Integers to negative integer powers are not allowed"):
        torch.tensor([2]) ** -1


def test_integer_power_with_negative_exponents_in_a_tensor():
    base, exponent = torch.tensor([2, -1, -1, 1, 0, 3]), torch.tensor([-1, -1, -2, -5, -1, 0])
    assert (base**exponent).tolist() == [0, -1, 1, 1, 0, 1]


def test_power_of_bools():
    t = torch.tensor([True, False])
    assert (t ** torch.tensor([0, 0])).tolist() == [1, 1] and (t**2).dtype == I64
    assert (t**True).tolist() == [True, False]
    with pytest.raises(NotImplementedError, match="\"pow\" not implemented for 'Bool'"):
        t**t


def test_integer_arithmetic_is_exact_and_wraps():
    big = 2**53 + 1
    assert (torch.tensor([big]) + 0).item() == big and torch.tensor(big).item() == big
    assert (torch.tensor([2**62]) * 2).item() == -(2**63)
    assert (torch.tensor([3]) == 3).item() is True


@pytest.mark.parametrize("number", [0.1, 1e-8, 16777217])
def test_number_is_rounded_to_the_tensors_dtype_once(number):
    x = torch.tensor([1.0])
    assert (x * number).item() == torch.tensor(number, dtype=F32).item()
    assert (x.double() * number).item() == float(number)


def test_bool_arithmetic():
    t, f = torch.tensor([True]), torch.tensor([False])
    assert (t + t).tolist() == [True] and (t * f).tolist() == [False]
    with pytest.raises(RuntimeError, match="^Subtraction, the `-` operator, with two bool tensors"):
        t - f
    with pytest.raises(RuntimeError, match="^Subtraction, the `-` operator, with two bool tensors"):
        t - True
    with pytest.raises(RuntimeError, match="^Subtraction, the `-` operator, with a bool tensor is"):
        1 - t
    with pytest.raises(RuntimeError, match="^Subtraction, the `-` operator, with a bool tensor is"):
        torch.ones(1) - t
    with pytest.raises(RuntimeError, match="^Subtraction, the `-` operator, with a bool tensor is"):
        torch.ones(1) - True
    with pytest.raises(RuntimeError, match="^Negation, the `-` operator, on a bool tensor is not"):
        _ = -t


def test_in_place_result_must_fit():
    x = torch.ones(2, dtype=F32)
    x.add_(torch.ones(2, dtype=F64))
    assert x.dtype == F32
    for number in (0.5, torch.tensor(0.5)):
        with pytest.raises(RuntimeError, match="can't be cast to the desired output type Long"):
            torch.ones(2, dtype=I64).mul_(number)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type Long"):
        x = torch.ones(2, dtype=I64)
        x /= 2


@pytest.mark.parametrize("convert", ["float", "double", "long", "bool"])
def test_conversions(convert):
    dtype = {"float": F32, "double": F64, "long": I64, "bool": BOOL}[convert]
    x = torch.tensor([0.0, 1.5, -2.7])
    y = getattr(x, convert)()
    assert y.dtype == dtype and getattr(y, convert)() is y and x.to(dtype).tolist() == y.tolist()
    if convert == "long":
        assert y.tolist() == [0, 1, -2]
    if convert == "bool":
        assert y.tolist() == [False, True, True]


def test_conversion_of_views():
    x = torch.arange(6).view(2, 3).t()
    assert x.double().tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert torch.tensor([1]).expand(2, 3).float().tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize(
    "compare", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
)
def test_comparisons(compare):
    a, b = [1.0, 2.0, float("nan")], [2.0, 2.0, 1.0]
    expected = [compare(x, y) for x, y in zip(a, b)]
    assert compare(torch.tensor(a), torch.tensor(b)).tolist() == expected
    assert compare(torch.tensor(a), 2).tolist() == [compare(x, 2) for x in a]
    assert compare(2.0, torch.tensor(a)).tolist() == [compare(2.0, x) for x in a]
    assert compare(torch.tensor([1, 2]), torch.tensor([1.5, 2.0])).tolist() == [
        compare(1, 1.5),
        compare(2, 2.0),
    ]


def test_comparison_of_large_integers_is_exact():
    a = torch.tensor([2**53 + 1])
    assert (a == 2**53).item() is False and (a > 2**53).item() is True


def test_operand_of_another_type_is_refused():
    x = torch.ones(2)
    for operation in (operator.add, operator.mul, operator.truediv, operator.sub, operator.lt):
        with pytest.raises(TypeError):
            operation(x, "text")
        with pytest.raises(TypeError):
            operation(x, None)
    assert (x == "text") is False and (x != "text") is True
    assert (x == None) is False  # noqa: E711


def test_gradient_has_the_dtype_of_its_input():
    a, b = leaf([1.0, 2.0]), leaf([3.0], dtype=F64)
    (a * b * torch.tensor([1, 2])).sum().backward()
    assert a.grad.dtype == F32 and b.grad.dtype == F64
    assert_values(a.grad, [3.0, 6.0])
    assert_values(b.grad, [5.0])
