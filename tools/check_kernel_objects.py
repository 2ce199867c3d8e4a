"""Check that kernel-set objects share nothing: no weak symbol, no calls but into libm.

``python tools/check_kernel_objects.py OBJECT...``: a weak symbol would let the linker keep one
set's code for all of them, which then fails on processors without its instructions.
"""

import re
import subprocess
import sys

# What the compiler may call by itself, and the scalar functions of libm.
ALLOWED = re.compile(
    r"(mem(cpy|set|move|cmp)|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__asan_\w+|__ubsan_\w+"
    r"|(fma|fmod|floor|trunc|ceil|rint|pow|exp|exp2|expm1|log|log2|log1p|sin|cos|sincos|tan|tanh|sqrt)f?)$"
)


def problems(object_file):
    """Lines that name a weak or an unexpected undefined symbol of the object."""
    listing = subprocess.run(
        ["nm", "-C", object_file], capture_output=True, text=True, check=True
    ).stdout
    for line in listing.splitlines():
        kind, _, name = line[17:].partition(" ")
        if kind in ("W", "V", "u"):
            yield f"{object_file}: weak symbol {name}"
        elif kind == "U" and not ALLOWED.match(name):
            yield f"{object_file}: calls {name}"


def main():
    objects = sys.argv[1:]
    if not objects:
        sys.exit("no objects given")
    found = [problem for name in objects for problem in problems(name)]
    print("\n".join(found) or f"{len(objects)} objects share nothing")
    print(f"{len(objects) - len({p.split(':')[0] for p in found})} passed, {len(found)} failed")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
