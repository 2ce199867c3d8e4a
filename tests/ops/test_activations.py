"""Activation functions: recorded values and gradients, kinks, in-place forms, what is refused."""

import pytest
from support import assert_values, inf, leaf, nan, torch

F = torch.nn.functional

# Of PyTorch in float64: the node's name, values and gradients at POINTS.
POINTS = [-4.0, -3.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0]
RECORDED = {
    "relu6(x)": (
        "HardtanhBackward0",
        [0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 6.0],
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0],
    ),
    "hardtanh(x)": (
        "HardtanhBackward0",
        [-1.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0],
        [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
    ),
    "leaky_relu(x)": (
        "LeakyReluBackward0",
        [-0.04, -0.03, -0.005, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0],
        [0.01, 0.01, 0.01, 0.01, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "elu(x)": (
        "EluBackward0",
        [-0.9816843611, -0.9502129316, -0.3934693403, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0],
        [0.01831563889, 0.04978706837, 0.6065306597, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "selu(x)": (
        "EluBackward0",
        [
            -1.725898628,
            -1.670568729,
            -0.6917581878,
            0.0,
            0.5253504937,
            1.050700987,
            3.152102962,
            6.304205924,
            26.26752468,
        ],
        [
            0.03220071266,
            0.08753061208,
            1.066341153,
            1.758099341,
            1.050700987,
            1.050700987,
            1.050700987,
            1.050700987,
            1.050700987,
        ],
    ),
    "celu(x)": (
        "CeluBackward0",
        [-0.9816843611, -0.9502129316, -0.3934693403, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0],
        [0.01831563889, 0.04978706837, 0.6065306597, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "gelu(x)": (
        "GeluBackward0",
        [
            -0.0001266849673,
            -0.004049694095,
            -0.1542687694,
            0.0,
            0.3457312306,
            0.8413447461,
            2.995950306,
            5.999999994,
            25.0,
        ],
        [
            -0.0005036496612,
            -0.0119456472,
            0.1325048753,
            0.5,
            0.8674951247,
            1.083315471,
            1.011945647,
            1.000000035,
            1.0,
        ],
    ),
    "silu(x)": (
        "SiluBackward0",
        [
            -0.07194483985,
            -0.1422776195,
            -0.1887703344,
            0.0,
            0.3112296656,
            0.7310585786,
            2.85772238,
            5.985164261,
            25.0,
        ],
        [
            -0.05266461489,
            -0.08810410602,
            0.2600388127,
            0.5,
            0.7399611873,
            0.9276705119,
            1.088104106,
            1.012326433,
            1.0,
        ],
    ),
    "mish(x)": (
        "MishBackward0",
        [
            -0.07259174079,
            -0.1456474613,
            -0.2207437747,
            0.0,
            0.3752452113,
            0.8650983883,
            2.986535005,
            5.999926634,
            25.0,
        ],
        [
            -0.05377320979,
            -0.09339311453,
            0.2895106779,
            0.6,
            0.8864243754,
            1.04903622,
            1.021106911,
            1.000134141,
            1.0,
        ],
    ),
    "softplus(x)": (
        "SoftplusBackward0",
        [
            0.01814992792,
            0.04858735157,
            0.4740769842,
            0.6931471806,
            0.9740769842,
            1.313261688,
            3.048587352,
            6.002475685,
            25.0,
        ],
        [
            0.01798620996,
            0.04742587318,
            0.3775406688,
            0.5,
            0.6224593312,
            0.7310585786,
            0.9525741268,
            0.9975273768,
            1.0,
        ],
    ),
    "hardsigmoid(x)": (
        "HardsigmoidBackward0",
        [0.0, 0.0, 0.4166666667, 0.5, 0.5833333333, 0.6666666667, 1.0, 1.0, 1.0],
        [0.0, 0.0, 0.1666666716, 0.1666666716, 0.1666666716, 0.1666666716, 0.0, 0.0, 0.0],
    ),
    "hardswish(x)": (
        "HardswishBackward0",
        [-0.0, -0.0, -0.2083333333, 0.0, 0.2916666667, 0.6666666667, 3.0, 6.0, 25.0],
        [0.0, 0.0, 0.3333333333, 0.5, 0.6666666667, 0.8333333333, 1.0, 1.0, 1.0],
    ),
    "logsigmoid(x)": (
        "LogSigmoidBackward0",
        [
            -4.018149928,
            -3.048587352,
            -0.9740769842,
            -0.6931471806,
            -0.4740769842,
            -0.3132616875,
            -0.04858735157,
            -0.002475685138,
            -1.388794386e-11,
        ],
        [
            0.98201379,
            0.9525741268,
            0.6224593312,
            0.5,
            0.3775406688,
            0.2689414214,
            0.04742587318,
            0.002472623157,
            1.388794386e-11,
        ],
    ),
    "softsign(x)": (
        "DivBackward0",
        [-0.8, -0.75, -0.3333333333, 0.0, 0.3333333333, 0.5, 0.75, 0.8571428571, 0.9615384615],
        [
            0.04,
            0.0625,
            0.4444444444,
            1.0,
            0.4444444444,
            0.25,
            0.0625,
            0.02040816327,
            0.001479289941,
        ],
    ),
    "tanhshrink(x)": (
        "SubBackward0",
        [
            -3.0006707,
            -2.004945246,
            -0.03788284274,
            0.0,
            0.03788284274,
            0.238405844,
            2.004945246,
            5.000012288,
            24.0,
        ],
        [
            0.9986590493,
            0.9901339628,
            0.213552267,
            0.0,
            0.213552267,
            0.5800256584,
            0.9901339628,
            0.9999754235,
            1.0,
        ],
    ),
    "softshrink(x)": (
        "SoftshrinkBackward0",
        [-3.5, -2.5, 0.0, 0.0, 0.0, 0.5, 2.5, 5.5, 24.5],
        [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "hardshrink(x)": (
        "HardshrinkBackward0",
        [-4.0, -3.0, 0.0, 0.0, 0.0, 1.0, 3.0, 6.0, 25.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "rrelu(x)": (
        "RreluWithNoiseBackward0",
        [-0.9166666667, -0.6875, -0.1145833333, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0],
        [0.2291666667, 0.2291666667, 0.2291666667, 0.2291666667, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "gelu(x, approximate='tanh')": (
        "GeluBackward0",
        [
            -7.024594819e-05,
            -0.003637392082,
            -0.1542859902,
            0.0,
            0.3457140098,
            0.8411919906,
            2.996362608,
            6.0,
            25.0,
        ],
        [
            -0.0003351231971,
            -0.01158416663,
            0.1326300965,
            0.5,
            0.8673699035,
            1.082964084,
            1.011584167,
            1.000000001,
            1.0,
        ],
    ),
    "elu(x, alpha=0.5)": (
        "EluBackward0",
        [-0.4908421806, -0.4751064658, -0.1967346701, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0],
        [0.009157819444, 0.02489353418, 0.3032653299, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "celu(x, alpha=2.0)": (
        "CeluBackward0",
        [-1.729329434, -1.55373968, -0.4423984339, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0],
        [0.1353352832, 0.2231301601, 0.7788007831, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "softplus(x, beta=2, threshold=3)": (
        "SoftplusBackward0",
        [
            0.0001677031864,
            0.001237842569,
            0.1566308438,
            0.3465735903,
            0.6566308438,
            1.063464006,
            3.0,
            6.0,
            25.0,
        ],
        [
            0.0003353501305,
            0.002472623157,
            0.2689414214,
            0.5,
            0.7310585786,
            0.880797078,
            1.0,
            1.0,
            1.0,
        ],
    ),
    "threshold(x, threshold=0.5, value=7)": (
        "ThresholdBackward0",
        [7.0, 7.0, 7.0, 7.0, 7.0, 1.0, 3.0, 6.0, 25.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "hardtanh(x, min_val=-2, max_val=0.5)": (
        "HardtanhBackward0",
        [-2.0, -2.0, -0.5, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5],
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ),
}


@pytest.mark.parametrize("call", RECORDED)
def test_values_and_gradients_are_the_recorded_ones(call):
    node, values, slopes = RECORDED[call]
    x = leaf(POINTS, dtype=torch.float64)
    y = eval(f"F.{call}", {"F": F, "x": x})
    assert y.grad_fn.name() == node
    y.sum().backward()
    assert_values(y, values, rel=1e-9)
    assert_values(x.grad, slopes, rel=1e-7)  # PyTorch takes 1/6 of hardsigmoid in float32


@pytest.mark.parametrize("call", RECORDED)
def test_float32_and_halves_agree_with_float64(call):
    exact = torch.tensor(RECORDED[call][1])
    for dtype, tolerance in (
        (torch.float32, 1e-6),
        (torch.float16, 2e-3),
        (torch.bfloat16, 2e-2),
    ):
        y = eval(f"F.{call}", {"F": F, "x": torch.tensor(POINTS, dtype=dtype)})
        assert y.dtype == dtype
        assert torch.allclose(y.float(), exact, rtol=tolerance, atol=tolerance)


INPLACE = {
    "relu": ("ReluBackward0", {}),
    "relu6": ("HardtanhBackward0", {}),
    "hardtanh": ("HardtanhBackward0", {}),
    "leaky_relu": ("LeakyReluBackward1", {"negative_slope": 0.25}),
    "elu": ("EluBackward1", {"alpha": 0.5}),
    "selu": ("EluBackward1", {}),
    "celu": ("CeluBackward1", {"alpha": 2.0}),
    "silu": ("SiluBackward0", {}),
    "mish": ("MishBackward0", {}),
    "hardsigmoid": ("HardsigmoidBackward0", {}),
    "hardswish": ("HardswishBackward0", {}),
    "threshold": ("ThresholdBackward1", {"threshold": 0.5, "value": 2.0}),
    "rrelu": ("RreluWithNoiseBackward1", {}),
}


@pytest.mark.parametrize("name", INPLACE)
def test_inplace_argument_writes_over_the_input(name):
    node, keywords = INPLACE[name]
    function = getattr(F, name)
    x = leaf(POINTS)
    y = x * 1
    assert function(y, inplace=True, **keywords) is y
    assert y.grad_fn.name() == node
    want = leaf(POINTS)
    plain = function(want, **keywords)
    assert torch.allclose(y, plain, rtol=1e-6, atol=0)
    (slope,) = torch.autograd.grad(y.sum(), x)
    (wanted,) = torch.autograd.grad(plain.sum(), want)
    assert torch.allclose(slope, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["celu_", "rrelu_", "selu_", "threshold_"])
def test_inplace_functions_return_their_argument(name):
    x = torch.tensor([-1.0, 2.0])
    arguments = (0.5, 1.5) if name == "threshold_" else ()
    assert getattr(torch, name)(x, *arguments) is x
    assert getattr(F, name) is getattr(torch, name)
    keyword = torch.tensor([-1.0, 2.0])
    more = {"threshold": 0.5, "value": 1.5} if arguments else {}
    assert getattr(torch, name)(input=keyword, **more) is keyword


def test_leaky_relu_inplace_with_a_negative_slope_raises_in_backward():
    y = F.leaky_relu_(leaf([1.0, -1.0]) * 1, -0.5)
    with pytest.raises(RuntimeError, match="^In-place leakyReLu backward calculation is triggered"):
        y.sum().backward()
    y = F.elu_(leaf([1.0, -1.0]) * 1, -0.5)
    with pytest.raises(RuntimeError, match="^In-place elu backward calculation is triggered"):
        y.sum().backward()


def test_nan_and_infinities():
    x = torch.tensor([nan, inf, -inf])
    for name, want in {
        "relu6": [nan, 6.0, 0.0],
        "leaky_relu": [nan, inf, -inf],
        "elu": [nan, inf, -1.0],
        "silu": [nan, inf, nan],
        "mish": [nan, inf, nan],
        "softplus": [nan, inf, 0.0],
        "hardsigmoid": [nan, 1.0, 0.0],
        "logsigmoid": [nan, 0.0, -inf],
        "hardshrink": [nan, inf, -inf],
    }.items():
        assert_values(getattr(F, name)(x), want)


KERNELS = {
    "leaky_relu": "leaky_relu_cpu",
    "elu": "elu_cpu",
    "selu": "elu_cpu",
    "celu": "elu_cpu",
    "gelu": "GeluKernelImpl",
    "silu": "silu_cpu",
    "mish": "mish_cpu",
    "softplus": "softplus_cpu",
    "hardsigmoid": "hardsigmoid_cpu",
    "hardswish": "hardswish_cpu",
    "logsigmoid": "log_sigmoid_cpu",
    "softshrink": "softshrink_check",
    "hardshrink": "hardshrink_cpu",
    "glu": "glu_cpu",
}


@pytest.mark.parametrize("name", KERNELS)
def test_integers_are_refused_by_the_kernels_name(name):
    with pytest.raises(
        NotImplementedError, match=f"^\"{KERNELS[name]}\" not implemented for 'Long'"
    ):
        getattr(F, name)(torch.tensor([1, -2]))


def test_integers_stay_integers_where_they_are_cut():
    x = torch.tensor([-5, 1, 50])
    assert F.relu6(x).tolist() == [0, 1, 6]
    assert F.hardtanh(x, -1.5, 2.5).tolist() == [-1, 1, 2]
    assert F.threshold(x, 1.5, 2.5).tolist() == [2, 2, 50]
    assert F.relu(torch.tensor([1, 50], dtype=torch.uint8)).dtype == torch.uint8
    with pytest.raises(RuntimeError, match="^cannot do hardtanh on an unsigned type"):
        F.hardtanh(torch.tensor([1], dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="^Bool inputs not supported for hardtanh"):
        F.relu6(torch.tensor([True]))
    with pytest.raises(NotImplementedError, match="\"threshold_cpu\" not implemented for 'Bool'"):
        F.threshold(torch.tensor([True]), 0, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("F.gelu(x, approximate='x')", RuntimeError, "approximate argument must be either none or"),
        ("F.gelu(x, approximate=3)", TypeError, r"gelu\(\): argument 'approximate' must be str"),
        ("F.hardtanh(x, 2, 1)", ValueError, "min_val cannot be greater than max_val"),
        ("F.celu(x, 0)", RuntimeError, "ZeroDivisionError: alpha cannot be 0 for CELU"),
        (
            "F.softshrink(x, -1)",
            RuntimeError,
            r"lambda must be in range \[0, 3.40282e\+38\] for input dtype Float, but found -1",
        ),
        ("F.softshrink(x, float('nan'))", RuntimeError, "lambda must be in range"),
        ("F.glu(x)", RuntimeError, "Halving dimension must be even, but dimension 1 is size 3"),
        ("F.glu(x[0, 0])", RuntimeError, "glu does not support scalars because halving size must"),
        ("F.glu(x, 2)", IndexError, "Dimension out of range"),
        ("F.prelu(x, x[0, :2])", RuntimeError, "Mismatch of parameter numbers and input channel"),
        ("F.prelu(x, x)", RuntimeError, "Mismatch of parameter numbers"),
        ("F.prelu(x, x[:1, :1])", RuntimeError, "prelu: Expected `weight` to be a scalar or 1D"),
        ("F.prelu(x[0, 0], x[0])", RuntimeError, "Not allow zero-dim input tensor."),
        ("F.prelu(x, x[0].double())", RuntimeError, "prelu: Type promoting not supported. Got Fl"),
        ("F.rrelu(x, 0.5, 0.25, True)", RuntimeError, "Lower bound should be less than or equal"),
        ("F.elu(x, 'a')", TypeError, r"elu\(\): argument 'alpha' \(position 2\) must be Number"),
    ],
)
def test_bad_arguments_raise(call, error, message):
    with pytest.raises(error, match="^" + message):
        eval(call, {"F": F, "x": torch.ones(2, 3)})


def test_saved_values_have_pytorchs_names():
    x = leaf([[1.0, -2.0]])
    node = F.logsigmoid(x).grad_fn
    assert_values(node._saved_buffer, [[0.36787944, 0.13533528]])
    node = F.gelu(x, approximate="tanh").grad_fn
    assert node._saved_approximate == "tanh" and node._saved_self is x
    node = F.relu6(x).grad_fn
    assert (node._saved_min_val, node._saved_max_val) == (0, 6)
    node = F.selu(x).grad_fn
    assert node._saved_scale == 1.0507009873554805 and node._saved_input_scale == 1
    node = F.prelu(x, leaf([0.5])).grad_fn
    assert node.name() == "PreluKernelBackward0" and node._saved_weight.shape == (1, 1)
    assert node.next_functions[1][0].name() == "ViewBackward0"
    node = F.glu(x).grad_fn
    assert node.name() == "GluBackward0" and node._saved_dim == 2**64 - 1


def test_rrelu_draws_pytorchs_slopes_in_training():
    x = torch.tensor([-1.0, 2.0, -3.0, -4.0])
    torch.manual_seed(0)
    y = torch.rrelu(x, training=True)
    assert_values(y, [-0.3270943760871887, 2.0, -0.8173874616622925, -0.8828191161155701], rel=1e-7)
    assert_values(torch.rrelu(x), [-11 / 48, 2.0, -33 / 48, -44 / 48])
    leaves = leaf(x.tolist())
    torch.manual_seed(0)
    torch.rrelu(leaves, training=True).sum().backward()
    assert_values(leaves.grad * x, y.tolist())
    target = torch.empty(2, 2).t()
    target.copy_(x.reshape(2, 2))
    torch.manual_seed(0)
    assert torch.rrelu_(target, training=True) is target
    assert_values(target.reshape(4), y.tolist())


def test_rrelu_draws_pytorchs_slopes_for_bfloat16():
    # It was refused in training.
    values = torch.tensor([-1.0, 2, -3, 0, -5, 7]).bfloat16()
    torch.manual_seed(3)
    drawn = F.rrelu(values, 0.125, 0.5, training=True)
    assert drawn.tolist() == [-0.1376953125, 2.0, -0.69921875, 0.0, -0.953125, 7.0]
    x = values.requires_grad_()
    F.rrelu(x, 0.125, 0.5, training=True).sum().backward()
    assert x.grad.tolist() == [0.408203125, 1.0, 0.353515625, 0.19921875, 0.287109375, 1.0]


def test_logsigmoid_of_large_numbers_is_positive_zero():
    # It was -0.
    for dtype in (torch.float32, torch.float64):
        y = F.logsigmoid(torch.tensor([1000.0, inf], dtype=dtype))
        assert str(y.tolist()) == "[0.0, 0.0]"
