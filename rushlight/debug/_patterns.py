"""Known ways to an infinity or nan, and the usual rewrite of each."""

import math

from rushlight import _C

_C._add_package_globals(globals())

_CHOOSERS = ("Where", "MaskedFill", "MaskedSelect", "Maximum", "Minimum", "Clamp", "NanToNum")

# They move values, and leave them as they are.
_SHAPES = (
    *("Alias", "AsStrided", "Clone", "Expand", "Gather", "Index", "IndexSelect", "Narrow"),
    *("Permute", "Reshape", "Select", "Slice", "Squeeze", "T", "Transpose", "Unbind", "Unsqueeze"),
    *("UnsafeView", "View"),
)

_DIVIDE = "divide by (x + eps), or choose with torch.where before dividing"
_WHERE = (
    "the unused branch of `{op}`: its gradient is 0, and 0 times the infinite slope (or value) of "
    "the branch is nan",
    "make the argument safe inside, too (a double where): "
    "torch.where(ok, f(torch.where(ok, x, 1.0)), other)",
)


def _value(step, *names):
    values = dict(step.inputs)
    return next((values[name] for name in names if name in values), None)


def _slope(step):
    """Derivatives that are infinite where the value is finite."""
    x, result = _value(step, "input", "self"), _value(step, "result")
    op = step.op.rstrip("_")
    if op == "Sqrt" and (x if result is None else result) in (0, None):
        return "sqrt at 0, where its slope is infinite", "torch.sqrt(x + eps), or x.clamp(min=eps)"
    if op == "Pow":
        base, exponent = x, _value(step, "exponent")
        if base == 0 or _value(step, "input from") == 0:
            if exponent is not None and exponent < 1:
                return (
                    f"0 ** {exponent:g}, whose slope is infinite at 0",
                    "(x + eps) ** p, or x.clamp(min=eps) ** p",
                )
        if base is not None and base < 0:
            return (
                "a negative number to a power that has a gradient: log(x) is nan",
                "detach() the exponent, or make the base positive",
            )
    if op in ("Asin", "Acos") and x is not None and abs(x) == 1:
        return (
            f"{op.lower()} at {x:g}, where its slope is infinite",
            "x.clamp(-1 + eps, 1 - eps) first",
        )
    if op in ("Acosh", "Atanh", "Erfinv"):
        return f"{op.lower()} at the end of its domain", "clamp the argument inside its domain"
    if op in ("Log", "Log2", "Log10", "Log1P", "Xlogy") and (x in (0, None) or x == -1):
        return "a logarithm at 0, where its slope is infinite", "torch.log(x.clamp(min=eps))"
    divisor = _value(step, "other") if op == "Div" else x
    if op in ("Div", "Reciprocal", "Rsqrt") and (divisor is None or abs(divisor) < 1):
        return "a division by 0, or by a number whose square is 0", "divide by (x + eps)"
    numbers = [value for _, value in step.inputs]
    if math.isnan(step.value) and 0 in numbers and any(map(math.isinf, numbers)):
        return "0 times an infinity", "keep the infinite factor out, with torch.where before it"
    if math.isinf(step.value) and all(map(math.isfinite, numbers)):
        return "the gradient is too large for its dtype", "scale the loss down"
    return None


