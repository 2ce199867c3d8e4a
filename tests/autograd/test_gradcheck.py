"""``gradcheck`` and ``gradgradcheck``: right gradients pass, planted errors are caught."""

import importlib
import subprocess
import sys

import pytest
from support import MODULE, assert_values, leaf, recorded_warnings, rushlight_only, torch

GradcheckError = importlib.import_module(f"{MODULE}.autograd.gradcheck").GradcheckError
names = sys.modules[GradcheckError.__module__]
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck

MISMATCH = "Jacobian mismatch for output 0 with respect to input 0,\nnumerical:"
BOTH_MODES = pytest.mark.parametrize("fast", [False, True])


class Planted(torch.autograd.Function):
    """A function with a backward that the test writes; it gets the input and the gradient."""

    @staticmethod
    def forward(ctx, x, function, backward):
        ctx.rule = backward
        ctx.save_for_backward(x)
        return function(x)

    @staticmethod
    def backward(ctx, g):
        return ctx.rule(ctx.saved_tensors[0], g), None, None


class PlantedRaw(Planted):
    """The same, whose backward may be given None."""

    @staticmethod
    def forward(ctx, x, function, backward):
        ctx.set_materialize_grads(False)
        return Planted.forward(ctx, x, function, backward)


def square(rule, kind=Planted):
    return lambda x: kind.apply(x, lambda x: x**2, rule)


def double(values=(1.0, 2.0, -3.0)):
    return leaf(list(values), dtype=torch.float64)


def failure(*args, check=gradcheck, **kwargs):
    """The message of the error; raise_exception=False says the same as False."""
    state = torch.random.get_rng_state()
    with pytest.raises(GradcheckError) as error:
        check(*args, **kwargs)
    torch.random.set_rng_state(state)
    with recorded_warnings():
        assert check(*args, **kwargs, raise_exception=False) is False
    return str(error.value)


@BOTH_MODES
def test_right_gradients_pass(fast):
    x, w = double(), double((0.5, 1.5, 2.5))
    assert gradcheck(torch.sin, x, fast_mode=fast) is True
    assert gradcheck(lambda x, w: (x * w, (x / w).sum()), (x, w), fast_mode=fast)
    assert gradcheck(lambda x, k, w: [x * k, w.t()], [x, 3.0, w.detach()], fast_mode=fast)
    assert gradgradcheck(lambda x, w: (x**3 * w, w.exp()), (x, w), fast_mode=fast)
    assert x.grad is None and x.tolist() == [1.0, 2.0, -3.0] and x._version == 0


@BOTH_MODES
def test_shapes_without_dimensions_elements_or_contiguous_strides_pass(fast):
    for x in (torch.tensor(2.0), torch.ones(0, 3), torch.arange(6.0).reshape(2, 3).t()):
        x = x.to(torch.float64).requires_grad_()
        assert gradcheck(lambda x: (x * x, x.exp().sum(), x.t()), x, fast_mode=fast)
        assert gradgradcheck(lambda x: x**3, x, gen_non_contig_grad_outputs=True, fast_mode=fast)


@BOTH_MODES
@pytest.mark.parametrize(("error", "options"), [(1e-2, {}), (1e-3, {"rtol": 1e-4})])
def test_planted_error_is_caught_and_passes_with_a_wider_tolerance(fast, error, options):
    for factor in (1 + error, 1 - error):
        wrong = square(lambda x, g, factor=factor: 2 * x * g * factor)
        assert failure(wrong, double(), fast_mode=fast, **options).startswith(MISMATCH)
        assert gradcheck(wrong, double(), fast_mode=fast, rtol=2 * error)
    right = square(lambda x, g: 2 * x * g)
    assert gradcheck(right, double(), fast_mode=fast, **options)


@pytest.mark.parametrize("entry", [0, 1, 2])
def test_planted_error_in_one_entry_is_caught(entry):
    def rule(x, g):
        scale = torch.ones(3, dtype=torch.float64)
        scale[entry] = 1.01
        return 2 * x * g * scale

    assert failure(square(rule), double()).startswith(MISMATCH)


@rushlight_only
def test_mismatch_names_the_entry_that_is_furthest_off():
    def rule(x, g):
        return 2 * x * g + torch.tensor([0.0, 0.5, 0.0], dtype=x.dtype)

    for fast in (False, True):
        message = failure(square(rule), double(), fast_mode=fast)
        assert "largest difference  d output[0] / d input[1]: 0 by differences, 0.5" in message


