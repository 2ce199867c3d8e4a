"""clamp and its one-sided forms, fmax, fmin; addcmul, addcdiv, lerp: kinks, nan, dtypes, errors."""

import math

import pytest
from support import torch

INF, NAN = math.inf, math.nan


def gradients(f, *values):
    """The values of f, and its gradients, which recording must not change."""
    results = []
    for create_graph in (False, True):
        leaves = [torch.tensor(v, requires_grad=True) for v in values]
        out = f(*leaves)
        found = torch.autograd.grad(out.sum(), leaves, create_graph=create_graph)
        results.append([out.tolist()] + [g.tolist() for g in found])
    assert repr(results[0]) == repr(results[1])
    return results[0]


X = [0.0, 1.0, 0.5, 2.0, -1.0, NAN, INF]


@pytest.mark.parametrize(
    ("low", "high", "values", "slopes"),
    [
        (0, 1, [0, 1, 0.5, 1, 0, NAN, 1], [1, 1, 1, 0, 0, 0, 0]),
        (1, 0, [0, 0, 0, 0, 0, NAN, 0], [0, 0, 0, 0, 0, 0, 0]),
        (1, 1, [1, 1, 1, 1, 1, NAN, 1], [0, 1, 0, 0, 0, 0, 0]),
        (None, 1, [0, 1, 0.5, 1, -1, NAN, 1], [1, 1, 1, 0, 1, 0, 0]),
        (0, None, [0, 1, 0.5, 2, 0, NAN, INF], [1, 1, 1, 1, 0, 0, 1]),
        (NAN, 1, [NAN] * 7, [0] * 7),
        (0, NAN, [NAN] * 7, [0] * 7),
    ],
)
def test_clamp_between_numbers(low, high, values, slopes):
    got, slope = gradients(lambda x: torch.clamp(x, low, high), X)
    assert repr(got) == repr([float(v) for v in values])
    assert slope == slopes


def test_clamp_between_tensors():
    x = [1.0, 1.0, 1.5, 0.5, 0.5, NAN, 2.0]
    low = [0.0, 1.0, 2.0, NAN, 0.0, 0.0, 3.0]
    high = [1.0, 1.0, 1.0, 1.0, NAN, 0.0, 1.0]
    got, gx, glow, ghigh = gradients(torch.clamp, x, low, high)
    assert repr(got) == repr([1.0, 1.0, 1.0, NAN, NAN, NAN, 1.0])
    assert gx == [1, 1, 0, 0, 0, 0, 0]
    assert glow == [0] * 7
    assert ghigh == [0, 0, 1, 0, 0, 0, 1]


def test_clamp_by_one_tensor():
    x, bound = [1.0, 2.0, NAN, NAN, 1.0, 0.0], [1.0, 1.0, 1.0, NAN, NAN, 3.0]
    for f in (torch.clamp, torch.clamp_min):
        got, gx, gbound = gradients(f, x, bound)
        assert repr(got) == repr([1.0, 2.0, NAN, NAN, NAN, 3.0])
        assert gx == [1, 1, 0, 0, 0, 0] and gbound == [0, 0, 0, 0, 0, 1]
    for f in (lambda x, y: torch.clamp(x, max=y), torch.clamp_max):
        got, gx, gbound = gradients(f, x, bound)
        assert repr(got) == repr([1.0, 1.0, NAN, NAN, NAN, 0.0])
        assert gx == [1, 0, 0, 0, 0, 1] and gbound == [0, 1, 0, 0, 0, 0]


def test_clamp_of_many_with_nan_in_each_operand():
    # The loops ask the operands for nan, element by element.
    points = [NAN, -INF, -1.0, -0.0, 0.0, 2.0, INF]
    x, low, high = (torch.tensor(points) for _ in range(3))
    x, low, high = (t.reshape(s).expand(7, 7, 7) for t, s in
                    ((x, (7, 1, 1)), (low, (1, 7, 1)), (high, (1, 1, 7))))  # fmt: skip
    wanted = []
    for a in points:
        for b in points:
            for c in points:
                raised = a if a > b or a != a else b
                wanted.append(raised if raised < c or raised != raised else c)
    got = torch.clamp(x.contiguous(), low.contiguous(), high.contiguous())
    assert str(got.flatten().tolist()) == str(torch.tensor(wanted).tolist())
    for b in points:
        for c in points:
            each = [a if a >= b or a != a else b for a in points]
            each = [a if a <= c or a != a else c for a in each]
            assert str(torch.tensor(points).clamp(b, c).tolist()) == str(each)


def test_clamp_nodes():
    x = torch.tensor([1.0, 5.0], requires_grad=True)
    node = x.clamp(min=2).grad_fn
    assert node.name() == "ClampBackward1" and node._saved_min == 2 and node._saved_max is None
    node = x.clamp(max=torch.zeros(2)).grad_fn
    assert node.name() == "ClampBackward0" and node._saved_min is None
    assert [edge[0] is None for edge in node.next_functions] == [False, True, True]
    assert torch.clamp(x, torch.tensor(0.0), 1).grad_fn.name() == "ClampBackward1"
    assert torch.clamp_min(x, 0).grad_fn.name() == "ClampMinBackward0"
    assert torch.clamp_max(x, x.detach()).grad_fn.name() == "ClampMaxBackward1"


