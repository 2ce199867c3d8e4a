"""Where rushlight differs from PyTorch on purpose: listed cases, and the rules that say why."""

import functools
import json
import lzma
import math
import re
from collections.abc import Callable
from typing import NamedTuple

from support import DATA

from .compare import differs
from .records import read
from .values import FLOATS


class Difference(NamedTuple):
    """A difference that is meant: why, and a test of an operator's case."""

    reason: str
    holds: Callable


LIST = DATA / "matrix_differences.json.xz"


@functools.cache
def _all_listed():
    return json.loads(lzma.decompress(LIST.read_bytes())) if LIST.exists() else {}


def listed(name):
    """The cases of an operator that may differ, with what rushlight gives: a rule alone excuses
    nothing. ``tests/data/list_differences.py`` writes the list.
    """
    return {tuple(key): line for *key, line in _all_listed().get(name, ())}


def kind_of(line):
    """The exception's type, where the line is of one."""
    kind = line.split(":")[0]
    return kind if kind.endswith(("Error", "Exception")) and " " not in kind else ""


def both_raise(want, got):
    return bool(kind_of(want) and kind_of(got))


def skeleton(line):
    """An error's words, without numbers and names of dtypes."""
    return re.sub(r"'\w+'|\d+|Bool|Byte|Char|Short|Int|Long|Half|BFloat16|Float|Double", "#", line)


def not_implemented(name, call, case, want, got):
    words = "not implemented for "
    same = both_raise(want, got) and kind_of(want) == kind_of(got)
    return same and words in want and want.split(words)[1:] == got.split(words)[1:]


def refused_out(name, call, case, want, got):
    if case.form not in ("out_double", "out_int") or "TypeError" in (kind_of(want), kind_of(got)):
        return False
    return bool(kind_of(want) or kind_of(got))


def parsed(name, call, case, want, got):
    types = kind_of(want) == kind_of(got) == "TypeError"
    lists = "invalid combination" in want or "takes no keyword arguments" in want
    return types and (lists or case.form.startswith(("out", "keywords")))


@functools.cache
def said_of(name):
    """The errors that PyTorch has for an operator: skeleton -> calls and cases it is said of."""
    found = {}
    for (call, case), line in read(name).items():
        if kind_of(line):
            found.setdefault(skeleton(line), set()).update((call, case))
    return found


def wrong_twice(name, call, case, want, got):
    """Both raise, and PyTorch says the same of this call and of this kind of tensors."""
    if not both_raise(want, got):
        return False
    said = said_of(name).get(skeleton(got), ())
    return call.key() in said and str(case) in said


def more_keywords(name, call, case, want, got):
    refused = kind_of(want) == "TypeError" and not kind_of(got)
    return refused and case.form.startswith(("keywords", "out"))


def expanded_write(name, call, case, want, got):
    written = case.form == "inplace" or (case.form == "method" and name.endswith("_"))
    return (
        written
        and case.layout == "expanded"
        and "more than one element of the written-to tensor" in got
    )


REFUSAL = re.compile("not implemented for|expected scalar type|same dtype")


def refused_anyway(name, call, case, want, got):
    """The operands are empty, and the refusal is of a dtype."""
    empty = call.places and all(math.prod(s.shape) == 0 for s in call.places)
    return bool(empty and kind_of(got) and REFUSAL.search(got)) and not kind_of(want)


def of(names, reason, holds):
    """A difference of single operators; ``holds`` takes the call, the case and both lines."""

    def rule(name, call, case, want, got):
        return name in names.split() and holds(call, case, want, got)

    return Difference(reason, rule)


def special(call, case, want, got):
    return case.kind == "special"


def special_gradient(call, case, want, got):
    return case.kind == "special" and case.gradient


def sixteen_bits(call, case, want, got):
    return case.dtype in ("float16", "bfloat16") and not kind_of(got)


def as_float32(call, case, want, got):
    """The lines agree to the digits of float32."""
    return case.dtype == "float64" and differs(want, got, Loose(), case) is None


def at_poles(call, case, want, got):
    """Whole and negative numbers are among the values: the others are plain floats above 0."""
    return (case.kind != "plain" or case.dtype not in FLOATS) and not kind_of(got)


DTYPE = re.compile(
    "not implemented for|can't be cast|expected scalar type|dtypes? must be|dtypes match|"
    "Bool inputs|does not match dtype|same dtype|floating-point dtypes|ZeroDivisionError"
)


def told_first(call, case, want, got):
    """Both raise, and one of them or both speak of a dtype or of a zero."""
    return both_raise(want, got) and bool(DTYPE.search(want) or DTYPE.search(got))


def empty_refused(call, case, want, got):
    some = any(math.prod(s.shape) == 0 for s in call.places)
    words = "not implemented for 'Bool'|^RuntimeError: ZeroDivisionError$|same dtype"
    known = re.search(words, got)
    return bool(some and known) and not kind_of(want)


def no_out(call, case, want, got):
    return case.form.startswith("out") and kind_of(want) == "TypeError" and bool(DTYPE.search(got))


class Loose:
    """An operator that is right to 7 digits."""

    ulp, sums = 2.0**30, True


