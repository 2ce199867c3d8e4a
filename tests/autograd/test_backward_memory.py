"""A backward pass lets go of what it has used, and writes over gradients that nobody else holds."""

import gc
import os

import pytest
from support import run_script, rushlight_only, torch

pytestmark = rushlight_only
under_asan = "libasan" in os.environ.get("LD_PRELOAD", "")

ROWS = 256
BUFFER = ROWS * ROWS * 4  # bytes
DEPTH = 20
FACTOR = torch.rand(ROWS, ROWS) + 0.5
ROW = torch.rand(ROWS) + 0.5


def taken(run):
    """What `run` allocates beyond what is held before it: (highest, in all), in buffers."""
    gc.collect()
    torch.cpu.reset_peak_memory_stats()
    before = torch.cpu.memory_stats()
    run()
    after = torch.cpu.memory_stats()
    highest = after["allocated_bytes.all.peak"] - before["allocated_bytes.all.current"]
    in_all = after["allocated_bytes.all.allocated"] - before["allocated_bytes.all.allocated"]
    return highest / BUFFER, in_all / BUFFER


def chain(operation):
    x = (torch.rand(ROWS, ROWS) + 0.5).requires_grad_()
    y = x
    for _ in range(DEPTH):
        y = operation(y)
    return x, y.sum()


# The buffers that each operation of the chain allocates in a backward pass, at most.
OPERATIONS = {
    "tanh": (torch.tanh, 0),
    "power": (lambda y: y**2, 0),
    "product with a constant": (lambda y: y * FACTOR, 0),
    "product with a row": (lambda y: y * ROW, 0),
    "residual": (lambda y: y + torch.tanh(y), 1),
    "two branches": (lambda y: torch.tanh(y) * torch.sigmoid(y), 1),
    "matrix product": (lambda y: y @ FACTOR / ROWS, 1),
    "reshaped and back": (lambda y: y.view(-1).sin().view(ROWS, ROWS), 0),
    "with a new dimension": (lambda y: (y.unsqueeze(1) * ROW).squeeze(1), 0),
    "softmax": (lambda y: y.softmax(1), 1),
    "in place": (lambda y: y.sin().mul_(2), 0),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_saved_values_go_as_the_backward_pass_goes(name):
    operation, per_operation = OPERATIONS[name]
    x, loss = chain(operation)
    held = torch.cpu.memory_allocated()
    highest, in_all = taken(loss.backward)
    # Gradients on the way, and x.grad: a graph that kept its values would need DEPTH more.
    assert highest <= 3.1
    assert in_all <= per_operation * DEPTH + 3.1
    assert x.grad is not None
    assert torch.cpu.memory_allocated() <= held + BUFFER


def test_graph_that_is_retained_keeps_its_values():
    x, loss = chain(torch.tanh)
    held = torch.cpu.memory_allocated()
    loss.backward(retain_graph=True)
    assert torch.cpu.memory_allocated() == held + BUFFER  # x.grad
    x.grad = None
    loss.backward()
    assert torch.cpu.memory_allocated() < held - (DEPTH - 2) * BUFFER


@pytest.mark.parametrize("form", ["view", "t", "unsqueeze", "permute"])
def test_leaf_takes_a_gradient_that_was_a_view(form):
    shape = (ROWS, ROWS)
    x = torch.rand(shape, requires_grad=True)
    moved = {
        "view": lambda: x.view(-1),
        "t": lambda: x.t(),
        "unsqueeze": lambda: x.unsqueeze(0),
        "permute": lambda: x.permute(1, 0),
    }[form]()
    g = torch.rand(moved.shape)
    _, in_all = taken((moved.sin() * g).sum().backward)
    turned = form in ("t", "permute")
    assert torch.allclose(x.grad, x.detach().cos() * (g.t() if turned else g.view(shape)))
    assert x.grad.is_contiguous() and x.grad._base is None
    assert turned or in_all <= 1.1  # the layout of a leaf takes one more where it was turned


def test_gradient_that_somebody_holds_is_not_written_over():
    x = torch.rand(ROWS, ROWS, requires_grad=True)
    kept = []
    flat = x.view(-1)
    flat.register_hook(kept.append)
    y = flat.view(ROWS, ROWS)
    y.retain_grad()
    z = y.sin() * 2
    z.register_hook(lambda g: kept.append(g.view(-1)))
    loss = (z.view(ROWS * ROWS) * 3).sum()
    loss.backward()
    slope = 6 * x.detach().cos()
    assert torch.allclose(x.grad, slope) and torch.allclose(y.grad, slope)
    assert torch.allclose(kept[0], torch.full((ROWS * ROWS,), 3.0))
    assert torch.allclose(kept[1], slope.view(-1))
    x.grad.zero_()
    assert torch.allclose(y.grad, slope) and torch.allclose(kept[1], slope.view(-1))


def test_gradient_given_as_a_view_is_left_alone():
    x = torch.rand(ROWS, ROWS, requires_grad=True)
    given = torch.ones(ROWS * ROWS)
    y = x.tanh()
    torch.autograd.backward(y, given.view(ROWS, ROWS))
    assert bool((given == 1).all())
    z = x.view(-1)
    z.backward(given.view(ROWS, ROWS).view(-1))
    x.grad.zero_()
    assert bool((given == 1).all())


@pytest.mark.skipif(under_asan, reason="objects come from malloc")
def test_operation_of_a_long_chain_holds_at_most_300_bytes():
    assert 200 < float(run_script("chain_memory")) <= 300
