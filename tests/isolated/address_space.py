"""Allocations that the process may not make: an exception that says so, and the process goes on."""

import os
import resource

from _module import torch

with open("/proc/self/statm") as file:
    held = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (held + 300 * 2**20, resource.RLIM_INFINITY))

x = torch.ones(1000, requires_grad=True)
wide = torch.ones(1).expand(2**40)
parts = [torch.ones(25_000_000)]  # 100 MB; three times that do not fit beside it
calls = {
    "empty": lambda: torch.empty(2**30),
    "zeros": lambda: torch.zeros(2**50),
    "clone of an expanded view": lambda: wide.clone(),
    "sum of two": lambda: wide + wide,
    "concatenation": lambda: torch.cat(parts * 3),
    "outer product": lambda: x.view(-1, 1) * torch.ones(10**6),
    "conversion": lambda: parts[0].expand(4, 25_000_000).to(torch.float64),
}
for _ in range(3):
    for name, call in calls.items():
        try:
            call()
        except (MemoryError, RuntimeError) as error:
            # A MemoryError of Python itself may be silent: there was no memory for words.
            told = "allocate" in str(error) or "bytes asked for" in str(error)
            assert told or isinstance(error, MemoryError), f"{name}: {error!r}"
        else:
            raise AssertionError(f"{name}: no error")

# In the middle of backward, too.
y = x.view(-1, 1).expand(1000, 10**5)
try:
    (y * 1.0).sum().backward()
except (MemoryError, RuntimeError):
    pass
else:
    raise AssertionError("backward: no error")
assert x.grad is None and torch.is_grad_enabled()
(x * 2).sum().backward()
assert x.grad.tolist() == [2.0] * 1000
parts.clear()
assert torch.ones(40_000_000).sum().item() == 4e7
print("goes on")
