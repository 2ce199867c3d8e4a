"""Samples of the ops that write, add and reduce at indices, look rows up, search and count."""

from support import torch

from ._common import MASK, PICK, UNARY, Sample

TWICE = torch.tensor([1, 1, 0])
GRID = torch.tensor([[0, 1, 1], [1, 0, 2]])  # 1 comes twice in a row
COLUMN = torch.tensor([[0], [1]])
NOWHERE = torch.tensor([], dtype=torch.int64)
EDGES = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)


def reduces(index, dim, *names):
    """Samples of a reduction into a (2, 3) tensor from a source of the index's shape."""
    return [
        Sample([(2, 3), (2, 3)], (name,), {"include_self": own}, between=(dim, index))
        for name in names
        for own in (True, False)
    ]


SLICES = [
    Sample([(2, 3), (2, 3)], between=(0, torch.tensor([1, 0]))),
    Sample([(2, 3), (2, 2)], between=(-1, torch.tensor([2, 0], dtype=torch.int64))),
    Sample([(3, 2, "t"), (1, 2)], between=(0, torch.tensor([1]))),
    Sample([(3,), (1,)], between=(0, torch.tensor(2))),
    Sample([(3,), (0,)], between=(0, NOWHERE)),
    Sample([(2, 2, 2), (2, 1, 2)], between=(1, torch.tensor([1]))),
]
ONCE = torch.tensor([[0, 2, 1], [1, 0, 2]])

SAMPLES = {
    ("scatter", 0): [
        Sample([(2, 3), (2, 3)], between=(1, ONCE)),
        Sample([(2, 3), (2, 1)], between=(1, COLUMN)),
        Sample([(3, 2, "t"), (2, 1)], between=(0, COLUMN)),
        Sample([(3,), (2,)], between=(0, torch.tensor([2, 0], dtype=torch.int32))),
        Sample([(), ()], between=(0, torch.tensor(0))),
        Sample([(3,), (0,)], between=(0, NOWHERE)),
    ],
    ("scatter", 1): [
        Sample([(2, 3)], (1, GRID, 2.5)),
        Sample([(3, 2, "t")], (0, COLUMN, 1)),
        Sample([()], (0, torch.tensor(0), 4)),
    ],
    ("scatter", 2): [Sample([(2, 3), (2, 3)], between=(1, GRID), kwargs={"reduce": "add"})],
    ("scatter", 3): [Sample([(2, 3)], (1, GRID, 3.0), {"reduce": "multiply"})],
    ("scatter_add", 0): [
        Sample([(2, 3), (2, 3)], between=(1, GRID)),
        Sample([(2, 3), (2, 3, "t")], between=(0, torch.zeros(2, 3, dtype=torch.int64))),
        Sample([(3, 2, "t"), (2, 1)], between=(-1, COLUMN)),
        Sample([(3,), (3,)], between=(0, TWICE)),
        Sample([(3,), (0,)], between=(0, NOWHERE)),
    ],
    ("scatter_reduce", 0): [
        *reduces(GRID, 1, "sum", "prod", "mean", "amax", "amin"),
        Sample([(3,), (3,)], ("prod",), between=(0, TWICE)),
        Sample([(), ()], ("mean",), between=(0, torch.tensor(0))),
    ],
    ("masked_scatter", 0): [
        Sample([(2, 3), (4,)], between=(MASK,)),
        Sample([(2, 3), (3, 2, "t")], between=(MASK,)),
        Sample([(3,), (2, 3)], between=(MASK,)),
        Sample([(2, 3), (7,)], between=(MASK[0],)),
    ],
    ("put", 0): [
        Sample([(2, 3), (2,)], between=(torch.tensor([-1, 0]),)),
        Sample([(2, 3), (3,)], (True,), between=(TWICE,)),
        Sample([(3, 2, "t"), (2, 1)], between=(torch.tensor([3, 1]),)),
        Sample([(), ()], between=(torch.tensor(0),)),
        Sample([(2,), (0,)], between=(NOWHERE,)),
    ],
    ("take_along_dim", 0): [
        Sample([(2, 3)], (GRID, 1)),
        Sample([(2, 3)], (COLUMN, -1)),
        Sample([(2, 3)], (TWICE,)),
        Sample([(1, 3)], (COLUMN, 1)),
        Sample([(2, 3, "t")], (GRID[:, :2], 1)),
    ],
    ("index_add", 0): [
        *SLICES,
        Sample([(2, 3), (3, 3)], between=(0, TWICE), kwargs={"alpha": -2}),
        Sample([(), ()], between=(0, torch.tensor([0]))),
    ],
    ("index_copy", 0): [*SLICES, Sample([(), (1,)], between=(0, torch.tensor([0])))],
    ("index_fill", 0): [
        Sample([(2, 3)], (1, torch.tensor([0, -1]), 2.5)),
        Sample([(3, 2, "t")], (0, torch.tensor(1), 1)),
        Sample([()], (0, torch.tensor([0]), 1)),
        Sample([(2, 3)], (0, NOWHERE, 1)),
    ],
    ("index_fill", 1): [
        Sample([(2, 3), ()], between=(1, torch.tensor([0, -1]))),
        Sample([(2, 3), ()], between=(0, torch.tensor([1, 1]))),
    ],
    ("index_reduce", 0): reduces(torch.tensor([1, 1]), 0, "prod", "mean", "amax", "amin"),
    ("embedding", 0): [
        Sample([(3, 2)], (TWICE,)),
        Sample([(3, 2, "t")], (torch.tensor([[0, 1], [2, 2]], dtype=torch.int32),)),
        Sample([(3, 2)], (torch.tensor(1),)),
        Sample([(3, 2)], (NOWHERE,)),
    ],
    ("where", 1): UNARY,
    ("where", 2): [
        Sample([(2, 3), (2, 3)], between=(MASK,)),
        Sample([(3,), ()], between=(MASK,)),
        Sample([(2, 3)], (MASK, 1.5)),
    ],
    ("argwhere", 0): UNARY,
    ("nonzero_static", 0): [Sample([s], kwargs={"size": 3}) for s in ((), (3,), (2, 3))],
    ("_unique2", 0): [Sample([(2, 3)]), Sample([(3, 2, "t")], (True, True, True)), Sample([()])],
    ("_unique_dim", 0): [Sample([(2, 3)], (0,)), Sample([(3, 2, "t")], (1, True, True, True))],
    ("_unique_consecutive", 0): [Sample([(2, 3)]), Sample([(2, 3)], (True, True, 1))],
    ("isin", 0): [Sample([(2, 3), (2,)]), Sample([(), (0,)], kwargs={"invert": True})],
    ("isin", 1): [Sample([(2, 3)], (1,))],
    ("isin", 2): [Sample([(2, 3)], first=(0.5,))],
    ("searchsorted", 0): [Sample([(2, 3)], first=(EDGES,)), Sample([()], first=(EDGES,))],
    ("searchsorted", 1): [Sample([(3,)], (0.5,))],
    ("bucketize", 0): [Sample([(2, 3)], (EDGES,)), Sample([(3, 2, "t")], (EDGES,))],
    ("bucketize", 1): [Sample([(3,)], first=(0.5,))],
    ("bincount", 0): [Sample([(3,)], first=(PICK,))],
    ("histc", 0): [Sample([(2, 3)], (4,)), Sample([(3, 2, "t")], (3, -2, 2))],
    ("_histogram", 0): [Sample([(2, 3)], (4, 0.0, 1.0, False))],
}
