"""Elementary and special functions: corners, kinks, dtypes, refusals; values are PyTorch's."""

import math

import pytest
from support import assert_values, inf, leaf, nan, rushlight_only, torch

CORNERS = [0.0, -0.0, 1.0, -1.0, inf, -inf, nan]


def t(values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exp2", [1, 1, 2, 0.5, inf, 0, nan]),
        ("log2", [-inf, -inf, 0, nan, inf, nan, nan]),
        ("log10", [-inf, -inf, 0, nan, inf, nan, nan]),
        ("rsqrt", [inf, -inf, 1, nan, 0, nan, nan]),
        ("square", [0, 0, 1, 1, inf, inf, nan]),
        ("tan", [0, 0, 1.5574077246549023, -1.5574077246549023, nan, nan, nan]),
        ("asin", [0, 0, math.pi / 2, -math.pi / 2, nan, nan, nan]),
        ("acos", [math.pi / 2, math.pi / 2, 0, math.pi, nan, nan, nan]),
        ("atan", [0, 0, math.pi / 4, -math.pi / 4, math.pi / 2, -math.pi / 2, nan]),
        ("sinh", [0, 0, 1.1752011936438014, -1.1752011936438014, inf, -inf, nan]),
        ("cosh", [1, 1, 1.5430806348152437, 1.5430806348152437, inf, inf, nan]),
        ("asinh", [0, 0, 0.881373587019543, -0.881373587019543, inf, -inf, nan]),
        ("acosh", [nan, nan, 0, nan, inf, nan, nan]),
        ("atanh", [0, 0, inf, -inf, nan, nan, nan]),
        ("sinc", [1, 1, 0, 0, nan, nan, nan]),
        ("floor", [0, 0, 1, -1, inf, -inf, nan]),
        ("frac", [0, 0, 0, 0, nan, nan, nan]),
        ("sgn", [0, 0, 1, -1, 1, -1, 0]),
        ("erfc", [1, 1, 0.15729920705028513, 1.8427007929497148, 0, 2, nan]),
        ("erfinv", [0, 0, inf, -inf, nan, nan, nan]),
        ("lgamma", [inf, inf, 0, inf, inf, inf, nan]),
        ("digamma", [-inf, inf, -0.5772156649015329, nan, inf, nan, nan]),
        ("logit", [-inf, -inf, inf, nan, nan, nan, nan]),
    ],
)
def test_values_at_the_corners(name, expected, dtype):
    got = getattr(torch, name)(t(CORNERS, dtype)).tolist()
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-7, nan_ok=True)


@pytest.mark.parametrize("name", ["tan", "sinc", "asin", "atan", "sinh", "asinh", "atanh", "floor"])
def test_odd_functions_keep_the_sign_of_zero(name):
    result = getattr(torch, name)(t([-0.0, 0.0]))
    assert torch.signbit(result).tolist() == [name != "sinc", False]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rsqrt", [-inf, inf, -0.5, nan, 0, nan, nan]),
        ("asin", [1, 1, inf, inf, nan, nan, nan]),
        ("acosh", [nan, nan, inf, inf, 0, 0, nan]),
        ("sinc", [0, 0, -1, 1, nan, nan, nan]),
        ("floor", [0] * 7),
        ("round", [0] * 7),
        ("frac", [1] * 7),
        ("erfinv", [math.sqrt(math.pi) / 2, math.sqrt(math.pi) / 2, inf, inf, nan, nan, nan]),
        ("lgamma", [-inf, inf, -0.5772156649015329, nan, inf, nan, nan]),
        ("nan_to_num", [1, 1, 1, 1, 0, 0, 0]),
    ],
)
def test_gradients_at_the_corners(name, expected):
    x = leaf(CORNERS, dtype=torch.float64)
    for create_graph in (False, True):
        (grad,) = torch.autograd.grad(getattr(torch, name)(x).sum(), x, create_graph=create_graph)
        assert_values(grad, expected)


