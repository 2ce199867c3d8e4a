"""A backward pass inside a hook of a backward pass, without end: an error, no crash."""

from _module import torch

depth = 0


def nested():
    global depth
    x = torch.ones(1, requires_grad=True)
    y = x * 1

    def hook(grad):
        global depth
        depth += 1
        with torch.enable_grad():
            nested()

    y.register_hook(hook)
    y.backward()


try:
    nested()
except RuntimeError as error:
    assert "maximum recursion depth exceeded" in str(error), error
else:
    raise AssertionError("no error")
assert depth > 2000, depth

# The engine is as good as new.
x = torch.ones(1, requires_grad=True)
(x * 3).backward()
assert x.grad.item() == 3
print("refused at depth", depth)
