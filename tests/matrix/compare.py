"""Whether two lines of observation say the same, within what a dtype can hold."""

import math

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
# bfloat16: PyTorch's vectors give 0 for what is not normal.
TINY = {"float64": 1e-307, "float32": 2e-45, "float16": 1.3e-7, "bfloat16": 1.2e-38}


def differs(want, got, operator, case):
    """Return None, or in a few words how the observation differs from the record."""
    if want == got:
        return None
    looseness = 4.0 if case.gradient else 1.0
    if case.form == "out_double" and case.dtype in EPSILON:
        # Whether the result is computed in the operand's dtype or in that of out is a kernel's way.
        looseness = EPSILON[case.dtype] / EPSILON["float64"]
    elif case.form == "out_double":
        looseness = EPSILON["float32"] / EPSILON["float64"]
    want_parts, got_parts = want.split(" ; "), got.split(" ; ")
    if len(want_parts) != len(got_parts):
        return f"{short(got)}, recorded {short(want)}"
    for w, g in zip(want_parts, got_parts):
        if w != g:
            difference = part_differs(w, g, operator, looseness)
            if difference:
                return difference
    return None


def short(text):
    return text if len(text) < 160 else text[:160] + "..."


def part_differs(want, got, operator, looseness):
    w, g = want.split(" "), got.split(" ")
    if w[0] not in EPSILON and w[0] != "float" or w[:2] != g[:2] or len(w) != len(g):
        return f"{short(got)}, recorded {short(want)}"
    dtype = "float32" if w[0] == "float" else w[0]
    skip = 3 if w[2:3] == ["sum"] else 2
    wanted, given = [float(v) for v in w[skip:] if v], [float(v) for v in g[skip:] if v]
    ulps = operator.ulp if dtype in ("float32", "float64") else max(operator.ulp / 4, 1.01)
    relative = EPSILON[dtype] * ulps * looseness
    if dtype == "float64":
        relative = max(relative, 1e-13)  # the record's digits
    scale = 0.0
    if operator.sums or skip == 3:
        scale = max((abs(v) for v in wanted if math.isfinite(v)), default=0.0) + 1.0
    for i, (a, b) in enumerate(zip(wanted, given, strict=True)):
        if a == b or (a != a and b != b):
            continue
        if not abs(a - b) <= relative * max(abs(a), scale) + TINY[dtype]:
            return f"element {i} is {b!r}, recorded {a!r}: {short(got)}"
    return None
