"""Known ways to an infinity or nan get their name and the usual rewrite."""

import pytest
from support import inf, rushlight_only, torch

if torch.__name__ == "rushlight":
    from rushlight.debug import explain_nonfinite, watch_nonfinite

pytestmark = rushlight_only
F = torch.nn.functional


def where_log(x):
    return torch.where(x > 0, torch.log(x), 0.0)


def masked_sqrt(x):
    return torch.sqrt(x).masked_fill(x == 0, 0.0)


def where_division(x):
    return torch.where(x > 0, 1 / x, 0.0)


def unused_overflow(x):
    return torch.where(x < 1, x, torch.exp(x * 1000))


# (values of x, function, words of the pattern, words of the fix)
CASES = {
    "where log": ([0.0, 1.0], where_log, "the unused branch of `where`", "double where"),
    "where division": ([0.0, 1.0], where_division, "the unused branch of `where`", "double where"),
    "where overflow": ([0.5, 1.0], unused_overflow, "exp of a large number", "logsumexp"),
    "masked root": ([0.0, 1.0], masked_sqrt, "unused branch of `masked_fill`", "double where"),
    "root": ([0.0, 1.0], torch.sqrt, "sqrt at 0", "eps"),
    "power": ([0.0, 1.0], lambda x: x**0.5, "0 ** 0.5", "clamp(min=eps)"),
    "log": ([0.0, 1.0], torch.log, "log(0)", "clamp(min=eps)"),
    "log of negative": ([-1.0, 1.0], torch.log, "logarithm of a negative", "clamp"),
    "log softmax": ([0.0, 1000.0], lambda x: x.softmax(0).log(), "log of a softmax", "log_softmax"),
    "log sigmoid": ([-200.0, 1.0], lambda x: x.sigmoid().log(), "log of a sigmoid", "logsigmoid"),
    "log one minus": ([50.0, 1.0], lambda x: (1 - x.sigmoid()).log(), "1 - p", "logsigmoid(-x)"),
    "division": ([0.0, 1.0], lambda x: 1 / x, "division by 0", "eps"),
    "zero by zero": ([0.0, 1.0], lambda x: x / x, "0 / 0", "torch.where before dividing"),
    "overflow": ([100.0, 1.0], torch.exp, "exp of a large number", "logsumexp"),
    "softmax by hand": (
        [100.0, 1.0],
        lambda x: x.exp() / x.exp().sum(),
        "exp of a large number",
        "softmax",
    ),
    "spread of one": ([1.0], torch.var, "the spread of one element", "correction=0"),
    "arccosine": ([1.0, 0.0], torch.acos, "acos at 1", "clamp(-1 + eps, 1 - eps)"),
    "arcsine": ([-1.0, 0.0], torch.asin, "asin at -1", "clamp(-1 + eps, 1 - eps)"),
    "root of negative": ([-1.0, 1.0], torch.sqrt, "root of a negative", "clamp(min=0)"),
    "half": ([1e6, 1.0], lambda x: x.half().float(), "too large for the dtype", "bfloat16"),
    "masked row": (
        [1.0, 2.0],
        lambda x: x.masked_fill(torch.tensor([True, True]), -inf).softmax(0),
        "-inf everywhere",
        "finfo",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_known_pattern_is_named(name):
    values, function, pattern, fix = CASES[name]
    x = torch.tensor(values, requires_grad=True)
    with watch_nonfinite():
        function(x).sum().backward()
    report = explain_nonfinite()
    assert report.subject in ("x.grad", "the value that backward() starts from"), str(report)
    assert pattern in (report.pattern or ""), str(report)
    assert fix in report.fix, str(report)


def test_the_exponent_of_a_negative_base_is_named():
    x, p = torch.tensor(-2.0), torch.tensor(2.0, requires_grad=True)
    with watch_nonfinite():
        (x**p).backward()
    assert "log(x) is nan" in explain_nonfinite(p.grad).pattern


def test_a_factor_of_zero_of_an_infinity_is_named():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    with watch_nonfinite():
        y = x * 3e38 * 2
        z = torch.where(x < 0.5, y, y * 3e38 * 0.0)
        z.sum().backward()
    report = explain_nonfinite()
    assert report.op == "Mul" and "too large for its dtype" in report.pattern


def test_the_norm_of_zeros_by_hand_is_a_root():
    x = torch.zeros(3, requires_grad=True)
    with watch_nonfinite():
        (x * x).sum().sqrt().backward()
    report = explain_nonfinite(x.grad)
    assert report.op == "Sqrt" and "eps" in report.fix


def test_differences_of_infinities_are_told():
    x = torch.tensor([200.0], requires_grad=True)
    with watch_nonfinite():
        e = torch.exp(x)
        (e - e).sum().backward()
    report = explain_nonfinite()
    # The infinity is the birth; the nan that came of it is on its way.
    assert report.op == "Exp" and [s.op for s in report.steps][:2] == ["Exp", "Sub"]
