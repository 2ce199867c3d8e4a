"""How long an operation takes at worst while another program keeps every processor busy.

Both libraries use as many threads as there are processors. The note gives the 99th percentile as a
multiple of the median; an operation on one thread is interrupted as well, so the kernel's own share
is in the first rows.
"""

import contextlib
import os
import subprocess
import sys
from time import perf_counter

import _harness

CALLS = 600
CASES = {
    "exp of 10^4": lambda torch: (torch.exp, torch.linspace(-3, 3, 10**4)),
    "exp of 10^5": lambda torch: (torch.exp, torch.linspace(-3, 3, 10**5)),
    "sum of 10^6": lambda torch: (torch.sum, torch.linspace(-3, 3, 10**6)),
    "product of 256 x 256": lambda torch: (lambda a: a @ a, torch.ones(256, 256)),
}


@contextlib.contextmanager
def busy_processors():
    """A process on each processor that computes without end."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in os.sched_getaffinity(0)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def durations(function, x):
    for _ in range(20):
        function(x)
    taken = []
    for _ in range(CALLS):
        start = perf_counter()
        function(x)
        taken.append(perf_counter() - start)
    return taken


def rows(modules):
    threads = {m: m.get_num_threads() for m in modules.values() if m}
    for module in threads:
        module.set_num_threads(len(os.sched_getaffinity(0)))
    try:
        with busy_processors():
            for title, make in CASES.items():
                yield row(title, make, modules)
    finally:
        for module, count in threads.items():
            module.set_num_threads(count)


def row(title, make, modules):
    taken = {name: durations(*make(m)) for name, m in modules.items() if m}
    spread = {name: _harness.Spread.of(times) for name, times in taken.items()}
    tail = {n: _harness.quantile(times, 0.99) / spread[n].median for n, times in taken.items()}
    note = f"99th percentile {tail['rushlight']:.1f}x"
    ratio = None
    if "torch" in taken:
        note += f", PyTorch {tail['torch']:.1f}x"
        middle = spread["torch"].median / spread["rushlight"].median
        ratio = _harness.Spread(middle, middle, middle)
    return _harness.Row(
        f"busy machine: {title}", spread["rushlight"], spread.get("torch"), ratio, note=note
    )
