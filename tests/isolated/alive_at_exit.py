"""Graphs, hooks, tagged gradients and cycles that are alive when the interpreter ends."""

import atexit
import sys

from _module import torch


class Tagged(torch.Tensor):
    pass


x = torch.ones(3, requires_grad=True)
p = torch.ones(3).as_subclass(Tagged).requires_grad_()
y = (x * p).sum()
y.register_hook(lambda g: g * 2)
y.backward(retain_graph=True)
x.grad.tag = x
p.grad.graph = y
x.me = x
sys.kept = [x, y, p, y.grad_fn, x.grad]
torch.kept = y
context = torch.no_grad()
context.__enter__()


class Late:
    """Its finalizer runs when modules are already being cleared."""

    def __init__(self, t):
        self.t = t

    def __del__(self):
        self.t.sum()


sys.late = Late(x)
atexit.register(lambda: x.sum().item())
print("alive")