PAIRS = (
    [0.0, 0.0, 1.0, 0.0, -1.0, inf, inf, nan, 1.0],
    [0.0, 1.0, 0.0, -1.0, 0.0, inf, 1.0, 1.0, nan],
)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("atan2", [0, 1, 0, -1, 0, nan, 0, nan, nan], [0, 0, -1, 0, 1, nan, nan, nan, nan]),
        ("hypot", [nan, 0, 1, 0, -1, nan, nan, nan, nan], [nan, 1, 0, -1, 0, nan, 0, nan, nan]),
        (
            "xlogy",
            [0, 0, -inf, 0, -inf, inf, 0, 0, nan],
            [nan, 0, inf, 0, -inf, nan, inf, nan, nan],
        ),
        ("copysign", [0, 0, 1, 0, -1, nan, nan, nan, 1], [0] * 9),
        ("nextafter", [0, 1, 1, 1, 1, 0, 1, 1, 1], [0] * 9),
    ],
)
def test_gradients_of_pairs_at_the_corners(name, first, second):
    x, y = (leaf(values, dtype=torch.float64) for values in PAIRS)
    for create_graph in (False, True):
        output = getattr(torch, name)(x, y).sum()
        gradients = torch.autograd.grad(output, (x, y), create_graph=create_graph)
        assert_values(gradients[0], first)
        assert_values(gradients[1], second)


def test_logit_clamps_and_has_no_gradient_outside():
    values = [0.0, 0.05, 0.1, 0.5, 0.95, -1.0, 2.0, nan]
    x = leaf(values, dtype=torch.float64)
    y = torch.logit(x, 0.1)
    low = math.log(1 / 9)
    assert_values(y.detach(), [low, low, low, 0, -low, low, -low, nan])
    for create_graph in (False, True):
        (grad,) = torch.autograd.grad(y.sum(), x, retain_graph=True, create_graph=create_graph)
        assert_values(grad[:7], [0, 0, 1 / 0.09, 4, 0, 0, 0])
    assert y.grad_fn._saved_eps == 0.1 and torch.logit(x).grad_fn._saved_eps is None
    (grad,) = torch.autograd.grad(torch.logit(x).sum(), x)
    assert_values(grad, [inf, 1 / 0.0475, 1 / 0.09, 4, 1 / 0.0475, nan, nan, nan])
    assert_values(torch.logit(t([0.0, 1.0, -0.1, 1.1]), eps=0.0), [-inf, inf, -inf, inf])


def test_rounding_goes_to_the_even_number_and_leaves_integers_alone():
    assert t([0.5, 1.5, 2.5, -0.5]).round().tolist() == [0, 2, 2, 0]
    assert torch.fix(t([-1.7, 1.7])).tolist() == [-1, 1]
    for dtype in (torch.int64, torch.uint8, torch.int16):
        x = torch.tensor([3, 7], dtype=dtype)
        for name in ("floor", "ceil", "round", "trunc", "fix"):
            result = getattr(torch, name)(x)
            assert result.dtype == dtype and result.tolist() == [3, 7]


