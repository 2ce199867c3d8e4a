"""Signals at odd moments of many backward passes: nothing is lost, nothing is counted twice."""

import random
import signal
import time

from _module import torch

random.seed(1)
signal.signal(signal.SIGALRM, signal.default_int_handler)
w = torch.zeros(1000, requires_grad=True)
interrupted = whole = 0
end = time.perf_counter() + 3
while time.perf_counter() < end:
    y = w
    for i in range(300):
        y = y * 1.0
        if i % 50 == 0:
            y.register_hook(lambda g: g * 1)
    w.grad = None
    loss = y.sum()
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-3))
        loss.backward()
        signal.setitimer(signal.ITIMER_REAL, 0)
        whole += 1
        assert w.grad is not None
    except KeyboardInterrupt:
        interrupted += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    # All or nothing.
    assert w.grad is None or (w.grad == 1.0).sum().item() == 1000
    assert torch.is_grad_enabled()
assert interrupted and whole, (interrupted, whole)
print("whole")
