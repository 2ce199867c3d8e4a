"""Random integers: PyTorch's numbers, its bounds and its complaints."""

import pytest
from support import leaf, recorded_warnings, torch


def seeded(value=0):
    return torch.Generator().manual_seed(value)


def test_randint_gives_pytorchs_numbers():
    torch.manual_seed(0)
    assert torch.randint(0, 10, (3,)).tolist() == [4, 9, 3]
    assert torch.randint(10, (3,)).tolist() == [0, 3, 9]
    wide = torch.randint(-(2**40), 2**41, (2,), generator=seeded(3))
    assert wide.tolist() == [-643941333352, 1073054410371]


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32, torch.float64])
def test_every_dtype_draws_the_same_words(dtype):
    drawn = torch.randint(0, 2, (40,), dtype=dtype, generator=seeded())
    assert drawn.dtype == dtype
    expected = torch.randint(0, 2, (40,), generator=seeded())
    assert drawn.long().tolist() == expected.tolist()


def test_randint_like_keeps_shape_and_dtype():
    like = torch.ones(2, 3, dtype=torch.float64)
    torch.manual_seed(5)
    drawn = torch.randint_like(like, 3, 7)
    torch.manual_seed(5)
    assert drawn.dtype == like.dtype and drawn.shape == like.shape
    assert drawn.tolist() == torch.randint(3, 7, (2, 3), dtype=torch.float64).tolist()


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.int64, [900450186894289455, 3969543146641149120]),
        (torch.float32, [8325664.0, 12888472.0]),
        (torch.float64, [8737460674930124.0, 6375474555111176.0]),
        (torch.bool, [False, True]),
    ],
)
def test_random_without_bounds_covers_what_the_dtype_counts(dtype, expected):
    assert torch.empty(2, dtype=dtype).random_(generator=seeded()).tolist() == expected


def test_random_into_a_scalar_is_what_a_loader_seeds_with():
    drawn = torch.empty((), dtype=torch.int64).random_(generator=seeded()).item()
    assert drawn == 900450186894289455


def test_random_up_to_none_ends_where_the_dtype_ends():
    high = torch.empty(50, dtype=torch.int64).random_(2**63 - 2, None)
    assert set(high.tolist()) == {2**63 - 2, 2**63 - 1}
    gapless = torch.empty(50).random_(2**24 - 1, None)
    assert set(gapless.tolist()) == {2.0**24 - 1, 2.0**24}
    everything = torch.empty(200, dtype=torch.int64).random_(-(2**63), None).tolist()
    assert min(everything) < -(2**62) and max(everything) > 2**62


def test_bounds_that_a_float_rounds_move_inside():
    # 2^26 + 1 rounds to 2^26, which is no member of the interval.
    with pytest.raises(RuntimeError, match="casted to dtype, but got from=67108872 >= to=67108867"):
        torch.empty(3).random_(2**26 + 1, 2**26 + 3)
    with recorded_warnings() as caught:
        drawn = torch.empty(3).random_(-(2**26) - 1, -(2**26) + 3)
    assert drawn.tolist() == [-(2.0**26)] * 3
    assert [str(w.message).split(" [")[0] for w in caught] == [
        "from is out of bounds",
        "to - 1 is out of bounds",
    ]


@pytest.mark.parametrize("bounds", [(-(2**63), 2**63 - 1), (0, 2**63 - 1), (-(2**63) + 1, 5)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64])
def test_the_widest_bounds_do_not_overflow(bounds, dtype):
    with recorded_warnings():
        drawn = torch.empty(100, dtype=dtype).random_(*bounds).tolist()
    assert min(drawn) >= bounds[0] and max(drawn) <= bounds[1] + 1
    assert max(drawn) - min(drawn) > 2.0**61


def test_bool_takes_only_its_two_numbers():
    flags = torch.empty(3, dtype=torch.bool)
    assert flags.random_(1, None).tolist() == [True] * 3
    with pytest.raises(RuntimeError, match="to - 1 is out of bounds for bool"):
        flags.random_(5)
    with pytest.raises(RuntimeError, match="from is out of bounds for bool"):
        flags.random_(-1, None)


LIMITS = {
    torch.uint8: ("unsigned char", 0, 255),
    torch.int8: ("signed char", -128, 127),
    torch.int16: ("short int", -(2**15), 2**15 - 1),
    torch.int32: ("int", -(2**31), 2**31 - 1),
    torch.float16: ("c10::Half", -65504, 65504),
}


@pytest.mark.parametrize(("dtype", "limits"), LIMITS.items(), ids=str)
def test_bounds_that_the_dtype_does_not_hold_are_refused(dtype, limits):
    # They wrapped around, or became infinite.
    name, lowest, highest = limits
    with pytest.raises(RuntimeError, match=f"^to - 1 is out of bounds for {name}"):
        torch.randint(0, highest + 2, (3,), dtype=dtype)
    with pytest.raises(RuntimeError, match=f"^from is out of bounds for {name}"):
        torch.empty(3, dtype=dtype).random_(lowest - 1, 5)
    with pytest.raises(RuntimeError, match=f"^to - 1 is out of bounds for {name}"):
        torch.empty(3, dtype=dtype).random_(highest + 2)
    with recorded_warnings():
        drawn = torch.randint(lowest, highest + 1, (500,), dtype=dtype).tolist()
    assert lowest <= min(drawn) < lowest / 2 + 9 and highest / 2 < max(drawn) <= highest


