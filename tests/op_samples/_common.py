"""What the samples of ops are made of."""

import dataclasses

from support import torch


@dataclasses.dataclass
class Sample:
    """One call: tensors are made from ``shapes`` inside the op's domain, the rest is given."""

    # Of the tensor arguments; "t" at the end: with swapped strides; "expanded": (n, 1) -> (n, 3).
    shapes: list
    rest: tuple = ()
    kwargs: dict = dataclasses.field(default_factory=dict)
    first: tuple = ()  # arguments before the tensors
    between: tuple = ()  # arguments behind the first tensor


UNARY = [
    Sample([()]),
    Sample([(0,)]),
    Sample([(3,)]),
    Sample([(2, 3)]),
    Sample([(3, 2, "t")]),
    Sample([(3, 1, "expanded")]),
    Sample([(2, 1, 2, 1, 2)]),
]
BINARY = [
    Sample([(), ()]),
    Sample([(3,), ()]),
    Sample([(0, 2), (2,)]),
    Sample([(2, 3), (2, 3)]),
    Sample([(3, 1), (1, 3)]),
    Sample([(2, 3), (3,)]),
    Sample([(3, 2, "t"), (3, 2)]),
    Sample([(3, 1, "expanded"), (3, 1)]),
]
SPREAD = [
    Sample([(4,)]),
    Sample([(2, 3)], (1,)),
    Sample([(2, 3)], (None,), {"correction": 0}),
    Sample([(2, 3, 2, "t")], ((0, -1),), {"correction": 2, "keepdim": True}),
    Sample([(0, 3)], (1,)),
]
WITH_NUMBER = [Sample([(2, 3)], (1.5,)), Sample([()], (2,)), Sample([(3,)], (True,))]
NO_BOOL = WITH_NUMBER[:2]
SIZES = [Sample([], ((2, 3),)), Sample([], ((),)), Sample([], ((0, 2),)), Sample([], (3,))]
LIKE = [Sample([(2, 3)]), Sample([()]), Sample([(3, 2, "t")])]
MASK = torch.tensor([[True, False, True], [False, False, True]])
PICK = torch.tensor([0, 1, 0])

LOSSES = [
    *(Sample([(2, 3), (2, 3)], (reduction,)) for reduction in (0, 1, 2)),
    Sample([(2,), (3, 2, "t")], (0,)),
    Sample([(), ()]),
]
