"""Check by disassembly that each x86-64 kernel set uses its own registers, and none beyond them.

``python tools/check_kernel_sets.py OBJECT...``: objects of isa_v2_*, isa_v3_* and isa_v4_*. All are
made of one source; what tells them apart is how wide their loops are.
"""

import re
import subprocess
import sys
from collections import defaultdict

REGISTERS = ("xmm", "ymm", "zmm")
WIDEST = {"v2": "xmm", "v3": "ymm", "v4": "zmm"}
FUSED = re.compile(r"\bvfn?m(add|sub)")


def used(object_file):
    """The vector registers that an object's instructions name, and "fma" where one fuses."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", object_file],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {name for name in REGISTERS if f"%{name}" in listing}
    return found | ({"fma"} if FUSED.search(listing) else set())


def problems(objects):
    """What is wrong, a line each."""
    by_set = defaultdict(list)
    for name in objects:
        by_set[re.search(r"isa_(v[234])_", name)[1]].append((name, used(name)))
    for kernel_set, widest in WIDEST.items():
        beyond = set(REGISTERS[REGISTERS.index(widest) + 1 :]) | (
            {"fma"} if widest == "xmm" else set()
        )
        for name, registers in by_set[kernel_set]:
            if registers & beyond:
                yield f"{name}: {kernel_set} has no {', '.join(sorted(registers & beyond))}"
        wide = sum(widest in registers for _, registers in by_set[kernel_set])
        if 2 * wide < len(by_set[kernel_set]) or not by_set[kernel_set]:
            yield f"{kernel_set}: {wide} of {len(by_set[kernel_set])} objects use {widest}"


def main():
    found = list(problems(sys.argv[1:]))
    print("\n".join(found) or f"{len(sys.argv) - 1} objects, each as wide as its set")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
