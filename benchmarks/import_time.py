"""How long a fresh interpreter takes to import each library, beyond starting up."""

import subprocess
import sys
from time import perf_counter

import _harness

ROUNDS = 15


def process_seconds(program):
    start = perf_counter()
    subprocess.run([sys.executable, "-I", "-c", program], check=True)
    return perf_counter() - start


def rows(modules):
    programs = {"bare": "pass"} | {name: f"import {name}" for name, m in modules.items() if m}
    for program in programs.values():
        process_seconds(program)  # brings the files into the page cache
    taken = {name: [] for name in programs}
    for round_number in range(ROUNDS):
        order = list(programs) if round_number % 2 == 0 else list(programs)[::-1]
        for name in order:
            taken[name].append(process_seconds(programs[name]))
    beyond = {n: [t - b for t, b in zip(taken[n], taken["bare"])] for n in programs if n != "bare"}
    ours, theirs = beyond["rushlight"], beyond.get("torch")
    bare = _harness.number(_harness.Spread.of(taken["bare"]).median, "s")
    yield _harness.Row(
        "import",
        _harness.Spread.of(ours),
        _harness.Spread.of(theirs) if theirs else None,
        _harness.Spread.of([t / o for o, t in zip(ours, theirs)]) if theirs else None,
        budget=30e-3,
        note=f"beyond {bare} of the bare interpreter",
    )