@BOTH_MODES
def test_planted_error_of_a_second_derivative_is_caught(fast):
    for error, options in ((1e-2, {}), (1e-3, {"rtol": 1e-4})):
        wrong = square(lambda x, g, e=error: (1 + e) * 2 * x * g - e * 2 * x.detach() * g)
        assert gradcheck(wrong, double(), fast_mode=fast, **options)
        message = failure(wrong, double(), check=gradgradcheck, fast_mode=fast, **options)
        assert message.startswith(MISMATCH)


@BOTH_MODES
def test_missing_gradient_and_cut_graph_are_caught(fast):
    assert failure(square(lambda x, g: None), double(), fast_mode=fast).startswith(MISMATCH)
    cut = failure(lambda x: x.detach() * 2, double(), fast_mode=fast)
    assert cut.startswith("Numerical gradient for function expected to be zero")
    half = failure(lambda x: x * x.detach(), double(), fast_mode=fast)
    assert half.startswith(MISMATCH)
    with torch.no_grad():
        assert failure(torch.sin, double(), fast_mode=fast).startswith("Numerical gradient for")
    assert gradcheck(lambda x: torch.ones(2), double(), fast_mode=fast)


@BOTH_MODES
def test_gradient_of_a_wrong_shape_is_refused(fast):
    with pytest.raises(RuntimeError, match=r"returned an invalid gradient at index 0 - got \[2\]"):
        gradcheck(square(lambda x, g: (2 * x * g)[:2]), double(), fast_mode=fast)


@BOTH_MODES
def test_gradient_of_another_dtype_is_converted_before_it_is_seen(fast):
    rule = square(lambda x, g: (2 * x * g).float())
    assert gradcheck(rule, double(), check_grad_dtypes=True, fast_mode=fast)


@BOTH_MODES
def test_nondeterministic_backward_is_caught_up_to_its_tolerance(fast):
    def rule(x, g):
        return 2 * x * g * (1 + 1e-5 * torch.rand((), dtype=x.dtype))

    message = failure(square(rule), double(), fast_mode=fast)
    assert message.startswith("Backward is not reentrant, i.e., running backward with same input")
    assert "The tolerance for nondeterminism was 0.0." in message
    assert gradcheck(square(rule), double(), nondet_tol=1e-3, fast_mode=fast)


def test_backward_that_ignores_its_gradient_is_caught():
    def total(x):
        return Planted.apply(x, lambda x: (x**2).sum(), lambda x, g: 2 * x)

    assert failure(total, double()).startswith("backward not multiplied by grad_output")


@BOTH_MODES
def test_backward_that_fails_on_an_undefined_gradient_is_caught(fast):
    def broken(x, g):
        if g is None:
            raise RuntimeError("no gradient")
        return 2 * x * g

    ones = square(lambda x, g: torch.ones_like(x) if g is None else 2 * x * g, PlantedRaw)
    with recorded_warnings() as caught:
        message = failure(ones, double(), fast_mode=fast)
        assert message.startswith("Expected all input grads to be undefined or zero when all")
        message = failure(square(broken, PlantedRaw), double(), fast_mode=fast)
        assert message.startswith("Expected backward function to handle undefined output grads.")
    assert str(caught[0].message).startswith("Backwards compatibility: New undefined gradient")
    assert gradcheck(ones, double(), check_undefined_grad=False, fast_mode=fast)
    none = square(lambda x, g: None if g is None else 2 * x * g, PlantedRaw)
    assert gradcheck(none, double(), fast_mode=fast)


def test_batched_gradients_are_compared_with_those_of_rows():
    x = double()
    options = {"check_batched_grad": True, "check_undefined_grad": False}
    assert gradcheck(lambda x: (x * x, x.sum()), x, **options)
    assert gradgradcheck(lambda x: x**3, x, **options)


@rushlight_only
def test_batched_gradients_that_depend_on_earlier_passes_are_caught():
    calls = []

    def rule(x, g):
        calls.append(g)  # two runs of three rows, two single rows, then the batch
        return 2 * x * g * (1 if len(calls) <= 8 else 2)

    assert gradcheck(square(rule), double())
    calls.clear()
    with pytest.raises(GradcheckError, match="For output 0 and input 0:"):
        gradcheck(square(rule), double(), check_batched_grad=True)


def test_floats_of_32_bits_warn_and_follow_the_step():
    x = leaf([1.0, 2.0])
    with recorded_warnings() as caught:
        assert gradcheck(lambda x: x * x, x, eps=1e-2)
        assert failure(lambda x: x * x, x, atol=1e-9, rtol=1e-9).startswith(MISMATCH)
    assert str(caught[0].message) == (
        "Input #0 requires gradient and is not a double precision floating point or complex. This "
        "check will likely fail if all the inputs are not of double precision floating point or "
        "complex. "
    )


