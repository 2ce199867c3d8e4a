"""Importing loads no NumPy, and none of the modules that only rare uses need."""

import sys

before = set(sys.modules)
from _module import torch  # noqa: E402

torch.ones(2).sum().item()
new = set(sys.modules) - before
heavy = {"numpy", "asyncio", "inspect", "re", "dataclasses", "typing", "unittest", "json"}
print("loaded:", *sorted(heavy & new))
repr(torch.ones(2))
print("after repr:", *sorted(heavy & (set(sys.modules) - before)))
