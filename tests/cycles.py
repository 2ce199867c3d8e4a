"""What the tests of cycles share."""

import gc

from support import torch


def vector(n=64):
    return torch.rand(n, requires_grad=True)


def memory_left_by(body, collect=False):
    """Bytes that are still allocated after ``body()``; the collector is off but for the end."""
    body()  # what is made once
    gc.collect()
    gc.freeze()  # what pytest holds need not be searched
    gc.disable()
    try:
        before = torch.cpu.memory_allocated()
        body()
        if collect:
            gc.collect()
        return torch.cpu.memory_allocated() - before
    finally:
        gc.enable()
        gc.unfreeze()
