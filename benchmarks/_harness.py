"""What the benchmarks share: alternating measurement, the spread, and the table.

A case is a function ``run(torch, count)`` that does something ``count`` times with the module it is
given and returns the seconds that took, set-up left out. Both libraries are loaded in one process
and take turns, so a machine that slows down slows both; each figure is a median with the tenth and
the ninetieth percentile beside it. The garbage collector stays on, as it does for users.
"""

import gc
import itertools
import os
import platform
import statistics
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 15
BATCH_SECONDS = 0.02


def quantile(values, q):
    """Linear interpolation between the order statistics."""
    values = sorted(values)
    place = q * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


@dataclass(frozen=True)
class Spread:
    """The median of some measurements with their tenth and ninetieth percentile."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values):
        return cls(statistics.median(values), quantile(values, 0.1), quantile(values, 0.9))


@dataclass(frozen=True)
class Row:
    """One line of the table; ``theirs`` and ``ratio`` are None where nothing compares.

    ``jitted`` is how many times as long the same takes as one function compiled by ``jax.jit``.
    """

    case: str
    ours: Spread | None
    theirs: Spread | None = None
    ratio: Spread | None = None
    jitted: Spread | None = None
    unit: str = "s"
    budget: float | None = None
    note: str = ""


def count_for(run, torch, seconds=BATCH_SECONDS):
    """How often to repeat so that one batch takes at least ``seconds``; warms the case up."""
    count = 1
    while (elapsed := run(torch, count)) < seconds:
        count = max(count + 1, int(count * min(10, 1.2 * seconds / max(elapsed, 1e-9))))
    return count


def measure(runs, *, rounds=ROUNDS, overhead=0.0):
    """Seconds per call of each ``{label: (run, torch)}``, in turns: {label: [one per round]}.

    Every second round goes backwards, so that no label always runs after the same other.
    ``overhead`` is the cost of the empty loop, subtracted from each call.
    """
    counts = {label: count_for(*pair) for label, pair in runs.items()}
    taken = {label: [] for label in runs}
    for round_number in range(rounds):
        order = list(runs) if round_number % 2 == 0 else list(runs)[::-1]
        for label in order:
            run, torch = runs[label]
            gc.collect()
            taken[label].append(run(torch, counts[label]) / counts[label] - overhead)
    return taken


def compare(case, run, modules, *, rounds=ROUNDS, overhead=0.0, budget=None, note=""):
    """A Row: the same ``run`` on each of ``modules`` that is not None."""
    runs = {name: (run, module) for name, module in modules.items() if module}
    taken = measure(runs, rounds=rounds, overhead=overhead)
    ours, theirs, jitted = taken["rushlight"], taken.get("torch"), taken.get("jax.jit")

    def by_ours(other):
        return Spread.of([t / o for o, t in zip(ours, other)]) if other else None

    return Row(
        case,
        Spread.of(ours),
        Spread.of(theirs) if theirs else None,
        by_ours(theirs),
        by_ours(jitted),
        budget=budget,
        note=note,
    )


def statement_loop(statement, setup="pass"):
    """A case that repeats one statement; what ``setup`` makes are local variables beside it."""
    source = (
        "def run(torch, count):\n"
        + textwrap.indent(textwrap.dedent(setup).strip(), "    ")
        + "\n    start = perf_counter()\n    for _ in repeat(None, count):\n"
        + textwrap.indent(textwrap.dedent(statement).strip(), "        ")
        + "\n    return perf_counter() - start\n"
    )
    names = {"perf_counter": perf_counter, "repeat": itertools.repeat}
    exec(compile(source, f"<benchmark {statement!r}>", "exec"), names)
    return names["run"]


def check_agreement(expression, setup, modules, rtol=1e-5, atol=1e-6):
    """Raises ValueError where the libraries' results differ by more than rounding."""
    found = {}
    for name, torch in modules.items():
        if torch:
            names = {"torch": torch}
            exec(setup, names)
            found[name] = eval(expression, names).contiguous()
    if len(found) < 2:
        return
    torch, theirs = modules["torch"], found["torch"]
    ours = torch.frombuffer(found["rushlight"].reshape(-1), dtype=theirs.dtype)
    same = list(found["rushlight"].shape) == list(theirs.shape)
    if not same or not torch.allclose(ours.reshape(theirs.shape), theirs, rtol, atol, True):
        raise ValueError(f"{expression} differs between rushlight and PyTorch")


