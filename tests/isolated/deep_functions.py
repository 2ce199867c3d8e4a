"""A long chain of Functions: built, run backwards and released, however its links hold together."""

import sys

from _module import torch

Function = torch.autograd.Function
N = 100_000 if torch.__name__ == "rushlight" else 3_000


class Step(Function):
    @staticmethod
    def forward(ctx, x, how):
        y = x + 1
        if how == "input saved":
            ctx.save_for_backward(x)
        elif how == "output saved":
            ctx.save_for_backward(y)
        elif how == "input on ctx":
            ctx.x = x
        elif how == "ctx on input":
            x.ctx = ctx
        return y

    @staticmethod
    def backward(ctx, grad):
        ctx.saved_tensors  # noqa: B018
        return grad, None


def chain(how):
    x = torch.zeros(1, requires_grad=True)
    y = x
    for _ in range(N):
        y = Step.apply(y, how)
    return x, y


for how in ("nothing", "input saved", "output saved", "input on ctx"):
    x, y = chain(how)
    y.backward()
    assert x.grad.item() == 1.0
    del x, y
    x, y = chain(how)  # released without having run
    node = y.grad_fn
    del x, y
    del node

assert sys.getrecursionlimit() <= 1000
print("ok")
