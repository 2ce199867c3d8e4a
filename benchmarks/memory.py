"""Resident memory: its growth over many training steps, and what one recorded scalar op holds."""

import os

import _harness

STEPS = {"rushlight": 1_000_000, "torch": 100_000}
CHAIN = 300_000

RESIDENT = """
import os, sys
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
import {module} as torch
"""

GROWTH = """
x = torch.randn(100, 1)
y = 1 + 2 * x
b = torch.randn(1, requires_grad=True)
w = torch.randn(1, requires_grad=True)
def train(steps):
    global b, w
    for _ in range(steps):
        loss = ((y - (b + w * x)) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            b -= 0.1 * b.grad
            w -= 0.1 * w.grad
        b.grad.zero_(), w.grad.zero_()
steps = int(sys.argv[1])
train(steps // 100)
before = resident()
train(steps)
print(100 * (resident() - before) / before)
"""

PER_OP = """
count = int(sys.argv[1])
def chain(length):
    y = torch.tensor(1.0, requires_grad=True)
    for _ in range(length):
        y = torch.tanh(y)  # saves its output, so the value is counted
    return y
kept = chain(100)
kept.backward()
before = resident()
kept = chain(count)
print((resident() - before) / count)
"""


def figure(module, program, argument):
    source = RESIDENT.format(module=module) + program
    value = float(_harness.in_fresh_process(source, argument))
    return _harness.Spread(value, value, value)


def rows(modules):
    if not os.path.exists("/proc/self/statm"):
        return
    there = [name for name, module in modules.items() if module]
    growth = {name: figure(name, GROWTH, STEPS[name]) for name in there}
    yield _harness.Row(
        f"memory growth over {STEPS['rushlight']:,} training steps",
        growth["rushlight"],
        growth.get("torch"),
        unit="%",
        budget=1.0,
        note=f"PyTorch: over {STEPS['torch']:,}" if "torch" in there else "",
    )
    per_op = {name: figure(name, PER_OP, CHAIN) for name in there}
    ratio = per_op["torch"].median / per_op["rushlight"].median if "torch" in there else None
    yield _harness.Row(
        f"memory of one tanh in a chain of {CHAIN:,}",
        per_op["rushlight"],
        per_op.get("torch"),
        _harness.Spread(ratio, ratio, ratio) if ratio else None,
        unit="B",
        budget=300,
    )
