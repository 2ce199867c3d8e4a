"""Ctrl-C: a long backward stops between nodes, and the next one works; a long sum stops."""

import signal
import time

from _module import torch

LENGTH = 500_000


def chain():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(LENGTH):
        y = y * 1.0
    return x, y


x, y = chain()
start = time.perf_counter()
y.backward()
whole = time.perf_counter() - start
assert x.grad.item() == 1.0

# A timer's signal arrives inside backward, where no Python code runs.
signal.signal(signal.SIGALRM, signal.default_int_handler)
for _ in range(3):
    x, y = chain()
    try:
        signal.setitimer(signal.ITIMER_REAL, whole / 10)
        y.backward()
        raise SystemExit("backward was not interrupted")
    except KeyboardInterrupt:
        pass
    assert x.grad is None and torch.is_grad_enabled()
    z = x * 2
    z.backward()
    assert x.grad.item() == 2.0

# A sum of so many terms takes a minute.
x = torch.tensor(2.0)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    start = time.perf_counter()
    x.mvlgamma(2**31)
    raise SystemExit("mvlgamma was not interrupted")
except KeyboardInterrupt:
    assert time.perf_counter() - start < 10
assert x.item() == 2.0

# The signal arrives while a hook runs: it is the hook that raises.
x, y = chain()
y.register_hook(lambda g: signal.raise_signal(signal.SIGINT))
try:
    y.backward()
except KeyboardInterrupt:
    print("interrupted")
