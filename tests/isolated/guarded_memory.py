"""RUSHLIGHT_ALLOC=debug: writes over a guard, which ends the process, or computes as ever."""

import ctypes
import math
import os
import sys

os.environ["RUSHLIGHT_ALLOC"] = "debug"

from _module import torch

t = torch.ones(100)
what = sys.argv[1]
if what == "behind":
    ctypes.memset(t.data_ptr() + 400, 7, 1)
    del t
elif what == "before":
    ctypes.memset(t.data_ptr() - 1, 7, 1)
    del t
else:
    fresh = torch.empty(100)
    assert all(math.isnan(value) for value in fresh.tolist())
    print("nan", torch.empty(100, dtype=torch.int64)[50].item())
    stats = torch.cpu.memory_stats()
    print(stats["reserved_bytes.all.current"] - stats["allocated_bytes.all.current"])
    x = torch.rand(300, 300, requires_grad=True)
    y = torch.cat([(x @ x).softmax(1), x.t().sort(0)[0].cumsum(1)]).std()
    y.backward()
    grown = torch.zeros(10).resize_(1000)
    torch.cpu.empty_cache()
    assert bool(torch.isfinite(x.grad).all()) and grown[:10].sum().item() == 0.0
    del x, y, fresh, grown
    print("fine")
