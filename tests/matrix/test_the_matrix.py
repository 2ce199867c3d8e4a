"""The matrix itself: a fault that is planted in an operator is found."""

import pytest
from support import rushlight_only, torch

from .calls import c, t
from .cases import invoke, observe
from .compare import differs
from .differences import DIFFERENT, listed
from .numeric import check_call
from .records import read
from .tables import OPERATORS, all_cases
from .test_matrix import mismatches

pytestmark = rushlight_only


class Scaled(torch.autograd.Function):
    """The identity, whose gradient is off by one part in a hundred."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g * 1.01


class ScaledLater(torch.autograd.Function):
    """The identity, whose gradient is right while nobody differentiates it."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return Scaled.apply(g)


class FirstRow(torch.autograd.Function):
    """expand, whose gradient is one row's and not the sum over the rows."""

    @staticmethod
    def forward(ctx, x, like):
        return x.expand(like.shape).clone()

    @staticmethod
    def backward(ctx, g):
        return g[0], None


class BothOnTies(torch.autograd.Function):
    """maximum, which gives equal elements the whole gradient each; PyTorch halves it."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return torch.maximum(a, b)

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * (a >= b), g * (b >= a)  # the engine sums over what was broadcast


def scaled(name, call, case, args, kwargs):
    return Scaled.apply(invoke(name, call, case, args, kwargs))


def scaled_later(name, call, case, args, kwargs):
    return ScaledLater.apply(invoke(name, call, case, args, kwargs))


def first_row(name, call, case, args, kwargs):
    a, b = args
    return a * (FirstRow.apply(b, a) if b.shape == a.shape[1:] else b)


def both_on_ties(name, call, case, args, kwargs):
    return BothOnTies.apply(*args)


def call_of(name, shapes):
    """The operator's call of tensors of these shapes."""
    for call in OPERATORS[name].calls:
        if [s.shape for s in call.places] == shapes and len(call.args) == len(shapes):
            return call
    raise AssertionError(f"{name} has no call of {shapes}")


@pytest.mark.parametrize(("function", "message"), [(scaled, "exp"), (scaled_later, "gradient of")])
def test_derivative_off_by_a_hundredth_is_found_by_differences(function, message):
    call = call_of("exp", [(3, 4)])
    check_call("exp", OPERATORS["exp"], call)
    with pytest.raises(AssertionError, match=f"^{message}.*gradient gives"):
        check_call("exp", OPERATORS["exp"], call, function)


def test_missing_reduction_over_a_broadcast_is_found_by_differences():
    call = c(t(2, 3), t(3))
    check_call("mul", OPERATORS["mul"], call)
    with pytest.raises(AssertionError, match="gradient gives"):
        check_call("mul", OPERATORS["mul"], call, first_row)


def found_by_record(name, function):
    """The mismatches that a planted function adds, by the kind of case."""
    sound, _ = mismatches(name)
    planted, _ = mismatches(name, function)
    return [line for line in planted if line not in sound]


def test_derivative_off_by_a_hundredth_is_found_by_the_record():
    found = found_by_record("exp", scaled)
    assert any("float64 True]" in line and "ScaledBackward" in line for line in found)


def test_wrong_rule_on_ties_is_found_by_the_record():
    def plain(name, call, case, args, kwargs):
        return torch.maximum(*args)

    # The node is another: what counts is a difference of values, on ties and nowhere else.
    recorded, operator = read("maximum"), OPERATORS["maximum"]
    tied = elsewhere = 0
    for call, case in all_cases("maximum"):
        if case.gradient and case.dtype == "float64" and len(call.args) == 2:
            want = recorded[call.key(), str(case)].partition(" ; ")[2]
            lines = [observe("maximum", operator, call, case, f) for f in (plain, both_on_ties)]
            right, planted = (
                differs(want, line.partition(" ; ")[2], operator, case) for line in lines
            )
            assert not right
            tied += case.kind == "ties" and planted is not None
            elsewhere += case.kind == "plain" and planted is not None
    assert tied > 0 and elsewhere == 0


def wrong(change):
    """A function whose results are changed where they are float tensors."""

    def function(name, call, case, args, kwargs):
        result = invoke(name, call, case, args, kwargs)
        return change(result) if isinstance(result, torch.Tensor) else result

    return function


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y * (1 + 2e-6) if y.dtype == torch.float32 else y,
        lambda y: y.double() if y.dtype == torch.float16 else y,
        lambda y: y.reshape(-1) if y.dim() == 2 else y,
        lambda y: torch.where(torch.isnan(y), 0.0, y) if y.is_floating_point() else y,
        lambda y: -y if y.numel() == 1 else y,
    ],
    ids=["value", "dtype", "shape", "nan", "0-d"],
)
def test_wrong_values_dtypes_and_shapes_are_found_by_the_record(change):
    assert found_by_record("tanh", wrong(change))


def test_operator_that_raises_no_error_is_found_by_the_record():
    def silent(name, call, case, args, kwargs):
        try:
            return invoke(name, call, case, args, kwargs)
        except RuntimeError:
            return torch.zeros(())

    assert found_by_record("mm", silent)


def test_case_that_is_not_recorded_is_told(monkeypatch):
    first = next(iter(read("exp")))
    kept = {key: line for key, line in read("exp").items() if key != first}
    monkeypatch.setattr("matrix.test_matrix.read", lambda name: kept)
    found, _ = mismatches("exp")
    assert any("not recorded" in line for line in found)


def test_cases_are_tens_of_thousands_and_named_once():
    total = 0
    for name in OPERATORS:
        keys = [(call.key(), str(case)) for call, case in all_cases(name)]
        assert len(keys) == len(set(keys)), f"{name}: two cases of one name"
        total += len(keys)
    assert total > 50_000


def test_every_rule_of_a_difference_is_needed_by_a_listed_case():
    unneeded = list(DIFFERENT)
    for name in OPERATORS:
        known, recorded = listed(name), read(name) if listed(name) else {}
        for call, case in all_cases(name) if known else ():
            key = (call.key(), str(case))
            if key in known:
                said = (name, call, case, recorded[key], known[key])
                unneeded = [rule for rule in unneeded if not rule.holds(*said)]
    assert not unneeded, [rule.reason for rule in unneeded]
