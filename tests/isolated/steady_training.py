"""Trains until nothing new is needed, then prints what further steps ask of the system: blocks of
memory, slabs of graph objects, page faults. The temporaries have from 4 KB to 8 MB.
"""

import resource
import sys

from _module import torch

torch.manual_seed(0)


def layers():
    x, y = torch.randn(2048, 50), torch.randn(2048, 1)  # 400 KB and 8 KB
    nn = torch.nn
    model = nn.Sequential(nn.Linear(50, 1024), nn.ReLU(), nn.Linear(1024, 1))  # 8 MB
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        nn.MSELoss()(model(x), y).backward()
        optimizer.step()

    return step


def regression():
    x = torch.randn(100, 1)
    y = 1 + 2 * x
    b = torch.randn(1, requires_grad=True)
    w = torch.randn(1, requires_grad=True)

    def step():
        error = y - (b + w * x)
        (error**2).mean().backward()
        with torch.no_grad():
            for p in (b, w):
                p -= 0.1 * p.grad
        b.grad.zero_(), w.grad.zero_()

    return step


def recurrent():
    words = torch.randn(20, 64, 16)
    w_in = torch.randn(16, 128, requires_grad=True)
    w = (torch.randn(128, 128) * 0.05).requires_grad_()
    b = torch.zeros(128, requires_grad=True)

    def step():
        h, states = torch.zeros(64, 128), []
        for word in words:
            h = torch.tanh(word @ w_in + h @ w + b)
            states.append(h)
        (torch.stack(states) ** 2).mean().backward()
        with torch.no_grad():
            for p in (w_in, w, b):
                p -= 0.01 * p.grad
                p.grad = None

    return step


step = {"layers": layers, "regression": regression, "recurrent": recurrent}[sys.argv[1]]()


def asked_for():
    stats = torch.cpu.memory_stats()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return stats["num_device_alloc"], stats["object_slabs"], faults


for _ in range(5):
    step()
before = asked_for()
for _ in range(10):
    step()
print(*(now - then for now, then in zip(asked_for(), before)))
