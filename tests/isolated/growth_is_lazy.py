"""A training loop that keeps nothing loads no part of rushlight.debug."""

import sys

import rushlight as torch

w = torch.ones(3, requires_grad=True)
for _ in range(500):
    (w * 2).sum().backward()
print("loaded" if "rushlight.debug" in sys.modules else "not loaded")
