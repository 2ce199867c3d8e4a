"""Memory: getting, touching and freeing a tensor, the growth of resident memory over many training
steps, what one recorded scalar op holds, and what a step of a small network takes at its peak.
"""

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

# Two temporaries of 8 MB live at the same time in the forward pass, and two in the backward pass.
PEAK = """
def highest():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
x, y = torch.randn(2048, 64), torch.randn(2048, 1)
a = torch.randn(64, 1024, requires_grad=True)
b = torch.randn(1024, 1, requires_grad=True)
(torch.rand(200, 200) @ torch.rand(200, 200)).sum()  # loads BLAS
before = resident()
for _ in range(int(sys.argv[1])):
    ((torch.relu(x @ a) @ b - y) ** 2).mean().backward()
    a.grad = b.grad = None
print(highest() - before)
"""

TOUCHED = (64 << 10, 1 << 20, 4 << 20, 40 << 20)


def figure(module, program, argument):
    source = RESIDENT.format(module=module) + program
    value = float(_harness.in_fresh_process(source, argument))
    return _harness.Spread(value, value, value)


def ratio_of(figures):
    if "torch" not in figures:
        return None
    ratio = figures["torch"].median / figures["rushlight"].median
    return _harness.Spread(ratio, ratio, ratio)


def rows(modules):
    for size in TOUCHED:
        run = _harness.statement_loop(f"torch.empty({size // 4}).fill_(1.0)")
        yield _harness.compare(f"allocate, fill and free {size >> 10:,} KiB", run, modules)
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
    yield _harness.Row(
        f"memory of one tanh in a chain of {CHAIN:,}",
        per_op["rushlight"],
        per_op.get("torch"),
        ratio_of(per_op),
        unit="B",
        budget=300,
    )
    peak = {name: figure(name, PEAK, 20) for name in there}
    yield _harness.Row(
        "peak of a step with 8 MiB activations",
        peak["rushlight"],
        peak.get("torch"),
        ratio_of(peak),
        unit="B",
    )
