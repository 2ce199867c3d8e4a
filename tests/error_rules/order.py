"""Rules of what chooses elements or divides: max, min, argmax, amax and floor division."""

from support import torch

from error_rules import Case, rule

HOW_TO = " Specify the reduction dim with the 'dim' argument."


def empty_shape(draw):
    """A shape without elements, and a dim of size 0."""
    shape = draw.shape(1, 4)
    dim = draw.randrange(len(shape))
    shape[dim] = 0
    return shape, dim


@rule("torch.ones(0).max()")
def largest_of_nothing(draw):
    shape, _ = empty_shape(draw)
    name = draw.choice(["max", "min", "amax", "amin"])
    return Case(
        lambda: getattr(torch, name)(torch.ones(shape)),
        RuntimeError,
        f"{name}(): Expected reduction dim to be specified for input.numel() == 0.{HOW_TO}",
    )


@rule("torch.ones(0,3).max(0)")
def largest_of_an_empty_dim(draw):
    shape, dim = empty_shape(draw)
    name = draw.choice(["max", "min", "amax", "amin", "argmax", "argmin"])
    given = draw.choice([dim, dim - len(shape)])
    told = given if name in ("amax", "amin") else dim  # these two tell it as it was given
    return Case(
        lambda: getattr(torch.ones(shape), name)(given),
        IndexError,
        f"{name}(): Expected reduction dim {told} to have non-zero size.",
    )


@rule("torch.ones(0).argmax()")
def index_in_nothing(draw):
    shape, _ = empty_shape(draw)
    name = draw.choice(["argmax", "argmin"])
    return Case(
        lambda: getattr(torch.ones(shape), name)(),
        IndexError,
        f"{name}(): Expected reduction dim to be specified for input.numel() == 0.",
    )


@rule("x=torch.ones(3,requires_grad=True)\n(x//2).sum().backward()")
def backward_through_floor_division(draw):
    x = torch.ones(draw.shape(), requires_grad=True)
    other = draw.choice([2, 1.5, torch.full(x.shape, 3.0)])

    def in_place():
        y = x * 2
        y //= other
        return y

    call, name = draw.choice(
        [
            (lambda: x // other, "floor_divide"),
            (lambda: torch.floor_divide(x, other), "floor_divide"),
            (in_place, "floor_divide_"),
        ]
    )
    return Case(
        lambda: call().sum().backward(),
        RuntimeError,
        f"derivative for aten::{name} is not implemented",
    )
