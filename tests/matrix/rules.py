"""The rules by which a case may differ from PyTorch's record: each tests both lines of a case."""

import functools
import math
import re
from collections.abc import Callable
from typing import NamedTuple

from . import exact
from .compare import EPSILON, differs
from .records import read
from .tables import OPERATORS
from .values import row_major


class Difference(NamedTuple):
    """A difference that is meant: why, and a test of an operator's case."""

    reason: str
    holds: Callable


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


def as_recorded(name, call, case, got, **changed):
    """The values are those that PyTorch has for the same call in another form or layout."""
    forms = [changed.pop("form")] if "form" in changed else ["function", "functional", "method"]
    for form in forms:
        other = case._replace(form=form, **changed)
        line = read(name).get((call.key(), str(other)))
        if line and not kind_of(line):
            values = without_layouts(line), without_layouts(got)
            return not differs(*values, OPERATORS[name], other)
    return False


def cast_of_recorded(name, call, case, got):
    """The parts are those of PyTorch's function in the dtype of out, float64 or int32."""
    line = read(name).get((call.key(), str(case._replace(form="function"))), "")
    have, want = exact.parts_of(got), exact.parts_of(line)
    if not want or len(have) != len(want):
        return False
    ulp = max(OPERATORS[name].ulp, 4)
    for (dtype, values), (plain, right) in zip(have, want):
        if len(values) != len(right) or not dtype == ("int32", "float64")["double" in case.form]:
            return False
        scale = max(map(abs, right), default=0.0) if OPERATORS[name].sums else 0.0
        for g, w in zip(values, right):
            close = abs(g - w) <= EPSILON.get(plain, 0.0) * ulp * max(abs(w), scale) + 1e-30
            if dtype == "int32":
                close = w != w or abs(w) >= 2**31 or abs(g - math.trunc(w)) <= (abs(w) > 2**24)
            if not close and not (g == w or (g != g and w != w)):
                return False
    return True


def refused_out(name, call, case, want, got):
    """One of both refuses; what rushlight gives is the plain result in out's dtype."""
    if case.form not in ("out_double", "out_int") or "TypeError" in (kind_of(want), kind_of(got)):
        return False
    if kind_of(got):
        return True
    return bool(kind_of(want)) and cast_of_recorded(name, call, case, got)


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
    """What rushlight gives is what PyTorch gives of the same by place."""
    refused = kind_of(want) == "TypeError" and not kind_of(got)
    if refused and OPERATORS[name].seeded and case.form == "out_double":
        return as_recorded(name, call, case, got, dtype="float64")  # drawn as such
    if refused and case.form in ("out_double", "out_int"):
        return cast_of_recorded(name, call, case, got)
    return (
        refused and case.form.startswith(("keywords", "out")) and as_recorded(name, call, case, got)
    )


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


def special_gradient(call, case, want, got):
    return case.kind == "special" and case.gradient


def always(call, case, want, got):
    return True


def right(names, reason, function, ulp, holds=always):
    """A difference where rushlight gives what ``function`` of exact.py computes, to some ulp."""

    def rule(name, call, case, want, got):
        if name not in names.split() or kind_of(got) or not holds(call, case, want, got):
            return False
        heads = [
            [part.split(" ")[:2] for part in without_layouts(line).split(" ; ")]
            for line in (want, got)
        ]
        alike = heads[0] == heads[1] or bool(kind_of(want))
        values = function(OPERATORS[name], call, case) if alike else []
        return alike and exact.is_exact(got, want, values, ulp, case)

    return Difference(reason, rule)


def elsewhere(names, reason, words, **changed):
    """PyTorch refuses with these words, and gives in another form or layout what rushlight does."""

    def rule(name, call, case, want, got):
        fits = name in names.split() and kind_of(want) and words in want and not kind_of(got)
        return bool(fits) and as_recorded(name, call, case, got, **changed)

    return Difference(reason, rule)


def nan_apart(call, case, want, got):
    """Numbers agree wherever both lines have one."""
    have, right = exact.parts_of(got), exact.parts_of(want)
    return len(have) == len(right) and all(
        dtype == other
        and len(values) == len(wanted)
        and all(g != g or w != w or exact.near(dtype, g, w, 64) for g, w in zip(values, wanted))
        for (dtype, values), (other, wanted) in zip(have, right)
    )


def zero_for_nan(call, case, want, got):
    """Where the record is nan the line has 0."""
    lines = zip(exact.parts_of(got), exact.parts_of(want), strict=True)
    return all(
        g == 0 or w == w
        for (_, values), (_, wanted) in lines
        for g, w in zip(values, wanted, strict=True)
    )


def without_layouts(line):
    """A line without strides and storage offsets."""
    parts = [part.split(" ") for part in line.split(" ; ")]
    for words in parts:
        words[1:2] = [re.split("[@+]", word)[0] for word in words[1:2]]
    return " ; ".join(" ".join(words) for words in parts)


def layout(names, reason, holds=always):
    """The values agree, and what differs is the layout; ``names`` may be empty for all."""

    def rule(name, call, case, want, got):
        known = not names or name in names.split()
        if not known or kind_of(got) or not holds(call, case, want, got):
            return False
        plain = without_layouts(want), without_layouts(got)
        return want != got and differs(*plain, OPERATORS[name], case) is None

    return Difference(reason, rule)


def gradient(call, case, want, got):
    return case.gradient


def one_element(call, case, want, got):
    """The strides differ in dimensions of one element alone."""

    def layouts(line):
        for part in line.split(" ; "):
            shape = re.fullmatch(
                r"([\dx]+|\(\))(?:@([\d,]+))?(\+\d+)?", (part + "  ").split(" ")[1]
            )
            if shape and shape[1] != "()":
                sizes = [int(s) for s in shape[1].split("x")]
                strides = [int(s) for s in shape[2].split(",")] if shape[2] else row_major(sizes)
                yield [s for n, s in zip(sizes, strides) if n != 1], shape[3]

    return list(layouts(want)) == list(layouts(got))


def as_float32(call, case, want, got):
    """The lines agree to the digits of float32."""
    return case.dtype == "float64" and differs(want, got, Loose(), case) is None


DTYPE = re.compile(
    "not implemented for|can't be cast|expected scalar type|dtypes? must be|dtypes match|"
    "Bool inputs|does not match dtype|same dtype|floating-point dtypes|ZeroDivisionError"
)


def told_first(names, reason):
    """Both raise, one of them of a dtype or a zero. PyTorch has rushlight's words too: of this call
    with other tensors, or of these tensors in another call.
    """

    def rule(name, call, case, want, got):
        if name not in names.split() or not both_raise(want, got):
            return False
        said = said_of(name).get(skeleton(got), ())
        known = call.key() in said or str(case) in said
        return known and bool(DTYPE.search(want) or DTYPE.search(got))

    return Difference(reason, rule)


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


class SixteenBits:
    """An operator whose float32 results come from bfloat16."""

    ulp, sums = 2.0**16, True
