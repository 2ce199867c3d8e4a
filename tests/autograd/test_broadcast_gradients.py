"""Gradients of operands that were broadcast: summed in the kernel; expanded ones stay expanded."""

import itertools

import pytest
from support import ON_TORCH, rushlight_only, torch

SHAPES = [
    ((3000, 2), (2,)),
    ((5, 2, 3), (2, 1)),
    ((5, 2, 3), (5, 1, 3)),
    ((2, 3), ()),
    ((4, 1), (1, 3)),
    ((700, 300), (300,)),
    ((7, 2500), (7, 1)),
    ((40, 70, 3), (1, 70, 1)),
    ((0, 3), (3,)),
]
OPERATIONS = {
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "sub": lambda a, b: a - b,
    "pow": lambda a, b: a.abs() ** b,
}


def gradients(operation, shapes, dtype, layout, create_graph):
    torch.manual_seed(3)
    a, b = (torch.rand(shape, dtype=dtype) + 0.5 for shape in shapes)
    if layout == "transposed" and a.dim() > 1:
        a = a.transpose(0, -1).contiguous().transpose(0, -1)
    leaves = [a.requires_grad_(), b.requires_grad_()]
    y = operation(*leaves)
    upstream = torch.rand(y.shape, dtype=dtype)
    return torch.autograd.grad(y, leaves, upstream, create_graph=create_graph)


@rushlight_only
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_summed_in_the_kernel_gives_the_bits_of_formula_and_sum(name, layout):
    for shapes, dtype in itertools.product(SHAPES, (torch.float32, torch.float64)):
        fused = gradients(OPERATIONS[name], shapes, dtype, layout, False)
        recorded = gradients(OPERATIONS[name], shapes, dtype, layout, True)
        for f, r in zip(fused, recorded):
            assert f.shape == r.shape and f.tolist() == r.tolist(), shapes


@rushlight_only
def test_sum_of_a_broadcast_gradient_takes_no_memory_for_the_product():
    a = torch.rand(1000, 50)
    b = torch.rand(50, requires_grad=True)
    y = (a * b).sum()
    torch.cpu.reset_peak_memory_stats()
    before = torch.cpu.memory_allocated()
    y.backward()
    assert torch.cpu.max_memory_allocated() - before < a.numel() * 4 / 10


def test_gradient_of_a_mapped_sum_is_right_through_several_operations():
    x = torch.rand(4, 5, dtype=torch.float64, requires_grad=True)
    ((x * 2).neg() / 4).sum().backward()
    assert x.grad.tolist() == [[-0.5] * 5] * 4
    assert x.grad.is_contiguous()


def test_hook_may_write_into_the_gradient_of_a_sum_times_a_number():
    x = torch.rand(4, requires_grad=True)
    y = x * 1.0
    y.register_hook(lambda g: g.mul_(3) if not ON_TORCH else g * 3)
    (y * 2).sum().backward()
    assert x.grad.tolist() == [6.0] * 4
