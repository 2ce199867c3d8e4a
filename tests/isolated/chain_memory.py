"""Prints the bytes that one operation of a long chain of scalars holds: tensor, value and node."""

from _module import torch

COUNT = 50_000

y = torch.tensor(1.0, requires_grad=True)
before = torch.cpu.memory_stats()
for _ in range(COUNT):
    y = torch.tanh(y)  # saves its output, so the value is counted
after = torch.cpu.memory_stats()
assert after["allocated_bytes.all.current"] == before["allocated_bytes.all.current"]
print((after["object_slab_bytes"] - before["object_slab_bytes"]) / COUNT)
