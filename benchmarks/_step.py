"""A whole program as a case: built once for each library, compared with the other, then timed.

A program is a function ``build(torch)`` that draws its data from the seed (both libraries draw the
same numbers) and returns ``(step, results)``: ``step()`` does the work once, ``results()`` lists
the tensors that have come of it. On one thread its CPU time is taken, so that other programs on the
machine do not decide; on several, the time that passes.
"""

import importlib
from dataclasses import replace
from itertools import repeat
from time import perf_counter, process_time, thread_time

import _harness
import _jitted

STEPS_BEFORE_COMPARING = 3
# Both libraries round in float32, in another order: what a few steps make of that.
RELATIVE_ERROR = 2e-4


def submodules(torch, *names):
    """Modules of the package that it may import only when they are used."""
    return (importlib.import_module(f"{torch.__name__}.{name}") for name in names)


def _flat(tensors):
    return [t.detach().double().reshape(-1) for t in tensors]


def _check(case, ours, theirs):
    """Raise unless each tensor agrees, measured by its largest element."""
    for number, (a, b) in enumerate(zip(_flat(ours), _flat(theirs), strict=True)):
        a, b = a.tolist(), b.tolist()
        largest = max(map(abs, b), default=0)
        apart = max((abs(p - q) for p, q in zip(a, b, strict=True)), default=0)
        if not apart <= RELATIVE_ERROR * largest:
            raise AssertionError(f"{case}: result {number} is {apart} off where it is {largest}")


def row(case, program, modules, *arguments, goal, rounds=_harness.ROUNDS):
    """A Row of one program; ``goal`` is the ratio to PyTorch that it should reach.

    program: the function ``build``, or one that makes it of ``arguments``. Where JAX is installed,
        the function of the same name in _jitted_programs.py is timed, too.
    """
    ours = modules["rushlight"]
    one_thread = ours.get_num_threads() == 1
    jax = _jitted.load(one_thread)
    programs = {}
    for library in filter(None, (*modules.values(), jax)):
        torch = ours if library is jax else library
        build = getattr(jax, program.__name__) if library is jax else program
        torch.manual_seed(42)
        programs[library] = (build(*arguments) if arguments else build)(torch)
        for _ in range(STEPS_BEFORE_COMPARING):
            programs[library][0]()
    expected, *others = (results() for _, results in programs.values())
    for other in others:
        _check(case, expected, other)

    def run(library, count):
        step = programs[library][0]
        # JAX computes on a thread of its own, and nothing else runs meanwhile.
        clock = (process_time if library is jax else thread_time) if one_thread else perf_counter
        start = clock()
        for _ in repeat(None, count):
            step()
        return clock() - start

    measured = _harness.compare(case, run, {**modules, "jax.jit": jax}, rounds=rounds)
    reached = measured.ratio is None or measured.ratio.median >= goal
    return replace(measured, note=f"goal {goal}x" + ("" if reached else ", missed"))
