"""softmax, log_softmax and layer_norm against sums in Python."""

import math

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from support import assert_values, inf, nan, recorded_warnings, torch

F = torch.nn.functional


def spread(*shape, dtype=torch.float64):
    n = math.prod(shape)
    values = [5 * math.sin(1.7 * i * i + 0.3) for i in range(n)]
    return torch.tensor(values, dtype=dtype).reshape(shape)


def exact_softmax(values):
    most = max(values)
    powers = [math.exp(v - most) for v in values]
    total = math.fsum(powers)
    return [p / total for p in powers], [v - most - math.log(total) for v in values]


@pytest.mark.parametrize("shape", [(1,), (3, 10), (2, 2, 17), (3, 1024), (2, 3001), (600, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_last_dimension(shape, dtype):
    x = spread(*shape, dtype=dtype)
    rows = x.reshape(-1, shape[-1]).tolist()
    rel = 2e-6 if dtype == torch.float32 else 1e-13
    plain, logs = zip(*(exact_softmax(row) for row in rows), strict=True)
    assert_values(x.softmax(-1).reshape(-1, shape[-1]), list(plain), rel=rel)
    logs = torch.tensor(logs, dtype=dtype).reshape(shape)
    assert torch.allclose(x.log_softmax(-1), logs, rtol=rel, atol=rel)


@pytest.mark.parametrize("shape", [(5, 3), (40, 70), (2, 33, 5), (1, 7, 130)])
def test_other_dimensions_give_what_the_last_one_gives(shape):
    x = spread(*shape)
    for dim in range(len(shape) - 1):
        turned = x.transpose(dim, -1)
        for name in ("softmax", "log_softmax"):
            along = getattr(x, name)(dim)
            last = getattr(turned.contiguous(), name)(-1).transpose(dim, -1)
            assert torch.allclose(along, last, rtol=1e-13, atol=0)
            assert torch.equal(getattr(turned, name)(dim - len(shape)), getattr(turned, name)(dim))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("shape", "dim"), [((70, 3), 0), ((2, 40), 1), ((3, 18, 2), 1)])
def test_gradients_of_longer_lines(name, shape, dim):
    x = spread(*shape) * 0.3
    assert_gradients_match(lambda t: getattr(t, name)(dim), [x])


def test_huge_logits_infinities_and_nan():
    assert_values(torch.tensor([1e30, 0.0, 1e30]).softmax(0), [0.5, 0.0, 0.5])
    assert_values(torch.tensor([0.0, -inf]).softmax(0), [1.0, 0.0])
    assert_values(torch.tensor([0.0, -inf]).log_softmax(0), [0.0, -inf])
    for values in ([-inf, -inf], [inf, 1.0], [nan, 1.0]):
        assert_values(torch.tensor(values).softmax(0), [nan, nan])
        assert_values(torch.tensor(values).log_softmax(0), [nan, nan])
        assert_values(torch.tensor([values]).T.contiguous().softmax(0), [[nan], [nan]])


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("n", [3, 16, 50, 1100])
def test_one_nan_anywhere_fills_its_line_alone(name, n):
    for at in {0, n // 2, n - 1}:
        x = spread(3, n)
        x[1, at] = nan
        got = getattr(x, name)(1)
        assert got[1].isnan().all()
        assert not got[0].isnan().any() and not got[2].isnan().any()


@pytest.mark.parametrize("n", [3, 16, 50, 1100])
def test_the_largest_may_stand_anywhere(n):
    for at in {0, n // 2, n - 1}:
        x = torch.full((2, n), -1e30)
        x[:, at] = 1e30
        assert x.softmax(1).argmax(1).tolist() == [at, at]
        assert x.softmax(1).sum(1).tolist() == [1.0, 1.0]


def test_empty_and_0d():
    assert torch.ones(0, 3).softmax(1).shape == (0, 3)
    assert torch.ones(3, 0).softmax(1).shape == (3, 0)
    assert torch.ones(3, 0).log_softmax(0).shape == (3, 0)
    assert torch.tensor(2.0).softmax(0).item() == 1.0
    assert torch.tensor(2.0).log_softmax(-1).item() == 0.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_rounded_once(dtype):
    x = spread(3, 9, dtype=dtype)
    assert torch.equal(x.softmax(1), x.float().softmax(1).to(dtype))
    y = x.detach().requires_grad_().log_softmax(0)
    assert y.dtype == dtype and y.grad_fn._saved_result.dtype == dtype


def test_dtype_converts_first():
    x = torch.tensor([1, 2]).reshape(1, 2)
    assert F.softmax(x, 1, dtype=torch.float64).dtype == torch.float64
    leaves = torch.ones(2, 3, requires_grad=True)
    node = torch.softmax(leaves, 1, torch.float64).grad_fn
    assert node.name() == "SoftmaxBackward0" and node._saved_dim == 1
    assert node.next_functions[0][0].name() == "ToCopyBackward0"


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_refusals(name):
    function = getattr(torch, name)
    with pytest.raises(NotImplementedError, match=f'^"{name}_lastdim_kernel_impl" not implemented'):
        function(torch.tensor([1, 2]), 0)
    with pytest.raises(NotImplementedError, match=f'^"{name}_kernel_impl" not implemented for \'B'):
        function(torch.ones(2, 2).bool(), 0)
    with pytest.raises(IndexError, match="^Dimension out of range"):
        function(torch.ones(2, 2), 2)
    with pytest.raises(TypeError, match='missing 1 required positional arguments: "dim"'):
        function(torch.ones(2, 2))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize(("ndim", "dim"), [(0, 0), (1, 0), (2, 1), (3, 0), (4, 1)])
def test_missing_dim_warns_and_is_chosen(name, ndim, dim):
    x = spread(*range(2, 2 + ndim))
    with recorded_warnings() as caught:
        got = getattr(F, name)(x)
    (warning,) = caught
    assert str(warning.message) == (
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument."
    )
    assert torch.equal(got, getattr(F, name)(x, dim))


def exact_layer_norm(line, eps):
    mean = math.fsum(line) / len(line)
    variance = math.fsum((v - mean) ** 2 for v in line) / len(line)
    return [(v - mean) / math.sqrt(variance + eps) for v in line]


@pytest.mark.parametrize("n", [1, 5, 64, 2050])
def test_layer_norm_values(n):
    x = spread(3, n)
    want = [exact_layer_norm(line, 1e-5) for line in x.tolist()]
    assert torch.allclose(
        F.layer_norm(x, (n,)), torch.tensor(want, dtype=x.dtype), rtol=1e-11, atol=1e-11
    )
    weight, bias = spread(n) + 1, spread(n) - 2
    got = F.layer_norm(x, (n,), weight, bias)
    assert torch.allclose(got, F.layer_norm(x, (n,)) * weight + bias, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "normalized"), [((4, 3), (3,)), ((2, 3, 2), (3, 2)), ((3,), (3,))]
)
def test_layer_norm_gradients(shape, normalized):
    tensors = [spread(*shape), spread(*normalized) + 1, spread(*normalized)]

    def function(x, weight, bias):
        return F.layer_norm(x, normalized, weight, bias)

    assert_gradients_match(function, tensors)
    assert_second_gradients_match(function, tensors, rtol=1e-4, atol=1e-6)


def test_layer_norm_gradients_do_not_depend_on_the_graph():
    leaves = [
        spread(70, 5).requires_grad_(),
        spread(5).requires_grad_(),
        spread(5).requires_grad_(),
    ]
    y = F.layer_norm(leaves[0], (5,), *leaves[1:])
    upstream = spread(70, 5)
    fused = torch.autograd.grad(y, leaves, upstream, retain_graph=True)
    recorded = torch.autograd.grad(y, leaves, upstream, create_graph=True)
    for a, b in zip(fused, recorded, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)


def test_layer_norm_node():
    x = spread(2, 3).requires_grad_()
    node = F.layer_norm(x, (3,)).grad_fn
    assert node.name() == "NativeLayerNormBackward0"
    assert node._saved_weight is None and node._saved_bias is None
    assert node._saved_result1.shape == node._saved_result2.shape == (2, 1)
    assert [edge[0] is None for edge in node.next_functions] == [False, True, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "F.layer_norm(x, (2,))",
            r"Given normalized_shape=\[2\], expected input with shape \[\*, 2",
        ),
        ("F.layer_norm(x, ())", "Expected normalized_shape to be at least 1-dimensional"),
        ("F.layer_norm(x, (3,), x[0, :2])", "Expected weight to be of same shape as normalized_sh"),
        ("F.layer_norm(x, (3,), None, x)", "Expected bias to be of same shape as normalized_shape"),
        ("F.layer_norm(x.int(), (3,))", "\"LayerNormKernelImpl\" not implemented for 'Int'"),
        ("F.rms_norm(x, (2,))", r"Given normalized_shape=\[2\], expected input with shape \[\*2\]"),
        ("F.rms_norm(x, (3,), x)", "Expected weight to be of same shape as normalized_shape"),
    ],
)
def test_bad_shapes_raise(call, message):
    with pytest.raises(RuntimeError, match="^" + message):
        eval(call, {"F": F, "x": torch.ones(2, 3)})


def test_rms_norm_values():
    x = spread(2, 3)
    want = [
        [v / math.sqrt(sum(u * u for u in line) / 3 + 0.5) for v in line] for line in x.tolist()
    ]
    assert_values(F.rms_norm(x, (3,), eps=0.5), want, rel=1e-12)
    assert_values(F.rms_norm(x, [3], torch.tensor([2.0, 2.0, 2.0]).double(), 0.5) / 2, want)


@pytest.mark.parametrize("n", [1, 5, 16, 31, 128, 400, 1023, 1024, 1025, 3000, 5000])
def test_long_lines_agree_with_a_sum_in_double(n):
    # Lines above 1024 are raised and added up block by block.
    x = (torch.arange(3 * n, dtype=torch.float32) * 0.77).sin().reshape(3, n) * 20
    for dim, given in ((1, x), (0, x.t().contiguous())):
        y = F.softmax(given, dim).double()
        exact = F.softmax(given.double(), dim)
        assert torch.allclose(y, exact, rtol=3e-6, atol=1e-30)
        assert torch.allclose(y.sum(dim), torch.ones(3, dtype=torch.float64), rtol=1e-6)
        assert torch.allclose(F.log_softmax(given, dim).double(), exact.log(), rtol=1e-6, atol=1e-5)
    x[1, n // 2] = math.nan
    x[2, n - 1] = math.inf
    y = F.softmax(x, 1)
    assert y[1:].isnan().all() and not y[0].isnan().any()


REUSING = {
    "softmax": lambda x: F.softmax(x, 1),
    "softmax of columns": lambda x: F.softmax(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "layer_norm": lambda x: F.layer_norm(x, (x.shape[1],)),
    "masked_fill": lambda x: x.masked_fill(x.detach() > 0, 2.0),
}


@pytest.mark.parametrize("call", REUSING.values(), ids=REUSING)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_gradients_that_somebody_holds_are_not_written_over(call, dtype):
    x = (torch.arange(60.0) * 0.7).sin().reshape(4, 15).to(dtype).requires_grad_()
    w = (torch.arange(60.0) * 0.3).cos().reshape(4, 15).to(dtype)
    seen = []
    y = call(x)
    given = w.clone()
    (alone,) = torch.autograd.grad(y, x, given, retain_graph=True)
    assert torch.equal(given, w), "the caller's"
    (again,) = torch.autograd.grad(y * 1, x, given)
    assert torch.equal(alone, again)
    y = call(x)
    y.retain_grad()
    y.register_hook(seen.append)
    (y * w).sum().backward()
    assert torch.equal(y.grad, w) and torch.equal(seen[0], w)
    assert torch.equal(x.grad, alone)
    y = call(x)
    x.grad = None
    other = y.reshape(60)
    ((y * w).sum() + (other * w.reshape(60)).sum()).backward()
    assert torch.allclose(x.grad, alone * 2, rtol=1e-2 if dtype == torch.float16 else 1e-5)
    (recorded,) = torch.autograd.grad(call(x), x, w, create_graph=True)
    assert torch.allclose(recorded, alone, rtol=1e-2, atol=1e-3)