def _made(step, before):
    """Values that are not finite, of finite arguments."""
    op, x, other = step.op, _value(step, "input", "self"), _value(step, "other")
    if op in ("Log", "Log2", "Log10", "Log1P"):
        near = next((o for o in before if o not in _SHAPES), None)
        zero = -1 if op == "Log1P" else 0
        if x is not None and x < zero:
            return "the logarithm of a negative number", "clamp its argument: x.clamp(min=eps)"
        if near == "Rsub" and x == 0 or op == "Log1P" and near == "Neg" and x == -1:
            return (
                "the log of 1 - p where p has been rounded to 1",
                "logsigmoid(-x) where p is sigmoid(x), log_softmax where it is a softmax; else "
                "compute 1 - p itself without the rounding",
            )
        if op == "Log1P":
            return "log1p(-1)", "torch.log1p(x.clamp(min=eps - 1))"
        if near == "Softmax":
            return "the log of a softmax that is 0", "torch.log_softmax(x, dim)"
        if near == "Sigmoid":
            return "the log of a sigmoid that is 0", "torch.nn.functional.logsigmoid(x)"
        return "log(0)", "torch.log(x.clamp(min=eps)), or torch.log(x + eps)"
    if op in ("Div", "Reciprocal", "Rsqrt", "Remainder", "Fmod"):
        if op == "Rsqrt" and x is not None and x < 0:
            return "the root of a negative number", "clamp its argument at 0"
        if x == 0 and other == 0:
            return "0 / 0", _DIVIDE
        if other == 0 or (op in ("Reciprocal", "Rsqrt") and x == 0):
            return "a division by 0", _DIVIDE
        return "a quotient too large for its dtype", "divide by (x + eps)"
    if op in ("Exp", "Exp2", "Expm1", "ExpM1", "Sinh", "Cosh"):
        return (
            f"{op.lower()} of a large number overflows",
            "subtract the maximum first (torch.logsumexp, torch.softmax), or clamp the argument",
        )
    if op == "Pow":
        if x is not None and x < 0 and math.isnan(step.value):
            return "a negative number to a broken power", "x.clamp(min=0) ** p, or x.abs() ** p"
        if x == 0:
            return "0 to a negative power", "(x + eps) ** p"
        return "a power too large for its dtype", "compute its logarithm: p * torch.log(x)"
    if op in ("Sqrt",):
        return "the root of a negative number", "x.clamp(min=0).sqrt()"
    if op in ("Acos", "Asin", "Acosh", "Atanh", "Erfinv"):
        return f"{op.lower()} outside, or at the end, of its domain", "clamp its argument"
    if op in ("Std", "Var", "StdMean", "VarMean"):
        return (
            "the spread of one element, with 1 taken off the number of elements",
            "correction=0 (unbiased=False)",
        )
    if op in ("Mean", "Sum", "Cumsum") and _value(step, "input from") is not None:
        if math.isnan(step.value):
            return "inf - inf", "keep both finite: subtract a maximum, or clamp, before"
    elif op in ("Mean", "Nanmean", "Median"):
        return "the mean of no elements", "leave the empty part out before"
    if op in ("Softmax", "LogSoftmax", "Logsumexp") and math.isnan(step.value):
        return (
            "the softmax of a row that is -inf everywhere: 0 / 0",
            "mask with a large number instead: masked_fill(mask, torch.finfo(x.dtype).min)",
        )
    if op in ("Sub", "Add", "Rsub") and math.isnan(step.value):
        return "inf - inf", "keep both finite: subtract a maximum, or clamp, before"
    if op == "Mul" and math.isnan(step.value):
        return "0 times an infinity", "choose with torch.where before multiplying"
    if op == "ToCopy":
        return (
            "a number too large for the dtype it is cast to",
            "scale the numbers down, or keep this part in float32 (bfloat16 has its range)",
        )
    if math.isinf(step.value):
        return "the result is too large for its dtype", "scale down, or work on logarithms"
    return None


def pattern_of(birth):
    """(what happened, the usual rewrite) for a Birth; None where it is no known one."""
    if birth.kind in ("sum", "before", "hook", "gradient", "unknown", "data") or not birth.steps:
        return _OTHER.get(birth.kind)
    zeroed = [op for op, _, zero in birth.path if zero and op in _CHOOSERS]
    chooser = zeroed[-1] if zeroed else None
    if chooser is not None:
        what, fix = _WHERE
        return what.format(op=_function(chooser)), fix
    first = birth.steps[0]
    if first.node.endswith("Backward"):
        return None  # a custom Function, of whatever name
    return _made(first, birth.before) if first.gave == "output" else _slope(first)


def _function(op):
    return {"MaskedFill": "masked_fill", "Where": "where"}.get(op, op.lower())


_OTHER = {
    "sum": (
        "finite gradients whose sum is too large for the dtype",
        "scale the loss down, or clip what is added",
    ),
    "before": (
        "the .grad was not finite before this pass, or the sum with it overflowed",
        "optimizer.zero_grad() before each backward(), and skip steps with a bad gradient",
    ),
    "hook": ("a hook returned it", "look at what the hook divides by"),
    "gradient": ("the gradient given to backward() has it", "check what backward() is given"),
    "data": ("it was there before the first operation", "check the data, or the last update"),
}
