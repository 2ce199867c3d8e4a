"""Numbers near the ends of int64: ranges, number operands, and what is refused."""

import pytest
from support import leaf, torch

BIG = 1 << 63
OVERFLOW = "value cannot be converted to type int64_t without overflow"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize(
    "ends", [(1e30, 2e30, 1e30), (0.0, 1e30, 1e30), (0, 3, 1e30), (BIG, BIG + 1, 1)]
)
def test_arange_of_numbers_that_int64_lacks_is_refused(dtype, ends):
    # All but int64 gave zeros.
    with pytest.raises(RuntimeError, match=OVERFLOW):
        torch.arange(*ends, dtype=dtype)


@pytest.mark.parametrize(
    ("dtype", "ends", "expected"),
    [
        (torch.uint8, (255, 257), [255, 0]),
        (torch.int8, (300, 301), [44]),
        (torch.int16, (0, 3e9, 1e9), [0, -13824, -27648]),
        (torch.int32, (BIG // 2**32, BIG // 2**32 + 2), [-(2**31), -(2**31) + 1]),
        (torch.int32, (0, 3, 0.5), [0] * 6),
    ],
)
def test_arange_wraps_around_in_small_dtypes(dtype, ends, expected):
    assert torch.arange(*ends, dtype=dtype).tolist() == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: x + BIG, -(2**63) + 1),
        (lambda x: BIG + x, -(2**63) + 1),
        (lambda x: x - BIG, -(2**63) + 1),
        (lambda x: BIG - x, 2**63 - 1),
        (lambda x: x + (2**64 - 1), 0),
        (lambda x: x // BIG, -1),
        (lambda x: x & BIG, 0),
        (lambda x: x == BIG, False),
        (lambda x: x / BIG, 2.0**-63),
        (lambda x: torch.ones(()) * BIG, 2.0**63),
        (lambda x: torch.full((), BIG, dtype=torch.float64), 2.0**63),
        (lambda x: torch.result_type(x, BIG), torch.int64),
    ],
)
def test_ints_of_64_bits_without_a_sign_are_operands(call, expected):
    # They raised an OverflowError; int64 takes them by their bits, as PyTorch does.
    found = call(torch.tensor(1))
    assert (found.item() if isinstance(found, torch.Tensor) else found) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.clone().fill_(BIG),
        lambda x: torch.full((1,), BIG),
        lambda x: x**BIG,
        lambda x: x.clamp(max=BIG),
        lambda x: torch.add(x, x, alpha=BIG),
        lambda x: x.masked_fill(x > 0, BIG),
        lambda x: torch.where(x > 0, x, BIG),
    ],
)
def test_ints_of_64_bits_without_a_sign_are_no_elements_of_int64(call):
    with pytest.raises(RuntimeError, match=OVERFLOW):
        call(torch.tensor([1]))


def test_gradient_with_a_number_of_64_bits_without_a_sign():
    x = leaf([1.0])
    (x * BIG).backward()
    assert x.grad.item() == 2.0**63


def test_ints_of_more_bits_are_refused():
    for number in (2**64, -(2**63) - 1):
        with pytest.raises(OverflowError):
            torch.tensor([1]) + number


def test_take_along_no_dimension_takes_int32():
    # It was refused.
    x = torch.arange(6.0).view(2, 3)
    index = torch.tensor([[1, 0]], dtype=torch.int32)
    assert torch.take_along_dim(x, index).tolist() == [1, 0]
    with pytest.raises(RuntimeError, match="dtype of indices should be Long but got Int"):
        torch.take_along_dim(x, index, 1)
    with pytest.raises(RuntimeError, match="Expected dtype int32/int64 for index"):
        torch.take_along_dim(x, index.to(torch.int16))
