"""Bits, logic, comparisons in place, and numbers in the place of tensors."""

import math
import operator

import pytest
from support import torch

INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
BITWISE = [operator.and_, operator.or_, operator.xor]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", BITWISE)
def test_bits_of_integers_are_those_of_python(op, dtype):
    low = 0 if dtype == torch.uint8 else -5
    values = [a for a in range(low, 9) for _ in range(low, 9)]
    others = [b for _ in range(low, 9) for b in range(low, 9)]
    x, y = torch.tensor(values, dtype=dtype), torch.tensor(others, dtype=dtype)
    assert op(x, y).tolist() == [op(a, b) for a, b in zip(values, others, strict=True)]
    assert op(x, y).dtype == op(x, 3).dtype == op(3, x).dtype == dtype
    assert op(3, x).tolist() == op(x, 3).tolist() == [op(a, 3) for a in values]
    if low < 0:
        assert (~x).tolist() == [~a for a in values]


def test_bits_of_bools_are_logic():
    x, y = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])
    for op in BITWISE:
        assert op(x, y).tolist() == [op(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        assert op(x, y).dtype == torch.bool
        assert op(x, 2).dtype == torch.int64
    assert (~x).tolist() == [False, False, True, True]
    assert (~torch.tensor([1, 254], dtype=torch.uint8)).tolist() == [254, 1]


def test_shifts_by_too_much_leave_nothing_or_the_sign():
    x = torch.tensor([1, -2, 3])
    for n in (64, 65, -1, -(2**63)):
        assert (x << n).tolist() == [0, 0, 0]
        assert (x >> n).tolist() == [0, -1, 0]
    assert (x << 63).tolist() == [-(2**63), 0, -(2**63)]
    assert (x >> 1).tolist() == [0, -1, 1] and (1 << torch.tensor([0, 3])).tolist() == [1, 8]
    u = torch.tensor([1, 2, 255], dtype=torch.uint8)
    assert (u << 7).tolist() == [128, 0, 128] and (u << 8).tolist() == [0, 0, 0]
    assert (u >> 1).tolist() == [0, 1, 127] and (u >> 8).tolist() == [0, 0, 0]
    s = torch.tensor([-128, 64, 5], dtype=torch.int8)
    assert (s >> 7).tolist() == (s >> 9).tolist() == [-1, 0, 0]
    assert (s << 1).tolist() == [0, -128, 10]


def test_floats_have_no_bits():
    x, i = torch.ones(2), torch.tensor([1, 2])
    for call, name in (
        (lambda: x & x, "bitwise_and_cpu"),
        (lambda: i | 1.5, "bitwise_or_cpu"),
        (lambda: 1.5 ^ i, "bitwise_xor_cpu"),
        (lambda: x << 1, "lshift_cpu"),
        (lambda: i >> 1.0, "rshift_cpu"),
        (lambda: torch.bitwise_not(x), "bitwise_not_cpu"),
        (lambda: torch.gcd(x, x), "gcd_cpu"),
        (lambda: torch.lcm(x, x), "lcm_cpu"),
    ):
        with pytest.raises(NotImplementedError, match=f"\"{name}\" not implemented for 'Float'"):
            call()
    b = torch.tensor([True])
    for call, name in ((lambda: b << b, "lshift_cpu"), (lambda: torch.gcd(b, b), "gcd_cpu")):
        with pytest.raises(NotImplementedError, match=f"\"{name}\" not implemented for 'Bool'"):
            call()
    with pytest.raises(TypeError, match="only implemented on integer and Boolean-type tensors"):
        operator.invert(x)
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        torch.bitwise_and(1, 2)


def test_operators_on_bits_in_place():
    x = torch.tensor([1, 2, 3])
    same = x
    x &= 3
    x |= 8
    x ^= 1
    x <<= 2
    x >>= 1
    assert x is same and x.tolist() == [16, 22, 20]
    with pytest.raises(RuntimeError, match="result type Long can't be cast to .* type Bool"):
        torch.tensor([True]).bitwise_and_(x[:1])
    for other in ("a", None, [1]):
        for op in (*BITWISE, operator.lshift, operator.rshift):
            for call in (lambda op=op, o=other: op(x, o), lambda op=op, o=other: op(o, x)):
                with pytest.raises(TypeError, match="unsupported operand type"):
                    call()


def test_gcd_and_lcm():
    values = [a for a in range(-6, 13) for _ in range(-6, 13)]
    others = [b for _ in range(-6, 13) for b in range(-6, 13)]
    x, y = torch.tensor(values), torch.tensor(others)
    assert torch.gcd(x, y).tolist() == [math.gcd(a, b) for a, b in zip(values, others, strict=True)]
    assert torch.lcm(x, y).tolist() == [math.lcm(a, b) for a, b in zip(values, others, strict=True)]
    smallest = torch.tensor(-(2**63))
    assert torch.gcd(smallest, torch.tensor(0)).item() == -(2**63)
    s = torch.tensor([-128, 100], dtype=torch.int8)
    assert torch.gcd(s, torch.tensor([0, 101], dtype=torch.int8)).tolist() == [-128, 1]
    assert torch.lcm(s[1:], torch.tensor([101], dtype=torch.int8)).tolist() == [116]


def test_logic_takes_every_dtype():
    x = torch.tensor([0.0, math.nan, -0.0, 2.0])
    i = torch.tensor([0, 1, 1, 0])
    assert torch.logical_and(x, i).tolist() == [False, True, False, False]
    assert torch.logical_or(x, i).tolist() == [False, True, True, True]
    assert torch.logical_xor(x.half(), i).tolist() == [False, False, True, True]
    assert torch.logical_not(x).tolist() == [True, False, True, False]
    out = torch.empty(4)
    assert torch.logical_not(i, out=out) is out and out.tolist() == [1, 0, 0, 1]
    target = torch.tensor([3.0, 0.0, 1.0, 2.0])
    assert target.logical_and_(i) is target and target.tolist() == [0, 0, 1, 0]


def test_logic_in_place_leaves_the_history():
    x = torch.ones(2, requires_grad=True)
    assert x.logical_not_() is x and x.is_leaf and x.tolist() == [0, 0]
    assert not torch.logical_not(x).requires_grad


def test_comparisons_write_0_and_1_in_place():
    x = torch.tensor([1.0, 2.0, 3.0])
    assert x.gt_(1.5) is x and x.tolist() == [0, 1, 1] and x.dtype == torch.float32
    u = torch.tensor([1, 2, 255], dtype=torch.uint8)
    assert u.clone().less_(-1).tolist() == [1, 1, 0]  # -1 is 255
    assert u.clone().ge_(2.5).tolist() == [0, 0, 1]
    b = torch.tensor([True, False])
    assert b.ne_(torch.tensor([1, 1])).tolist() == [False, True]


@pytest.mark.parametrize(("other", "node"), [("number", 0), ("tensor", 1)])
def test_a_comparison_in_place_is_flat(other, node):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = torch.tensor([1.0, 3.0], requires_grad=True)
    z = (x * 1).eq_(y if other == "tensor" else 1.0)
    assert z.grad_fn.name() == f"EqBackward{node}"
    assert len(z.grad_fn.next_functions) == node + 1
    (z * math.inf).sum().backward()
    assert x.grad.tolist() == [0, 0]
    assert y.grad is None if other == "number" else y.grad.tolist() == [0, 0]


def test_infinities():
    x = torch.tensor([1.0, math.inf, -math.inf, math.nan])
    assert torch.isposinf(x).tolist() == [False, True, False, False]
    assert torch.isneginf(x.half()).tolist() == [False, False, True, False]
    assert torch.isposinf(torch.tensor([2**62])).tolist() == [False]
    assert torch.isreal(x).tolist() == [True] * 4
    with pytest.raises(RuntimeError, match="isposinf does not support non-boolean outputs."):
        torch.isposinf(x, out=torch.empty(4))


def test_is_nonzero_and_is_same_size():
    assert torch.is_nonzero(torch.tensor([[2.0]])) is True
    assert torch.tensor(0).is_nonzero() is False
    with pytest.raises(RuntimeError, match="with more than one value is ambiguous"):
        torch.ones(2).is_nonzero()
    with pytest.raises(RuntimeError, match="with no values is ambiguous"):
        torch.is_nonzero(torch.ones(0))
    assert torch.is_same_size(torch.ones(2), torch.zeros(2, dtype=torch.int8))
    assert not torch.is_same_size(torch.ones(2), torch.ones(2, 1))


def test_a_number_may_come_first_in_five_functions():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    for f, value, slope in (
        (torch.add, [3, 4], [1, 1]),
        (torch.sub, [1, 0], [-1, -1]),
        (torch.mul, [2, 4], [2, 2]),
        (torch.div, [2, 1], [-2, -0.5]),
        (torch.true_divide, [2, 1], [-2, -0.5]),
    ):
        for create_graph in (False, True):
            y = f(2, x)
            assert y.tolist() == value and y.grad_fn.next_functions[0][0] is None
            (g,) = torch.autograd.grad(y.sum(), x, create_graph=create_graph)
            assert g.tolist() == slope
    assert torch.sub(2, x, alpha=3).tolist() == [-1, -4]
    for f in (torch.eq, torch.maximum, torch.fmod, torch.rsub, torch.logical_and):
        with pytest.raises(TypeError):
            f(2, x)


def test_two_numbers_make_a_tensor():
    for f, arguments, value, dtype in (
        (torch.add, (1, 2), 3, torch.int64),
        (torch.add, (1, 2.5), 3.5, torch.float32),
        (torch.add, (True, True), True, torch.bool),
        (torch.mul, (2**62, 2), -(2**63), torch.int64),
        (torch.div, (1, 2), 0.5, torch.float32),
        (torch.floor_divide, (7, 2), 3, torch.int64),
    ):
        result = f(*arguments)
        assert result.shape == () and result.dtype == dtype and result.item() == value


def test_rsub_of_tensors():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = torch.tensor([5.0, 5.0], requires_grad=True)
    z = torch.rsub(x, y, alpha=2)
    assert z.grad_fn.name() == "RsubBackward0" and z.tolist() == [3, 1]
    z.sum().backward()
    assert x.grad.tolist() == [-2, -2] and y.grad.tolist() == [1, 1]
    b = torch.tensor([True])
    with pytest.raises(RuntimeError, match="with two bool tensors is not supported"):
        torch.rsub(b, b)


def test_a_number_that_no_integer_holds_is_refused():
    for x in (torch.ones(2), torch.ones(2, dtype=torch.uint8)):
        for call in (lambda x=x: x + 2**70, lambda x=x: x == 2**70):
            with pytest.raises(OverflowError, match="int too big to convert"):
                call()
        with pytest.raises(OverflowError, match="can't convert negative int to unsigned"):
            x * -(2**70)


def test_signs_of_bools_and_bytes():
    assert torch.sign(torch.tensor([True, False])).tolist() == [True, False]
    assert torch.neg(torch.tensor([0, 1, 255], dtype=torch.uint8)).tolist() == [0, 255, 1]
    assert torch.abs(torch.tensor(-128, dtype=torch.int8)).item() == -128
    with pytest.raises(NotImplementedError, match="\"abs_cpu\" not implemented for 'Bool'"):
        torch.abs(torch.tensor([True]))
    x = torch.tensor([1e38], requires_grad=True)
    torch.sign(x).backward(torch.tensor([math.inf]))
    assert x.grad.tolist() == [0]


def test_in_place_functions():
    x = torch.tensor([-4.0])
    assert torch.abs_(x) is x and torch.neg_(x) is x and x.tolist() == [-4]
    i = torch.tensor([12])
    assert torch.gcd_(i, torch.tensor([18])) is i and i.tolist() == [6]


def test_alpha_fits_the_dtype():
    u, i, x = torch.tensor([1, 255], dtype=torch.uint8), torch.tensor([1, 2]), torch.ones(2)
    assert torch.add(u, u, alpha=-1).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="type uint8_t without overflow"):
        torch.add(u, u, alpha=300)
    with pytest.raises(RuntimeError, match="type float without overflow"):
        torch.sub(x, x, alpha=1e300)
    for f in (torch.add, torch.sub, torch.rsub):
        with pytest.raises(RuntimeError, match="Boolean alpha only supported for Boolean results"):
            f(i, i, alpha=True)
        with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
            f(i, i, alpha=2.0)
    b = torch.tensor([True, False])
    assert torch.add(b, b, alpha=True).tolist() == [True, False]


def test_numbers_are_rounded_to_16_bits_before_they_are_compared():
    h = torch.tensor([0.1]).half()
    assert (h == 0.1).item() and (h == torch.tensor(0.1)).item() and not (h < 0.1).item()
    three = torch.tensor([3.0]).half()
    assert (three % 0.3).item() == torch.fmod(three, torch.tensor(0.3)).item() == 0.299560546875
    x = h.clone().requires_grad_()
    x.clamp(0.1).sum().backward()
    assert x.grad.item() == 1


def test_out_of_a_predicate_takes_inputs_that_require_grad():
    x, out = torch.ones(2, requires_grad=True), torch.empty(2, dtype=torch.bool)
    assert torch.eq(x, x, out=out).tolist() == [True, True]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((2, 3), "int, int"), ((False, 3), "bool, int"), ((2, True), "int, bool")],
)
@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor"])
def test_two_numbers_in_the_place_of_tensors_are_told_by_their_types(name, numbers, words):
    # A bool was looked up behind the end of the names of types.
    start = rf"{name}\(\) received an invalid combination of arguments - got \({words}\)"
    with pytest.raises(TypeError, match=start):
        getattr(torch, name)(*numbers)


def test_a_bool_of_memory_that_holds_neither_is_true():
    # As a number it was the byte.
    odd = torch.tensor([190], dtype=torch.uint8).view(torch.bool)[0]
    assert torch.full((), odd, dtype=torch.int64).item() == 1
