"""Print the bits of every elementwise op, sums, products and random numbers on this kernel set."""

import hashlib
import random

from _module import torch


def bits(t):
    return hashlib.sha256(memoryview(t.detach()).tobytes()).hexdigest()[:16]


def spread(n, low, high, dtype, seed):
    generator = random.Random(seed)
    values = [generator.uniform(low, high) for _ in range(n)]
    return torch.tensor(values, dtype=dtype)


print("set", torch._C._build_info()["kernel_set"])
for dtype in (torch.float32, torch.float64):
    a, b = (spread(1003, 0.01, 5.0, dtype, seed).requires_grad_() for seed in (1, 2))
    signed = spread(1003, -9.0, 9.0, dtype, 3).requires_grad_()
    outputs = {
        "add": a + b,
        "sub": a - 2 * b,
        "mul": a * signed,
        "div": signed / b,
        "pow": a**b,
        "pow 2.5": a**2.5,
        "2 pow": 2.0**signed,
        "exp": signed.exp(),
        "log": a.log(),
        "sqrt": a.sqrt(),
        "tanh": signed.tanh(),
        "sigmoid": signed.sigmoid(),
        "relu": signed.relu(),
        "abs": signed.abs(),
        "sum": signed.sum(),
        "mean 0": signed.reshape(17, 59).mean(0),
        "mm": signed.reshape(17, 59) @ a.reshape(59, 17),
    }
    for name, y in outputs.items():
        leaves = (a, b, signed)
        found = torch.autograd.grad(
            y, leaves, torch.ones_like(y) * 0.3, allow_unused=True, retain_graph=True
        )
        print(dtype, name, bits(y), *("-" if g is None else bits(g) for g in found))
    torch.manual_seed(42)
    for name, t in {
        "rand": torch.rand(1000, dtype=dtype),
        "randn": torch.randn(1000, dtype=dtype),
        "randn 7": torch.randn(7, dtype=dtype),
        "uniform_": torch.empty(33, dtype=dtype).uniform_(-3, 2),
        "normal_": torch.empty(5, 7, dtype=dtype).t().normal_(1, 2),
    }.items():
        print(dtype, name, bits(t))
