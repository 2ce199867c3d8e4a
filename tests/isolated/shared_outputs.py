"""A thousand outputs that share a million nodes: backward through all at once, then they are freed.

shared_outputs.py NODES OUTPUTS
"""

import gc
import sys
import time

from _module import resident_bytes, torch

nodes, outputs = int(sys.argv[1]), int(sys.argv[2])


def run():
    """Make and free the graph; return what the pass took, and the memory that was held."""
    x = torch.ones(1, requires_grad=True)
    y = x * 1.0
    before = resident_bytes()
    for _ in range(nodes):
        y = y * 1.0
    ends = [y * (i + 1) for i in range(outputs)]
    start = time.perf_counter()
    torch.autograd.backward(ends, retain_graph=True)
    once = time.perf_counter() - start
    assert x.grad.item() == outputs * (outputs + 1) / 2, x.grad
    (grad,) = torch.autograd.grad(ends[-1], x, retain_graph=True)
    assert grad.item() == outputs
    held = resident_bytes() - before
    # The outputs die one by one, the shared chain with the last.
    del y
    while ends:
        ends.pop()
    gc.collect()
    (x * 2).backward()
    return once, held


# Freed memory may stay with the process, but the next graph takes it.
once, held = run()
first = resident_bytes()
run()
run()
grown = resident_bytes() - first
assert grown < held / 4, (grown, held)
# All at once means each node once, not once for each output.
print("freed" if once < 60 else f"one pass took {once:.0f} s")