def geometric_mean(case, rows, note=""):
    """A Row of the geometric mean of the ratios; none where nothing was compared."""
    ratios = [row.ratio.median for row in rows if row.ratio]
    if ratios:
        mean, low, high = statistics.geometric_mean(ratios), min(ratios), max(ratios)
        yield Row(case, None, ratio=Spread(mean, low, high), note=note)


def empty_loop_seconds():
    """What one turn of the measuring loop itself costs."""
    return min(measure({"pass": (statement_loop("pass"), None)}, rounds=7)["pass"])


def load_modules(with_torch=True):
    """{"rushlight": module, "torch": module or None}."""
    import rushlight

    try:
        import torch
    except ImportError:
        torch = None
    return {"rushlight": rushlight, "torch": torch if with_torch else None}


def in_fresh_process(source, *arguments, timeout=1800):
    """What a Python program prints, run by itself and without the repository on its path."""
    result = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(source), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout


# --- the table -----------------------------------------------------------------------------------


def number(value, unit):
    """1.5e-6, "s" -> "1.50 us"; three significant digits."""
    if unit == "s":
        scales = ((1, "s"), (1e-3, "ms"), (1e-6, "us"), (0, "ns"))
        scale, name = next(pair for pair in scales if abs(value) >= pair[0])
        value /= scale or 1e-9
    elif unit == "B":
        scales = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (0, "B"))
        scale, name = next(pair for pair in scales if abs(value) >= pair[0])
        value /= scale or 1
    else:
        name = unit
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f} {name}"


def spread_text(spread, unit):
    if spread is None:
        return "-"
    median = number(spread.median, unit)
    if spread.p10 == spread.p90:
        return median
    low, high = number(spread.p10, unit), number(spread.p90, unit)
    if {low.split()[1], high.split()[1]} == {median.split()[1]}:
        low, high = low.split()[0], high.split()[0]
    return f"{median} ({low}-{high})"


def ratio_text(ratio):
    return "-" if ratio is None else f"{ratio.median:.1f}x ({ratio.p10:.1f}-{ratio.p90:.1f})"


@dataclass
class Table:
    """Prints rows as they come and keeps them."""

    rows: list = field(default_factory=list)
    columns = (("case", 50), ("rushlight", 26), ("PyTorch", 26), ("ratio", 22), ("budget", 10))

    def head(self):
        print("".join(name.ljust(width) for name, width in self.columns).rstrip())
        print("".join(("-" * (width - 2)).ljust(width) for _, width in self.columns).rstrip())

    def add(self, row):
        self.rows.append(row)
        cells = (
            row.case,
            spread_text(row.ours, row.unit),
            spread_text(row.theirs, row.unit),
            ratio_text(row.ratio),
            "" if row.budget is None else number(row.budget, row.unit),
        )
        line = "".join(cell.ljust(width) for cell, (_, width) in zip(cells, self.columns))
        note = row.note + (f"; jax.jit takes {ratio_text(row.jitted)}" if row.jitted else "")
        print(f"{line}{note}".rstrip(), flush=True)


def output_of(*command):
    try:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        return ""


def cpu_name():
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def circumstances(modules):
    """The lines above the table: commit, machine, versions, threads, rushlight's BLAS."""
    commit = output_of("git", "rev-parse", "--short", "HEAD") or "unknown"
    changed = " with changes" if output_of("git", "status", "--porcelain") else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield f"commit    {commit}{changed}"
    python = f"Python {platform.python_version()}"
    yield f"machine   {cpu_name()}, {cores} cores, {platform.system()}, {python}"
    for name, module in modules.items():
        if module:
            threads = module.get_num_threads()
            yield f"{name:<10}{module.__version__}, {threads} thread{'s' if threads > 1 else ''}"
    blas = modules["rushlight"]._C._blas_info()
    yield f"BLAS      {blas['config'] or blas['library']}"
    set_here = [v for v in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if v in os.environ]
    if set_here:
        yield f"warning   {', '.join(set_here)} set: matrix products may run on a slower kernel"
    yield "figures   median (tenth-ninetieth percentile); ratio: PyTorch's by rushlight's"