def test_round_with_decimals():
    assert_values(torch.round(t([1.25, -1.35, 1234.5, inf, nan]), decimals=1),
                  [1.2, -1.4, 1234.5, inf, nan])  # fmt: skip
    assert torch.round(t([1.25, -1.35, 1264.5]), decimals=-2).tolist() == [0, 0, 1300]
    assert math.isnan(torch.round(t([1.5]), decimals=400).item())
    assert math.isnan(torch.round(t([1.5], torch.float32), decimals=-40).item())
    assert torch.round(leaf([1.5]), decimals=0).grad_fn.name() == "RoundBackward1"


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: torch.floor(torch.tensor([True])), NotImplementedError,
         "\"floor_vml_cpu\" not implemented for 'Bool'"),
        (lambda: torch.frac(torch.tensor([1])), NotImplementedError,
         "\"frac_cpu\" not implemented for 'Long'"),
        (lambda: torch.round(torch.tensor([1]), decimals=1), NotImplementedError,
         "\"round_cpu\" not implemented for 'Long'"),
        (lambda: torch.hypot(torch.tensor([1]), torch.tensor([1])), NotImplementedError,
         "\"hypot_cpu\" not implemented for 'Long'"),
        (lambda: torch.logaddexp(torch.tensor([True]), torch.tensor([True])), NotImplementedError,
         "\"logaddexp_cpu\" not implemented for 'Bool'"),
        (lambda: torch.nextafter(torch.tensor([1]), torch.tensor([1])), NotImplementedError,
         "\"nextafter_cpu\" not implemented for 'Long'"),
        (lambda: torch.polygamma(-1, t([1.0])), RuntimeError,
         "polygamma(n, x) does not support negative n."),
        (lambda: torch.mvlgamma(t([1.0]), 0), RuntimeError,
         "p has to be greater than or equal to 1"),
        (lambda: torch.mvlgamma(torch.tensor([True]), 1), RuntimeError,
         "The input tensor may not be a boolean tensor."),
        (lambda: torch.heaviside(t([1.0]), torch.tensor([1])), RuntimeError,
         "heaviside is not yet implemented for tensors with different dtypes."),
        (lambda: torch.frexp(torch.tensor([1])), RuntimeError,
         "torch.frexp() only supports floating-point dtypes"),
        (lambda: torch.tensor([1]).exp2_(), RuntimeError,
         "result type Float can't be cast to the desired output type Long"),
        (lambda: torch.tensor([True]).square_(), RuntimeError,
         "result type Long can't be cast to the desired output type Bool"),
        (lambda: torch.tensor([2.0]).float_power_(2), RuntimeError,
         "the base given to float_power_ has dtype Float but the operation's result requires dtype "
         "Double"),
        (lambda: torch.floor(t([1.0]), out=torch.empty(0)), RuntimeError,
         "Found dtype Float but expected Double"),
        (lambda: torch.nan_to_num(t([1.0]), out=torch.empty(0)), RuntimeError,
         "nan_to_num: dtype of out: Float should be same as input: Double"),
        (lambda: torch.signbit(t([1.0]), out=torch.empty(0)), RuntimeError,
         "signbit does not support non-boolean outputs."),
        (lambda: torch.float_power(t([2.0]), 2, out=torch.empty(0)), RuntimeError,
         "the output given to float_power has dtype Float but the operation's result requires "
         "dtype Double"),
        (lambda: torch.arccos(3), TypeError,
         "arccos(): argument 'input' (position 1) must be Tensor, not int"),
        (lambda: torch.polygamma(t([1.0]), 1), TypeError,
         "polygamma(): argument 'n' (position 1) must be int, not Tensor"),
        (lambda: torch.atan2(t([1.0]), 2), TypeError,
         "atan2(): argument 'other' (position 2) must be Tensor, not int"),
    ],
)  # fmt: skip
def test_refusals_have_pytorchs_words(call, error, sentence):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).split("\n")[0] == sentence


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("exp2", torch.float32), ("square", torch.int64), ("sgn", torch.bool), ("sinc", torch.float32),
     ("nan_to_num", torch.bool), ("lgamma", torch.float32), ("signbit", torch.bool)],
)  # fmt: skip
def test_bool_operands_are_promoted_or_kept(name, dtype):
    assert getattr(torch, name)(torch.tensor([True, False])).dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [(torch.float16, 65504.0), (torch.bfloat16, 3.3895313892515355e38),
     (torch.float32, 3.4028234663852886e38), (torch.float64, 1.7976931348623157e308)],
)  # fmt: skip
def test_nan_to_num_fills_in_the_limits_of_the_dtype(dtype, largest):
    x = torch.tensor([nan, inf, -inf, 2.0], dtype=dtype)
    assert torch.nan_to_num(x).tolist() == [0, largest, -largest, 2]
    assert torch.nan_to_num(x, 1, 2, 3).tolist() == [1, 2, 3, 2]
    y = x.clone()
    assert y.nan_to_num_(nan=5.0) is y and y.tolist() == [5, largest, -largest, 2]


def test_float_power_computes_in_double():
    for result in (
        torch.float_power(torch.tensor([2], dtype=torch.int8), 0.5),
        torch.float_power(torch.tensor([2.0]), torch.tensor([0.5])),
        torch.float_power(2, torch.tensor([0.5])),
    ):
        assert result.dtype == torch.float64 and result.tolist() == [math.sqrt(2)]
    node = torch.float_power(leaf([2.0]), 3).grad_fn
    assert node.name() == "PowBackward0" and node._saved_exponent == 3.0
    assert node.next_functions[0][0].name() == "ToCopyBackward0"


def test_square_is_a_power():
    node = leaf([2.0]).square().grad_fn
    assert node.name() == "PowBackward0" and node._saved_exponent == 2


