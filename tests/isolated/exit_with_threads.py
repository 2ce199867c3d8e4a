"""The interpreter ends while daemon threads wait and compute in hooks, and graphs are alive."""

import threading
import time

from _module import torch

x = torch.ones(1000, requires_grad=True)
inside = threading.Barrier(5)
never = threading.Event()


def work():
    y = (x * 2).exp()
    y.register_hook(lambda g: (inside.wait(), never.wait(), None)[2])
    y.sum().backward()


def compute():
    """Never outside a hook: the thread is ended where C++ frames are below it."""

    def hook(g):
        while True:
            (x * 2).sum()

    y = (x * 2).exp()
    y.register_hook(hook)
    y.sum().backward()


class Cycle:
    def __init__(self):
        self.me, self.graph = self, (x * x).sum()

    def __del__(self):
        (self.graph * 2).item()


for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
    threading.Thread(target=compute, daemon=True).start()
inside.wait(60)
time.sleep(0.5)  # until each is in its second wait
kept_until_exit = [Cycle() for _ in range(3)]
rows = iter(x)
next(rows)
generator = (row * 2 for row in x)
next(generator)
print("ending")
