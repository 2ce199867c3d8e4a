"""Resident memory of a training loop stays flat: prints its growth in per cent of its size.

The loop makes what a user's loop makes: a loss that stays alive into the next step, printed
numbers, a hook, an attribute on a grad, now and then a second derivative.
"""

import sys

from _module import resident_bytes, torch

steps = int(sys.argv[1])
warm_up = steps // 10

torch.manual_seed(0)
x = torch.rand(20, 1)
y = 1 + 2 * x + 0.1 * torch.randn(20, 1)
b = torch.randn(1, requires_grad=True)
w = torch.randn(1, requires_grad=True)
w.register_hook(lambda g: g * 1.0)

for step in range(steps):
    loss = ((b + w * x - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        b -= 0.1 * b.grad
        w -= 0.1 * w.grad
    b.grad.step = step
    b.grad.zero_()
    if step % 2:
        w.grad.zero_()
    else:
        w.grad = None
    if step % 1000 == 0:
        text = f"{loss} {b!r}"
        (slope,) = torch.autograd.grad((w**3).sum(), w, create_graph=True)
        slope.sum().backward()
        w.grad = None
    if step == warm_up:
        before = resident_bytes()

growth = (resident_bytes() - before) / before * 100
print(f"{growth:.3f}")