@pytest.mark.parametrize(
    ("dtype", "last"),
    [
        (torch.uint8, 255),
        (torch.int8, 127),
        (torch.int16, 2**15 - 1),
        (torch.int32, 2**31 - 1),
        (torch.float16, 2**11),
        (torch.bfloat16, 2**8),
    ],
    ids=str,
)
def test_random_up_to_none_ends_where_a_narrow_dtype_ends(dtype, last):
    drawn = torch.empty(60, dtype=dtype).random_(last - 1, None, generator=seeded())
    assert set(drawn.tolist()) == {last - 1, last}


@pytest.mark.parametrize(
    ("dtype", "digits", "name"),
    [(torch.float16, 11, "c10::Half"), (torch.bfloat16, 8, "c10::BFloat16")],
    ids=str,
)
def test_a_16_bit_float_warns_where_its_integers_have_gaps(dtype, digits, name):
    with recorded_warnings() as caught:
        torch.randint(0, 2**digits + 1, (2,), dtype=dtype)
    assert not caught
    with recorded_warnings() as caught:
        torch.randint(0, 2**digits + 2, (2,), dtype=dtype)
    said = f"to - 1 is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations "
    assert [str(w.message).startswith(said + name) for w in caught] == [True]


def test_every_word_fits_only_the_widest_dtypes():
    drawn = torch.empty(50, dtype=torch.bfloat16).random_(-(2**63), None).tolist()
    assert min(drawn) < -(2.0**62) and max(drawn) > 2.0**62
    with pytest.raises(RuntimeError, match="handles only int64, double, float and bfloat16"):
        torch.empty(3, dtype=torch.int32).random_(-(2**63), None)
    with pytest.raises(NotImplementedError, match="not implemented for 'Half'"):
        torch.empty(3, dtype=torch.float16).random_(-(2**63), None)


@pytest.mark.parametrize("n", [0, 1, 2, 100])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64])
def test_randperm_is_a_permutation(n, dtype):
    drawn = torch.randperm(n, dtype=dtype)
    assert drawn.dtype == dtype and sorted(drawn.tolist()) == list(range(n))


def test_randperm_gives_pytorchs_order():
    assert torch.randperm(5, generator=seeded(3)).tolist() == [1, 0, 3, 4, 2]
    with pytest.raises(NotImplementedError, match="\"randperm\" not implemented for 'Bool'"):
        torch.randperm(2, dtype=torch.bool)


@pytest.mark.parametrize("name", ["uniform_", "normal_", "random_"])
def test_transposed_memory_is_filled_in_its_own_order(name):
    # Drawn in row-major order, whatever the strides: other numbers than PyTorch's.
    torch.manual_seed(0)
    packed = getattr(torch.empty(3, 2), name)()
    torch.manual_seed(0)
    swapped = getattr(torch.empty(3, 2).t(), name)()
    assert swapped.t().tolist() == packed.tolist()


def test_the_same_seed_gives_the_same_numbers_with_gaps_in_memory():
    torch.manual_seed(0)
    packed = torch.empty(4, 2, dtype=torch.int64).random_(9)
    torch.manual_seed(0)
    gaps = torch.zeros(4, 4, dtype=torch.int64)
    gaps[:, ::2].random_(9)
    assert gaps[:, ::2].tolist() == packed.tolist() and gaps[:, 1::2].sum() == 0


@pytest.mark.parametrize(("bounds", "number"), [((2, 5), 0), ((5,), 1), ((), 2)])
def test_random_forgets_the_old_values(bounds, number):
    x = leaf([1.0, 2.0])
    y = x * 2
    y.random_(*bounds)
    assert y.grad_fn.name() == f"RandomBackward{number}"
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_one_form_that_fits_the_count_is_named_in_the_complaint():
    with pytest.raises(TypeError, match=r"argument 'high' \(position 1\) must be int, not float"):
        torch.randint(1.5, (2,))
    with pytest.raises(TypeError, match=r"argument 'size' \(position 2\) must be tuple of ints"):
        torch.randint(10, 3)
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        torch.empty(3).random_(1, 2, 3)


def test_an_empty_range_is_refused_before_a_word_is_drawn():
    generator = seeded()
    with pytest.raises(RuntimeError, match="but got from=3 >= to=3"):
        torch.randint(3, 3, (2,), generator=generator)
    assert torch.rand(3, generator=generator).tolist() == torch.rand(3, generator=seeded()).tolist()


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.float64])
@pytest.mark.parametrize(
    "call", [lambda out: torch.randint(9, (4,), out=out), lambda out: torch.randperm(4, out=out)]
)
def test_out_takes_any_size_without_a_word(call, dtype):
    # They warned of the resizing, as ops on tensors do.
    out = torch.ones(2, dtype=dtype)
    with recorded_warnings() as caught:
        assert call(out) is out
    assert not caught and out.shape == (4,)


def test_out_decides_the_dtype_that_the_bounds_are_of():
    with pytest.raises(RuntimeError, match="to - 1 is out of bounds for unsigned char"):
        torch.randint(300, (4,), out=torch.empty(4, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match=r"dtype Float does not match dtype of out parameter"):
        torch.randint(3, (4,), out=torch.empty(4, dtype=torch.int64), dtype=torch.float32)


@pytest.mark.parametrize(
    ("dtype", "most", "message"),
    [
        (torch.uint8, 256, "value cannot be converted to type uint8_t without overflow"),
        (torch.int8, 128, "value cannot be converted to type int8_t without overflow"),
        (torch.float16, 2049, "n cannot be greater than 2049 for Half type"),
    ],
)
def test_randperm_of_more_than_a_dtype_counts_is_refused(dtype, most, message):
    assert sorted(torch.randperm(most, dtype=dtype).tolist()) == list(range(most))
    with pytest.raises(RuntimeError, match=message):
        torch.randperm(most + 1, dtype=dtype)
