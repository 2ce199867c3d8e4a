"""Print the bits of every elementwise op, sums, products and random numbers on this kernel set."""

import hashlib
import random

from _module import torch


def bits(t):
    t = t.view(torch.int16) if t.dtype == torch.bfloat16 else t
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

DTYPES = (
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
)


def patterns(dtype):
    """Every 16-bit pattern, random wider ones, and numbers that most types hold."""
    if dtype in (torch.bool, torch.uint8, torch.int8):
        return torch.arange(256).to(dtype)
    if dtype in (torch.int16, torch.float16, torch.bfloat16):
        return torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    wide = torch.int64 if dtype in (torch.int64, torch.float64) else torch.int32
    limits = torch.iinfo(wide)
    raw = torch.randint(limits.min, limits.max, (5003,), dtype=torch.int64).to(wide).view(dtype)
    edges = [2.0**k + d for k in (0, 7, 8, 15, 16, 31, 32, 52, 62) for d in (-1, -0.5, 0, 1)]
    near = torch.tensor([s * x for x in edges for s in (1, -1)], dtype=torch.float64).to(dtype)
    return torch.cat([raw, near, spread(2000, -70000, 70000, torch.float64, 4).to(dtype)])


torch.manual_seed(7)
for source in DTYPES:
    x = patterns(source)
    for target in DTYPES:
        print(source, target, bits(x.to(target)), bits(x[::3].to(target)))
