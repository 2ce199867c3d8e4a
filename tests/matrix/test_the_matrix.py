"""The matrix itself: a fault that is planted in an operator is found."""

import re

import pytest
from support import rushlight_only, torch

from .calls import c, t
from .cases import Case, forms_of, invoke, observe
from .compare import differs
from .differences import DIFFERENT, listed
from .numeric import check_call
from .records import read
from .rules import kind_of, without_layouts
from .tables import OPERATORS, all_cases
from .test_matrix import mismatches
from .values import DTYPES

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


def faulty(compute, slope):
    """compute(tensors), whose gradients are slope(g, tensors) whatever is right."""

    class Faulty(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            ctx.save_for_backward(*tensors)
            return compute(*tensors)

        @staticmethod
        def backward(ctx, g):
            return slope(g, *ctx.saved_tensors)

    return Faulty.apply


def scaled(name, call, case, args, kwargs):
    return Scaled.apply(invoke(name, call, case, args, kwargs))


def scaled_later(name, call, case, args, kwargs):
    return ScaledLater.apply(invoke(name, call, case, args, kwargs))


# Faults in one call each: the operator, the call's arguments beside its tensors, their shapes, and
# the function. The first forget a sum, the others give ties the wrong share.


def first_row(name, call, case, args, kwargs):
    """The second factor's gradient is of one row, not of the sum over the rows."""
    return faulty(torch.mul, lambda g, a, b: (g * b, (g * a)[0]))(*args)


def first_of_each(name, call, case, args, kwargs):
    """Of two broadcast factors one term of the sum is the gradient."""
    return faulty(torch.mul, lambda g, a, b: ((g * b)[:, :1], (g * a)[:1]))(*args)


def first_matrix(name, call, case, args, kwargs):
    """The second matrix's gradient is of one matrix of the batch."""
    return faulty(torch.matmul, lambda g, a, b: (g @ b.mT, (a.mT @ g)[0]))(*args)


def first_column(name, call, case, args, kwargs):
    """The gradient of a sum goes to one element of each row."""
    x, dim = args
    only = torch.arange(x.shape[dim]) == 0
    return faulty(lambda x: x.sum(dim), lambda g, x: g.unsqueeze(dim) * only.to(g.dtype))(x)


def last_of_equal_rows(name, call, case, args, kwargs):
    """Of rows that were taken twice one gives its gradient."""
    x, dim, index = args
    return faulty(
        lambda x: x.index_select(dim, index),
        lambda g, x: torch.zeros_like(x).index_copy(dim, index, g),
    )(x)


def without_the_sum(name, call, case, args, kwargs):
    """The slope of softmax without the share of the other elements."""
    x, dim = args
    return faulty(lambda x: x.softmax(dim), lambda g, x: g * x.softmax(dim))(x)


def whole_to_each_side(name, call, case, args, kwargs):
    """Equal elements get the whole gradient each; PyTorch halves it."""
    return faulty(torch.maximum, lambda g, a, b: (g * (a >= b), g * (b >= a)))(*args)


def whole_to_each_tie(name, call, case, args, kwargs):
    """All of the largest elements get the whole gradient; PyTorch shares it among them."""
    x, dim = args
    largest = faulty(
        lambda x: x.amax(dim), lambda g, x: g.unsqueeze(dim) * (x == x.amax(dim, keepdim=True))
    )
    return largest(x)


SUMS = {
    "mul": (first_row, [(2, 3), (3,)]),
    "matmul": (first_matrix, [(2, 2, 3), (3, 4)]),
    "sum": (first_column, [(3, 4)], 1),
    "index_select": (last_of_equal_rows, [(3, 4)], 0),
    "softmax": (without_the_sum, [(3, 4)], 1),
}
TIES = {
    "maximum": (whole_to_each_side, [(8, 1), (1, 8)]),
    "amax": (whole_to_each_tie, [(2, 3, 2)], 1),
}


def call_of(name, shapes, *rest):
    """The operator's first call of tensors of these shapes, and then these arguments."""
    for call in OPERATORS[name].calls:
        after = call.args[len(shapes) : len(shapes) + len(rest)]
        if [s.shape for s in call.places] == shapes and after == rest and not call.kwargs:
            return call
    raise AssertionError(f"{name} has no call of {shapes}")


@pytest.mark.parametrize(("function", "message"), [(scaled, "exp"), (scaled_later, "gradient of")])
def test_derivative_off_by_a_hundredth_is_found_by_differences(function, message):
    call = call_of("exp", [(3, 4)])
    check_call("exp", OPERATORS["exp"], call)
    with pytest.raises(AssertionError, match=f"^{message}.*gradient gives"):
        check_call("exp", OPERATORS["exp"], call, function)


@pytest.mark.parametrize("name", SUMS)
def test_missing_sum_is_found_by_differences(name):
    function, *where = SUMS[name]
    call = c(t(2, 3), t(3)) if name == "mul" else call_of(name, *where)
    check_call(name, OPERATORS[name], call)
    with pytest.raises(AssertionError, match="gradient gives"):
        check_call(name, OPERATORS[name], call, function)


def values_of(line):
    """A gradient's line without the nodes, which a planted function always changes."""
    return without_layouts(line.partition(" ; ")[2])


def found_by_record(name, function, call=None):
    """The float64 gradients of other values than recorded, that the sound operator gives right.

    Returns: {kind of values: (cases found, cases looked at)}; only those of one call, if given.
    """
    recorded, operator = read(name), OPERATORS[name]
    counts = {}
    for one, case in all_cases(name):
        want = recorded[one.key(), str(case)]
        if not case.gradient or case.dtype != "float64" or (call and one is not call):
            continue
        if "Backward" not in want:
            continue
        sound = observe(name, operator, one, case)
        if differs(values_of(want), values_of(sound), operator, case):
            assert (one.key(), str(case)) in listed(name)
            continue
        planted = observe(name, operator, one, case, function)
        assert "Backward" in planted, f"the planted function fails: {planted}"
        difference = differs(values_of(want), values_of(planted), operator, case)
        assert not difference or difference.startswith("element "), difference
        found, total = counts.get(case.kind, (0, 0))
        counts[case.kind] = (found + bool(difference), total + 1)
    return counts


@pytest.mark.parametrize("name", ["exp", "mean", "mm", "index_add", "log_softmax"])
def test_derivative_off_by_a_hundredth_is_found_by_the_record(name):
    operator, recorded = OPERATORS[name], read(name)
    case = Case(forms_of(name, operator, operator.calls[0])[0], "float64", gradient=True)
    line = values_of(observe(name, operator, operator.calls[0], case, scaled))
    for part, want in zip(
        line.split(" ; "), values_of(recorded[operator.calls[0].key(), str(case)]).split(" ; ")
    ):
        pairs = zip(part.split(" ")[2:], want.split(" ")[2:], strict=True)
        for got, right in pairs:
            assert float(got) == pytest.approx(1.01 * float(right), rel=1e-12)
    found, total = found_by_record(name, scaled, operator.calls[0])["plain"]
    assert found == total > 3  # in every layout


@pytest.mark.parametrize("name", SUMS)
def test_missing_sum_is_found_by_the_record(name):
    function, *where = SUMS[name]
    if name == "mul":
        where = [[(8, 1), (1, 8)]]
        function = first_of_each
    found, total = found_by_record(name, function, call_of(name, *where))["plain"]
    assert found == total > 0


@pytest.mark.parametrize("name", TIES)
def test_wrong_rule_on_ties_is_found_by_the_record(name):
    function, *where = TIES[name]
    counts = found_by_record(name, function, call_of(name, *where))
    assert counts["ties"][0] > 0
    assert all(found == 0 for kind, (found, _) in counts.items() if kind == "plain")


def wrong(change):
    """A function whose results are changed where they are float tensors."""

    def function(name, call, case, args, kwargs):
        result = invoke(name, call, case, args, kwargs)
        return change(result) if isinstance(result, torch.Tensor) else result

    return function


def lines_of(name, function):
    """The mismatches that a planted function adds."""
    sound, _ = mismatches(name)
    planted, _ = mismatches(name, function)
    return [line for line in planted if line not in sound]


@pytest.mark.parametrize("name", ["tanh", "sum", "mm", "index_select", "softmax", "cumsum"])
def test_values_off_by_a_hundredth_are_found_by_the_record(name):
    found = lines_of(name, wrong(lambda y: y * 1.01 if y.is_floating_point() else y))
    for dtype in ("float16", "float32", "float64"):  # bfloat16 holds no hundredth
        said = [line for line in found if f"{dtype}]: element" in line]
        assert said, dtype
        for line in said[:5]:
            got, right = (float(v) for v in re.search(r"is (\S+), recorded (\S+):", line).groups())
            assert got == pytest.approx(1.01 * right, rel=0.01)


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
    assert lines_of("tanh", wrong(change))


def test_operator_that_raises_no_error_is_found_by_the_record():
    def silent(name, call, case, args, kwargs):
        try:
            return invoke(name, call, case, args, kwargs)
        except RuntimeError:
            return torch.zeros(())

    assert lines_of("mm", silent)


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


def with_another_number(line):
    """The line with its last number changed; None where it has none."""
    words = line.split(" ")
    for at in range(len(words) - 1, 1, -1):
        head = words[at - 1] if words[at - 1] in DTYPES else ""
        value = re.fullmatch(r"-?[\d.]+(e[-+]\d+)?", words[at])
        if value and not head:
            words[at] = repr(abs(float(words[at])) * 2 + 3)
            return " ".join(words)
    return None


# Numbers where PyTorch has nan, which no rule computes: the list alone holds them.
NOT_COMPUTED = {
    "the slope of a distance that is nan is 0; PyTorch's is nan",
    "0 times infinity in another order: each is nan somewhere",
}


def test_no_rule_allows_another_number():
    allowed = set()
    for name in OPERATORS:
        known = listed(name)
        for call, case in all_cases(name) if known else ():
            line = known.get((call.key(), str(case)))
            changed = line and not kind_of(line) and with_another_number(line)
            if changed:
                said = (name, call, case, read(name)[call.key(), str(case)], changed)
                allowed |= {rule.reason for rule in DIFFERENT if rule.holds(*said)}
    assert not allowed - NOT_COMPUTED
