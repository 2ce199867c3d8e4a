"""Everything under sys.setrecursionlimit(100): right, or a RecursionError that ends well."""

import copy
import gc
import pickle
import sys

from _module import torch

sys.setrecursionlimit(100)

x = torch.ones(3, requires_grad=True)
y = x
for _ in range(10_000):
    y = y * 1.0
y.sum().backward()
assert x.grad.tolist() == [1.0, 1.0, 1.0]
assert repr(x) == "tensor([1., 1., 1.], requires_grad=True)"
assert repr(torch.zeros(50, 50)).count("...") == 7
del y

w = torch.nn.Parameter(torch.ones(2, 2))
model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
model(w).sum().backward()
for original in (x, w, x.grad):
    for again in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
        assert again.tolist() == original.tolist()
        assert again.requires_grad == original.requires_grad

try:
    (x * 2).backward()
except RuntimeError as error:  # the block under the sentence is made by Python code
    assert str(error).startswith("grad can be implicitly created only for scalar outputs")

nested = 1.0
for _ in range(60):
    nested = [nested]
assert torch.tensor(nested).dim() == 60


def at_the_edge(depth, call):
    """Run the call ever deeper, until nothing of Python's stack is left for it."""
    try:
        call()
    except (RecursionError, RuntimeError):
        return depth
    return at_the_edge(depth + 1, call)


def with_hook():
    z = x * 2
    z.register_hook(lambda g: g * 1)
    z.sum().backward()


CALLS = (
    lambda: (x * 2).sum().backward(),
    with_hook,
    lambda: repr(x * 2),
    lambda: copy.deepcopy(x),
    lambda: pickle.dumps(x),
    lambda: model(w).sum().backward(),
    lambda: x.no_such_attribute if hasattr(x, "no_such_attribute") else None,
    lambda: torch.autograd.grad(x.sum(), x),
)
for call in CALLS:
    try:
        reached = at_the_edge(0, call)
        assert reached > 10, (call, reached)
    except RecursionError:
        pass  # of at_the_edge itself: the call fitted into the last frame
    gc.collect()
    x.grad = None
    (x * 2).sum().backward()  # and everything works as before
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
print("fine")