def test_clamp_promotes_like_arithmetic():
    i = torch.tensor([1, 2, 3])
    assert torch.clamp(i, 2.5).dtype == torch.float32
    assert torch.clamp(i, 2).dtype == torch.int64
    assert torch.clamp(torch.tensor([True]), 0, 1).dtype == torch.int64
    assert torch.clamp(i.to(torch.int8), torch.tensor(2)).dtype == torch.int8
    assert i.clip(2).tolist() == [2, 2, 3]
    low = torch.tensor([-(2**62), 2**62 + 1])
    assert low.clamp(max=2**62).tolist() == [-(2**62), 2**62]  # exact in int64


def test_clamp_refusals():
    x, u = torch.ones(2), torch.ones(2, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="torch.clamp: At least one of 'min' or 'max' must not"):
        torch.clamp(x)
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        torch.clamp(x, x, 1)
    for call in (lambda: u.clamp(300), lambda: u.clamp_min(300), lambda: u.clamp_max(-300)):
        with pytest.raises(RuntimeError, match="type uint8_t without overflow"):
            call()
    assert u.clamp(max=-1).tolist() == [1, 1]  # 255
    with pytest.raises(RuntimeError, match="type float without overflow"):
        x.clamp(1e300)
    with pytest.raises(RuntimeError, match="type c10::Half without overflow"):
        x.half().clamp(1e6)
    with pytest.raises(RuntimeError, match="desired output type unsigned char"):
        u.clamp_(2.5)
    b = torch.tensor([True])
    with pytest.raises(
        NotImplementedError, match="\"clamp_scalar_cpu\" not implemented for 'Bool'"
    ):
        torch.clamp(b, True, True)
    with pytest.raises(NotImplementedError, match="\"clamp_cpu\" not implemented for 'Bool'"):
        torch.clamp(b, b, b)
    assert torch.clamp_min(b, b).tolist() == [True]
    assert torch.clamp(b, b).tolist() == torch.clamp(b, max=~b).logical_not().tolist() == [True]


def test_clamp_in_place_writes_where_it_reads():
    x = torch.tensor([-1.0, 0.5, 2.0])
    address = x.data_ptr()
    assert x.clamp_(0, 1) is x and x.tolist() == [0, 0.5, 1] and x.data_ptr() == address
    assert torch.clip_(x, 0.25) is x and x.tolist() == [0.25, 0.5, 1]


def test_fmax_and_fmin_pass_over_nan():
    x, y = [1.0, 2.0, NAN, NAN, 1.0], [1.0, 1.0, 1.0, NAN, NAN]
    got, gx, gy = gradients(torch.fmax, x, y)
    assert repr(got) == repr([1.0, 2.0, 1.0, NAN, 1.0])
    assert gx == [1, 1, 0, 1, 1] and gy == [0, 0, 1, 0, 0]
    got, gx, gy = gradients(torch.fmin, x, y)
    assert repr(got) == repr([1.0, 1.0, 1.0, NAN, 1.0])
    assert gx == [1, 0, 0, 1, 1] and gy == [0, 1, 1, 0, 0]


def test_lerp_gives_its_ends_exactly():
    x, end = torch.tensor([1e8, -3.0, 0.1]), torch.tensor([1.0, 1e8, 0.3])
    assert torch.equal(torch.lerp(x, end, 0), x) and torch.equal(torch.lerp(x, end, 1), end)
    assert torch.lerp(x.double(), end.double(), 0.5).dtype == torch.float64


def test_lerp_refuses_mixed_dtypes_and_integers():
    x, i = torch.ones(2), torch.ones(2, dtype=torch.int64)
    with pytest.raises(RuntimeError, match="expected dtype float for `end` but got dtype double"):
        torch.lerp(x, x.double(), 0.5)
    with pytest.raises(RuntimeError, match="expected dtype float for `weight` but got dtype long"):
        torch.lerp(x, x, i)
    assert torch.lerp(x, x, torch.tensor(0.5, dtype=torch.float64)).dtype == torch.float32
    with pytest.raises(NotImplementedError, match='"lerp_kernel_scalar" not implemented for'):
        torch.lerp(i, i, 0.5)


def test_addcmul_and_addcdiv():
    x = torch.tensor([1, 2, 3])
    assert torch.addcmul(x, x, x, value=2).tolist() == [3, 10, 21]
    assert torch.addcmul(x, x, x, value=2.5).tolist() == [3, 10, 21]  # cut to an integer
    f = x.float()
    assert torch.addcdiv(f, f, f, value=3).tolist() == [4, 5, 6]
    for numerator in (x, x > 1):
        with pytest.raises(RuntimeError, match="Integer division with addcdiv is no longer"):
            torch.addcdiv(f, numerator, x)
    assert torch.addcdiv(x, x, f).dtype == torch.float32
    with pytest.raises(NotImplementedError, match="\"addcmul_cpu_out\" not implemented for 'Bool'"):
        torch.addcmul(x > 1, x > 1, x > 1)
    node = torch.addcmul(f, f.clone().requires_grad_(), f, value=2).grad_fn
    assert node.name() == "AddcmulBackward0" and node._saved_value == 2
    assert node._saved_tensor1 is None and torch.equal(node._saved_tensor2, f)


def test_clamp_between_numbers_wants_out_of_its_dtype():
    i, x = torch.tensor([1, 2]), torch.ones(2)
    assert torch.clamp(x, 0, out=torch.empty(0)).tolist() == [1, 1]
    for call in (torch.clamp, torch.clamp_min, torch.clamp_max):
        with pytest.raises(RuntimeError, match="Found dtype Float but expected Long"):
            call(i, 0, out=torch.empty(0))