def test_polygamma_as_function_and_as_method():
    x = leaf([1.0], dtype=torch.float64)
    y = torch.polygamma(1, x)
    assert y.item() == pytest.approx(math.pi**2 / 6, rel=1e-8)
    assert y.grad_fn.name() == "PolygammaBackward0" and y.grad_fn._saved_n == 1
    assert x.polygamma(1).grad_fn.name() == "PolygammaBackward0"
    assert_values(t([1.0]).polygamma_(2), [-2.4041138063191885])
    assert_values(torch.polygamma(0, t([0.0, -1.0, -0.5])), [-inf, nan, 0.03648997397857652])
    assert_values(torch.polygamma(1, t([0.0, -0.5, -2.5, -inf, inf, nan])),
                  [inf, 8.934802200544679, 9.539247200544679, nan, 0, nan])  # fmt: skip
    assert_values(
        torch.polygamma(2, t([0.0, -1.0, -0.5, inf])), [-inf, -inf, -0.8287966442343199, nan]
    )
    assert_values(torch.polygamma(3, t([0.0, -1.0, -0.5])), [inf, inf, 193.40909103400243])
    assert_values(torch.polygamma(200, t([1.0, 0.0])), [-inf, -inf])


@rushlight_only
def test_polygamma_keeps_its_digits():
    # By an independent program with 30 digits; PyTorch's series for n = 1 has about 10.
    wanted = [
        (1, 0.25, 17.1973291545071107),
        (1, 30.5, 0.0333302481128016085),
        (1, -3.75, 19.5049800605995753),
        (2, 2.5, -0.236204051641727403),
        (3, -0.5, 193.409091034002437),
        (5, 3.25, 0.131606085780973139),
    ]
    for n, x, value in wanted:
        assert torch.polygamma(n, t([x])).item() == pytest.approx(value, rel=2.3e-16)


def test_mvlgamma_sums_the_dimensions():
    x = leaf([3.0, 4.0], dtype=torch.float64)
    y = torch.mvlgamma(x, 2)
    assert_values(y.detach(), [1.5501949939575642, 3.5650980137338777])
    assert y.grad_fn.name() == "MvlgammaBackward0" and y.grad_fn._saved_p == 2
    assert torch.mvlgamma(torch.tensor([3]), 2).dtype == torch.float32
    z = t([3.0])
    assert z.mvlgamma_(1) is z and z.item() == pytest.approx(math.log(2))
    assert_values(torch.mvlgamma(t([0.4, 0.5]), 2), [3.7380040467, inf], rel=1e-7)


def test_frexp_splits_numbers():
    result = torch.frexp(torch.tensor([1.0, -3.0, 0.0, inf, nan, 1e-40]))
    assert type(result).__name__ == "frexp"
    assert_values(result.mantissa, [0.5, -0.75, 0, inf, nan, 71362 / 2**17])
    assert result.exponent.dtype == torch.int32
    assert result.exponent.tolist() == [1, 2, 0, 0, 0, -132]
    x = leaf([8.0, 0.3])
    mantissa, exponent = torch.frexp(x)
    assert not exponent.requires_grad
    mantissa.sum().backward()
    assert_values(x.grad, [1 / 16, 2.0])
    turned = torch.frexp(torch.arange(1.0, 7.0).reshape(2, 3).t())
    assert turned.mantissa.stride() == (1, 3) and turned.exponent.tolist() == [
        [1, 3],
        [2, 3],
        [2, 3],
    ]


def test_nextafter_steps_in_the_dtype():
    x, y = [0.0, 1.0, nan, inf, 3e38, 1.0], [1.0, 2.0, 1.0, 0.0, inf, 0.0]
    got = torch.nextafter(t(x, torch.float32), t(y, torch.float32))
    wanted = [2.0**-149, 1 + 2.0**-23, nan, 3.4028234663852886e38, 3.0000002083218518e38]
    assert_values(got, [*wanted, 1 - 2.0**-24])
    got = torch.nextafter(t([1.0, 0.0, -1.0], torch.float16), t([2.0, -1.0, 0.0], torch.float16))
    assert got.tolist() == [1 + 2.0**-10, -(2.0**-24), -(1 - 2.0**-11)]
    one = torch.tensor([1.0], dtype=torch.bfloat16)
    assert torch.nextafter(one, one * 2).item() == 1 + 2.0**-7
    assert one.nextafter_(one * 2) is one and one.item() == 1 + 2.0**-7


def test_heaviside_has_no_derivative():
    x = leaf([1.0, -1.0, 0.0, nan])
    y = torch.heaviside(x, torch.tensor(0.5))
    assert y.tolist() == [1, 0, 0.5, 0]
    assert y.grad_fn.name() == "torch::autograd::NotImplemented"
    with pytest.raises(RuntimeError, match="derivative for aten::heaviside is not implemented"):
        y.sum().backward()


