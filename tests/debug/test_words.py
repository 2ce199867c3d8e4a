"""The words of steps: sources of arguments, formulas with names, tensors in short."""

import pytest
from support import inf, nan, rushlight_only, torch

pytestmark = rushlight_only
if hasattr(torch, "debug"):
    from rushlight.debug import _words as words

TWO = ("input", "other")


@pytest.mark.parametrize(
    ("expression", "op", "parameters", "found"),
    [
        ("b * x", "mul", TWO, {"input": "b", "other": "x"}),
        ("2 * x", "mul", TWO, {"input": "x", "other": "2"}),
        ("1 - x", "rsub", TWO, {"input": "x", "other": "1"}),
        ("(a + b) / c.d", "div", TWO, {"input": "a + b", "other": "c.d"}),
        ("y *= 3", "mul_", TWO, {"input": "y", "other": "3"}),
        ("-x", "neg", ("input",), {"input": "x"}),
        ("x[0]", "select", ("input", "dim"), {"input": "x"}),
        ("x.T", "t", ("input",), {"input": "x"}),
        ("x.mul(y)", "mul", TWO, {"input": "x", "other": "y"}),
        ("torch.mul(x, other=y)", "mul", TWO, {"input": "x", "other": "y"}),
        ("F.softmax(x, dim=-1)", "softmax", ("input", "dim"), {"input": "x", "dim": "-1"}),
        ("Square.apply(x)", "apply", ("input",), {"input": "x"}),
        ("(a +\n b)", "add", TWO, {"input": "a", "other": "b"}),
        ("2 / x", "reciprocal", ("input",), {}),
        ("model(x)", "addmm", TWO, {}),
        ("torch.mul(*both)", "mul", TWO, {}),
        ("this is no Python", "mul", TWO, {}),
        ("", "mul", TWO, {}),
    ],
)
def test_sources_of_arguments(expression, op, parameters, found):
    assert words.arguments(expression, op, parameters) == found


@pytest.mark.parametrize(
    ("derivative", "parameter", "rule"),
    [
        ("dy/dinput = other, dy/dother = input", "other", ("input", True)),
        ("dy/dx = 1 where y > 0, else 0", "input", ("1 where y > 0, else 0", True)),
        ("dinput = g @ b^T, db = a^T @ g", "b", ("a^T @ g", True)),
        ("dL/dx = y (g - sum(g y))", "input", ("y (g - sum(g y))", True)),
        ("dy/dinput = -dy/dtarget = 2 (input - target)", "input", ("2 (input - target)", True)),
        ("dy/da = -dy/db = d, cut at 1", "b", ("-(d), cut at 1", True)),
        ("the gradient, rolled back", "input", ("the gradient, rolled back", False)),
        ("as tanh", "input", ("1 - y^2", True)),
    ],
)
def test_rules_by_parameter(derivative, parameter, rule):
    assert words.rule_for(derivative, parameter, parameter == "input") == rule


@pytest.mark.parametrize(
    ("rule", "texts", "shown"),
    [
        ("p x^(p-1)", {"x": "a - b", "exponent": "2"}, "2 (a - b)"),
        ("p x^(p-1)", {"x": "w[0]", "exponent": "3"}, "3 w[0]^2"),
        ("sign(x), 0 at 0", {"x": "a - b"}, "sign(a - b), 0 at 0"),
        ("value tensor2", {"value": "1", "tensor2": "c"}, "c"),
        ("scale where x > 0, else scale", {"scale": "1", "x": "a"}, "1 where a > 0, else 1"),
        ("1 at that index, 0 elsewhere", {"index": "-1"}, "1 at that index, 0 elsewhere"),
    ],
)
def test_formulas_with_the_names_of_the_source(rule, texts, shown):
    assert words.with_names(rule, texts) == shown


@pytest.mark.parametrize(
    ("value", "short"),
    [
        (2, "2.0"),
        (1 / 3, "0.333333"),
        (1e-20, "1e-20"),
        (-inf, "-inf"),
        (None, "None, which stands for zeros"),
        (True, "True"),
        ([1.0, 2.5], "[1.0, 2.5]"),
        ([[3.0]], "3.0"),
        ([[1.0, 2.0], [3.0, 4.0]], "shape (2, 2), 1.0 to 4.0, mean 2.5"),
        ([[1.0, 1.0], [1.0, 1.0]], "shape (2, 2), all 1.0"),
        ([], "shape (0,), empty"),
        ([[1, 2], [3, 4]], "shape (2, 2), int64"),
    ],
)
def test_values_in_short(value, short):
    if isinstance(value, list):
        value = torch.tensor(value)
    assert words.summary(value) == short


def test_values_that_are_not_finite_are_counted():
    t = torch.tensor([[1.0, nan], [inf, 2.0]])
    assert words.summary(t) == "shape (2, 2), 1.0 to 2.0, mean 1.5, 2 not finite"
    assert words.summary(t * nan) == "shape (2, 2), none finite"