REFUSED = [
    (lambda x: gradcheck(torch.sin, x.detach()), ValueError, "gradcheck expects at least one "),
    (
        lambda x: gradcheck(torch.sin, x[:1].expand(3)),
        RuntimeError,
        "The 0th input has a dimension with stride 0. gradcheck only supports inputs that are non-",
    ),
    (lambda x: gradcheck(lambda x: 1, x), AttributeError, "'int' object has no attribute 'requir"),
    (
        lambda x: gradcheck(lambda x: x[: 1 + int(x[0] >= 1)], x),
        AssertionError,
        "Expected `func` to return outputs with the same shape when inputs are perturbed on index "
        "(0,) by 1e-06, but got: shapes torch.Size([1]) and torch.Size([2]).",
    ),
    (
        lambda x: gradcheck(torch.sin, x, check_backward_ad=False),
        AssertionError,
        "Expected at least one of check_forward_ad or check_backward_ad to be True",
    ),
    (
        lambda x: gradcheck(torch.sin, x, check_batched_forward_grad=True),
        AssertionError,
        "Setting check_batched_forward_grad=True requires check_forward_ad to be True",
    ),
    (
        lambda x: gradgradcheck(torch.sin, x, check_rev_over_rev=False),
        AssertionError,
        "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True",
    ),
    (
        lambda x: gradgradcheck(torch.sin, x, check_rev_over_rev=False, check_fwd_over_rev=True),
        AssertionError,
        "Setting check_undefined_grad=True requires check_rev_over_rev to be True",
    ),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refusals_have_pytorchs_words(case):
    call, kind, message = REFUSED[case]
    with pytest.raises(kind) as error:
        call(double())
    assert str(error.value).startswith(message)


@rushlight_only
def test_forward_mode_is_refused_not_ignored():
    for call in (
        lambda: gradcheck(torch.sin, double(), check_forward_ad=True),
        lambda: gradgradcheck(torch.sin, double(), check_fwd_over_rev=True),
    ):
        with pytest.raises(NotImplementedError, match="forward mode"):
            call()


@rushlight_only
def test_failing_function_leaves_the_input_as_it_was():
    x = double()

    def function(x):
        if x[0] > 1:
            raise KeyError("far")
        return x * 2

    with pytest.raises(KeyError):
        gradcheck(function, x)
    assert x.tolist() == [1.0, 2.0, -3.0]


@rushlight_only
def test_function_without_recorded_output_has_no_second_gradient():
    assert gradgradcheck(lambda x: torch.ones(2), double())
    with pytest.raises(GradcheckError, match="expected to be zero"):
        gradgradcheck(lambda x: x.detach(), double())


def test_deprecated_names_return_jacobians():
    x = double((1.0, 2.0))
    with recorded_warnings() as caught:
        (numerical,) = names.get_numerical_jacobian(lambda inputs: inputs[0] ** 2, (x,))
        (found,), *flags = names.get_analytical_jacobian((x,), x**2)
        with pytest.raises(ValueError, match=r"Expected grad_out to be 1\.0\. get_analytical_jac"):
            names.get_analytical_jacobian((x,), x**2, grad_out=2.0)
    assert_values(numerical, [[2.0, 0.0], [0.0, 4.0]], rel=1e-5)
    assert_values(found, [[2.0, 0.0], [0.0, 4.0]])
    assert flags == [True, True, True]
    assert {w.category for w in caught} == {FutureWarning}
    (numerical,) = names.get_numerical_jacobian_wrt_specific_input(
        lambda x: x**2, 0, (x,), (x**2,), 1e-6
    )
    assert_values(numerical, [[2.0, 0.0], [0.0, 4.0]], rel=1e-5)


@rushlight_only
@pytest.mark.parametrize(
    "first",
    [
        "import rushlight.autograd.gradcheck",
        "from rushlight.autograd.gradcheck import GradcheckError",
        "from rushlight.autograd import gradgradcheck",
        "rl.autograd.functional",
    ],
)
def test_modules_are_loaded_at_first_use_and_the_function_keeps_its_name(first):
    program = f"""
import sys
import rushlight as rl
loaded = [name for name in sys.modules if name.endswith((".functional", "gradcheck"))]
assert "rushlight.autograd.functional" not in loaded and not any("gradch" in n for n in loaded)
{first}
x = rl.ones(2, dtype=rl.float64, requires_grad=True)
assert rl.autograd.gradcheck(rl.sin, x)
from rushlight.autograd import gradcheck
assert gradcheck(rl.sin, (x,)) and rl.autograd.gradgradcheck(rl.sin, (x,))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