def test_signs():
    x = t([-0.0, 0.0, nan, -1.0, 1.0])
    assert torch.signbit(x).tolist()[0] and not torch.signbit(x).tolist()[1]
    assert torch.copysign(t([1.0, 0.0]), -0.0).signbit().tolist() == [True, True]
    assert torch.copysign(torch.tensor([1, 0]), -1).dtype == torch.float32
    assert torch.isposinf(t([inf, -inf, 1.0])).tolist() == [True, False, False]
    assert torch.isneginf(t([inf, -inf, 1.0])).tolist() == [False, True, False]
    assert torch.isreal(torch.tensor([1, 2])).tolist() == [True, True]


def test_logarithms_of_sums_do_not_overflow():
    x, y = t([-inf, inf, inf, nan, 1000.0]), t([-inf, inf, -inf, 1.0, 1000.0])
    assert_values(torch.logaddexp(x, y), [-inf, inf, inf, nan, 1000 + math.log(2)])
    assert_values(torch.logaddexp2(x, y), [-inf, inf, inf, nan, 1001])


def test_products_with_logarithms_are_0_at_0():
    zero = t([0.0, 0.0, 0.0, nan, 1.0])
    assert_values(torch.xlogy(zero, t([nan, 0.0, -1.0, 0.0, -1.0])), [nan, 0, 0, nan, nan])
    assert_values(torch.special.xlog1py(zero, t([nan, -1.0, -2.0, 0.0, -2.0])),
                  [nan, 0, 0, nan, nan])  # fmt: skip
    assert torch.xlogy(leaf([1.0]), 2).grad_fn.name() == "XlogyBackward2"
    assert torch.xlogy(2, leaf([1.0])).grad_fn.name() == "XlogyBackward1"
    assert torch.xlogy(torch.tensor([2]), 2.5).dtype == torch.float32
    assert_values(torch.special.entr(t([0.0, 1.0, -1.0, inf, nan])), [0, 0, -inf, -inf, nan])


def test_ldexp_scales_by_powers_of_two():
    assert torch.ldexp(t([1.0, 3.0]), torch.tensor([1, -2])).tolist() == [2, 0.75]
    assert torch.ldexp(torch.tensor([1e-30]), torch.tensor([140])).item() == pytest.approx(
        1.393796574908163e12
    )
    ends = torch.ldexp(t([1.0, 0.0, 0.0, -inf]), t([-1074.0, -inf, inf, -inf]))
    assert_values(ends, [5e-324, 0, nan, nan])
    x, n = leaf([3.0]), leaf([0.5])
    torch.ldexp(x, n).sum().backward()
    assert_values(x.grad, [math.sqrt(2)])
    assert_values(n.grad, [3 * math.sqrt(2) * math.log(2)])


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("expit", "SigmoidBackward0"), ("psi", "DigammaBackward0"), ("gammaln", "LgammaBackward0"),
        ("entr", "SpecialEntrBackward0"), ("round", "RoundBackward1"), ("erfc", "ErfcBackward0"),
        ("sinc", "SincBackward0"), ("exp2", "Exp2Backward0"), ("logit", "LogitBackward0"),
    ],
)  # fmt: skip
def test_special_functions_have_pytorchs_nodes(name, node):
    assert getattr(torch.special, name)(leaf([0.5])).grad_fn.name() == node


def test_special_functions_of_two_and_composed_ones():
    x = leaf([0.5])
    names = [torch.special.xlog1py(*pair).grad_fn.name() for pair in ((x, x), (2, x), (x, 2))]
    assert names == [f"SpecialXlog1PyBackward{n}" for n in range(3)]
    assert torch.special.multigammaln(x, 1).grad_fn.name() == "MvlgammaBackward0"
    assert_values(torch.special.ndtr(t([0.0, 1.0])), [0.5, 0.8413447460685429])
    with pytest.raises(AttributeError):
        torch.special.no_such_function()


