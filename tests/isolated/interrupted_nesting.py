"""Ctrl-C while the innermost of many nested passes runs on a thread of its own."""

import os
import signal
import threading
import time

from _module import torch


class Nested(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            ctx.next = x.detach().requires_grad_(True) - 1
        return ctx.next.detach()

    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad():
            if ctx.next > 0:
                Nested.apply(ctx.next).sum().backward()
            else:
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
                end = time.monotonic() + 60
                while time.monotonic() < end:
                    y = ctx.next
                    for _ in range(1000):
                        y = y * 1
                    y.backward()
        return g


try:
    Nested.apply(torch.tensor(100.0, requires_grad=True)).sum().backward()
except KeyboardInterrupt:
    x = torch.ones(1, requires_grad=True)
    (x * 3).backward()
    assert x.grad.item() == 3
    print("interrupted")