DIFFERENT = [
    Difference(
        "the quoted name is a PyTorch kernel's; rushlight's the operator's", not_implemented
    ),
    Difference(
        "out= of another dtype: each PyTorch kernel has its own rule; rushlight casts where "
        "can_cast allows and refuses elsewhere",
        refused_out,
    ),
    Difference("what is said of a call that no overload takes lists overloads", parsed),
    Difference("a call that is wrong in two ways: either is told first", wrong_twice),
    Difference("rushlight takes by keyword what PyTorch takes by place alone", more_keywords),
    Difference("writes through expanded tensors: deprecated there, refused here", expanded_write),
    Difference("a dtype is refused also where there is next to nothing to compute", refused_anyway),
    # Single operators, where PyTorch's kernels have their ways.
    of(
        "prod cumprod var std var_mean std_mean logcumsumexp nanmean",
        "0 times infinity in another order: each is nan somewhere",
        special_gradient,
    ),
    of("var_mean std_mean", "PyTorch's mean beside a variance loses infinities", special),
    of("histc", "PyTorch rounds the edges of bins to 16 bits, too", sixteen_bits),
    of(
        "dist",
        "what counts elements has no gradient; PyTorch's backward fails there",
        lambda call, case, want, got: case.gradient and "got None" in want and " None" in got,
    ),
    of(
        "addbmm baddbmm",
        "PyTorch resizes the tensor that it writes into; rushlight refuses, as addmm_ does",
        lambda call, case, want, got: case.form == "inplace" and "Bad in-place call" in got,
    ),
    of(
        "kron",
        "PyTorch's kron needs a view of its operand; rushlight's copies where there is none",
        lambda call, case, want, got: "view size is not compatible" in want and not kind_of(got),
    ),
    of(
        "inner dot tensordot matmul",
        "PyTorch multiplies bools where an operand is not contiguous, and refuses elsewhere",
        lambda call, case, want, got: case.dtype == "bool" and "not implemented for 'Bool'" in got,
    ),
    of(
        "normal",
        "out= is resized, as everywhere; PyTorch's has to have the mean's shape already",
        lambda call, case, want, got: case.form == "out" and "must match the size" in want,
    ),
    of(
        "meshgrid",
        "PyTorch prints the tensor into its message, in C++'s way",
        lambda call, case, want, got: "1D tensor in the tensor list" in want and "1D" in got,
    ),
    of(
        "fmod remainder",
        "exact; PyTorch's is nan where the quotient is beyond the largest number",
        lambda call, case, want, got: case.kind == "huge" and " nan" in want,
    ),
    of("pow", "0.5 is a square root in every dtype: nan of -inf, not inf", special),
    of(
        "relu6 hardtanh softshrink hardshrink",
        "PyTorch's gradient at nan depends on the element's place",
        special_gradient,
    ),
    of(
        "gelu",
        "inf of inf; PyTorch's vectors give nan, and 0 for what is not normal",
        lambda call, case, want, got: case.kind in ("special", "huge") and not kind_of(got),
    ),
    of(
        "layer_norm",
        "a huge deviation divides to 0; PyTorch's square of it is infinite, and the quotient nan",
        lambda call, case, want, got: case.kind == "huge" and " nan" in want and not kind_of(got),
    ),
    of(
        "binary_cross_entropy_with_logits",
        "in the dtype that both promote to; PyTorch's logarithm is in the input's, its result in "
        "the target's",
        lambda call, case, want, got: bool(case.other) and not kind_of(got),
    ),
    of(
        "hardsigmoid",
        "PyTorch's slope in float64 is a sixth in float32",
        lambda call, case, want, got: case.gradient and as_float32(call, case, want, got),
    ),
    of(
        "digamma polygamma",
        "PyTorch's trigamma keeps nine digits of float64",
        as_float32,
    ),
    of("digamma polygamma", "infinite at poles; PyTorch's sine is not quite 0 there", at_poles),
    of(
        "sinc",
        "0 at the largest numbers, where PyTorch's angle overflows",
        lambda call, case, want, got: case.kind == "huge" and not kind_of(got),
    ),
    of(
        "as_strided_scatter",
        "PyTorch gives the gradient to the elements that were replaced, not to the others",
        lambda call, case, want, got: case.gradient and not kind_of(got),
    ),
    of(
        "ldexp",
        "PyTorch's slope is a power of whole numbers: 0 where the exponent is negative",
        lambda call, case, want, got: case.gradient and not kind_of(got),
    ),
    of(
        "ldexp",
        "PyTorch's power of two is in the exponent's dtype, and its refusal names the operator",
        lambda call, case, want, got: bool(case.other) or "ldexp can't be cast" in want,
    ),
    of(
        "hardtanh",
        "PyTorch cuts the limits to whole numbers before it looks for negative ones",
        lambda call, case, want, got: "unsigned type with negative limits" in got,
    ),
    # Which of two errors is told first, by operator; and what is refused of empty operands.
    of(
        "addbmm addcmul addmm atan2 baddbmm binary_cross_entropy_with_logits bitwise_and "
        "bitwise_or bitwise_xor bmm cauchy_ celu copysign cross div einsum exponential_ "
        "floor_divide fmod gcd geometric_ hardtanh histc hypot index_put lcm lerp logaddexp "
        "logaddexp2 matmul multinomial nextafter pow relu6 remainder trace true_divide",
        "the dtype is looked at before or after the shapes",
        told_first,
    ),
    of(
        "addbmm addmv bilinear floor_divide fmod remainder",
        "refused by dtype or by a zero, though there is nothing to compute",
        empty_refused,
    ),
    of(
        "bilinear rand_like randn_like where",
        "PyTorch takes no out= here; rushlight takes it, and refuses its dtype",
        no_out,
    ),
    of(
        "expand",
        "PyTorch names a dtype's type in two ways",
        lambda call, case, want, got: re.sub(r"CPU(\w+)Type", r"torch.\1Tensor", want) == got,
    ),
    of(
        "multinomial",
        "the entries below 0 are told with those that are infinite or nan",
        lambda call, case, want, got: "probability entry < 0" in want and "element < 0" in got,
    ),
]