@pytest.mark.parametrize(
    ("alias", "name"),
    [("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("arcsinh", "asinh"),
     ("arccosh", "acosh"), ("arctanh", "atanh"), ("fix", "trunc")],
)  # fmt: skip
def test_aliases_are_functions_methods_and_in_place_forms(alias, name):
    x = t([1.0, 0.5])
    wanted = repr(getattr(torch, name)(x).tolist())
    assert repr(getattr(torch, alias)(x).tolist()) == wanted
    assert repr(getattr(x, alias)().tolist()) == wanted
    assert repr(getattr(x.clone(), alias + "_")().tolist()) == wanted
    assert torch.arctan2(x, x).tolist() == torch.atan2(x, x).tolist()


def test_positive_is_the_tensor_itself():
    x = t([1.0])
    assert torch.positive(x) is x
    with pytest.raises(RuntimeError, match="The `\\+` operator, on a bool tensor is not supported"):
        torch.positive(torch.tensor([True]))


@rushlight_only
def test_angles_beyond_the_fast_range_are_reduced_exactly():
    x = t([1e300, 2.0**60])
    assert torch.tan(x).tolist() == [math.tan(1e300), math.tan(2.0**60)]
    assert torch.sinc(x).tolist() == [0, 0]
    (grad,) = torch.autograd.grad(torch.sinc(y := leaf([2.0**50], dtype=torch.float64)).sum(), y)
    assert abs(grad.item()) <= 2.0**-50


def test_integers_that_the_dtype_has_not_are_converted_first():
    x = torch.tensor([1, 6, 100], dtype=torch.int8)
    assert (300**x).tolist() == [44, 0, 0]
    with pytest.raises(RuntimeError, match="cannot be converted to type int8_t without overflow"):
        x**300
    assert torch.maximum(x, torch.tensor(300)).tolist() == [44, 44, 100]
    assert (x > torch.tensor(300)).tolist() == [False, False, True]
    byte, minus = x.byte(), torch.tensor(-3, dtype=torch.int8)
    assert torch.fmax(byte, minus).tolist() == [253, 253, 253]
    assert (minus >> byte).tolist() == [126, 3, 0]


def test_gelu_by_tanh_keeps_its_digits_in_the_left_tail():
    x = torch.tensor([-9.0, -6.0, -4.0])
    y = torch.nn.functional.gelu(x, approximate="tanh").tolist()
    exact = (-1.3364595874e-28, -8.4396466985e-11, -7.02459482e-05)  # in float64
    for got, want in zip(y, exact, strict=True):
        assert abs(got - want) < 1e-5 * abs(want)


def test_mvlgamma_of_a_large_order_keeps_its_digits():
    # A sum of p terms in float32 lost up to a percent.
    x = torch.tensor([1e6])
    exact = x.double().mvlgamma(200_000).item()
    assert x.mvlgamma(200_000).item() == pytest.approx(exact, rel=1e-5)


def test_orders_that_memory_cannot_hold_are_refused_at_once():
    # They ran on until memory or patience ended.
    for order in (1 << 62, 1 << 60):
        with pytest.raises(RuntimeError, match="Storage size calculation overflowed|memory"):
            torch.mvlgamma(torch.ones(4, dtype=torch.float64), order)
        with pytest.raises(RuntimeError, match="Storage size calculation overflowed|memory"):
            torch.vander(torch.ones(4), N=order)
    assert torch.vander(torch.ones(0), N=1 << 62).shape == (0, 1 << 62)


def test_vander_is_recorded_and_of_the_right_kind():
    x = leaf([2.0, 0.0, -3.0])
    assert_values(torch.vander(x), [[4, 2, 1], [0, 0, 1], [9, -3, 1]])
    assert_values(torch.vander(x, 4, True), [[1, 2, 4, 8], [1, 0, 0, 0], [1, -3, 9, -27]])
    torch.vander(x, 4).sum().backward()
    assert_values(x.grad, [17, 1, 22])
    assert torch.vander(torch.tensor([True, False])).tolist() == [[1, 1], [0, 1]]
    assert torch.vander(torch.tensor([3], dtype=torch.uint8), 3).dtype == torch.int64


@pytest.mark.parametrize(
    ("name", "value"), [("asinh", 0.5), ("acosh", 1.5), ("atanh", 0.5), ("polygamma", 0.5)]
)
def test_in_place_forms_have_nodes_of_their_own(name, value):
    # They were called as the other forms are.
    args = (1,) if name == "polygamma" else ()
    one, two = leaf([value]), leaf([value])
    y = getattr(one.clone(), name + "_")(*args)
    assert y.grad_fn.name() == f"{name.capitalize()}Backward1"
    z = getattr(two, name)(*args)
    assert z.grad_fn.name() == f"{name.capitalize()}Backward0"
    y.backward()
    z.backward()
    assert one.grad.item() == two.grad.item()


def test_ndtr_resizes_out():
    out = torch.empty(0, dtype=torch.float64)
    assert torch.special.ndtr(t([0.0, 1.0]), out=out) is out
    assert_values(out, [0.5, 0.8413447460685429])
    x = t([0.5]).requires_grad_()
    assert torch.special.ndtr(x).grad_fn.name() == "MulBackward1"
