"""Samples of the first ops."""

from support import torch

from ._common import (
    BINARY,
    LIKE,
    LOSSES,
    MASK,
    NO_BOOL,
    PICK,
    SIZES,
    SPREAD,
    UNARY,
    WITH_NUMBER,
    Sample,
)

SAMPLES = {
    ("add", 0): [*BINARY, *WITH_NUMBER, Sample([(2, 3), (3,)], kwargs={"alpha": -2})],
    ("sub", 0): [*BINARY, *NO_BOOL, Sample([(2, 3), (3,)], kwargs={"alpha": 0.5})],
    ("rsub", 1): [*NO_BOOL, Sample([(3, 2, "t")], (1,), {"alpha": 2})],
    ("mul", 0): [*BINARY, *WITH_NUMBER],
    ("div", 0): [*BINARY, *WITH_NUMBER],
    ("pow", 0): [Sample([(2, 3)], (p,)) for p in (2, 3, 0, 1, -1, -2, 0.5, 2.5, -1.5)],
    ("pow", 1): BINARY,
    ("pow", 2): [Sample([(2, 3)], first=(2.0,)), Sample([()], first=(0.5,))],
    ("where", 0): [
        Sample([(3, 1), (1, 2)], first=("condition",)),
        Sample([(3, 2), ()], first=("condition",)),
    ],
    ("sum", 0): UNARY,
    ("mean", 0): [s for s in UNARY if (0,) not in s.shapes],
    ("clone", 0): UNARY,
    ("contiguous", 0): UNARY,
    ("detach", 0): UNARY,
    ("t", 0): [Sample([()]), Sample([(3,)]), Sample([(2, 3)]), Sample([(0, 2)])],
    ("view", 0): [
        Sample([(2, 3)], (3, 2)),
        Sample([(2, 3)], (-1,)),
        Sample([()], (1, 1)),
        Sample([(0, 2)], ((2, 0),)),
        Sample([(2, 3, "t")], (2, 3)),
    ],
    ("reshape", 0): [
        Sample([(2, 3)], ((3, 2),)),
        Sample([(2, 3, "t")], ((6,),)),
        Sample([(3, 1, "expanded")], ((-1,),)),
    ],
    ("expand", 0): [
        Sample([(3, 1)], (3, 4)),
        Sample([(3,)], (2, 3)),
        Sample([()], (2, 2)),
        Sample([(2, 1, 3)], (-1, 4, -1)),
        Sample([(1,)], (0,)),
    ],
    ("transpose", 0): [
        Sample([(2, 3)], (0, 1)),
        Sample([(2, 3, 2)], (-1, 0)),
        Sample([()], (0, 0)),
    ],
    ("permute", 0): [
        Sample([(2, 3, 4)], ((2, 0, 1),)),
        Sample([(2, 3)], ((-1, 0),)),
        Sample([()], ((),)),
    ],
    ("as_strided", 0): [
        Sample([(3, 4)], ((2, 3), (4, 1), 1)),
        Sample([(3, 4)], ((2, 3), (1, 1))),  # elements overlap
        Sample([(5,)], ((), ())),
    ],
    ("select", 0): [
        Sample([(2, 3)], (1, -1)),
        Sample([(3, 2, "t")], (0, 1)),
        Sample([(3,)], (0, 2)),
    ],
    ("narrow", 0): [
        Sample([(2, 4)], (1, 1, 2)),
        Sample([(4, 2, "t")], (-2, -3, 0)),
        Sample([(3, 1, "expanded")], (1, 1, 2)),
    ],
    ("diagonal", 0): [
        Sample([(3, 4)]),
        Sample([(3, 4)], (2,)),
        Sample([(4, 3, "t")], (-1,)),
        Sample([(2, 3, 2)], (0, 2, 0)),
        Sample([(2, 2)], (7,)),
    ],
    ("unfold", 0): [
        Sample([(6,)], (0, 3, 1)),
        Sample([(2, 5)], (1, 2, 2)),
        Sample([(4, 3, "t")], (0, 2, 1)),
        Sample([()], (0, 1, 1)),
    ],
    ("squeeze", 0): [Sample([(1, 2, 1)]), Sample([()]), Sample([(1, 0)])],
    ("squeeze", 1): [Sample([(1, 2, 1)], (-1,)), Sample([(2, 3)], (0,)), Sample([()], (0,))],
    ("squeeze", 2): [Sample([(1, 2, 1)], ((0, 2),)), Sample([(2, 1)], ((0, 1),))],
    ("squeeze_", 0): [Sample([(1, 2, 1)])],
    ("squeeze_", 1): [Sample([(1, 2, 1)], (0,)), Sample([(2, 3)], (0,))],
    ("squeeze_", 2): [Sample([(1, 2, 1)], ((0, 2),))],
    ("unsqueeze", 0): [Sample([(2, 3)], (d,)) for d in (0, 1, 2, -1, -3)] + [Sample([()], (0,))],
    ("unsqueeze_", 0): [Sample([(2, 3)], (1,)), Sample([()], (-1,))],
    ("flatten", 0): [
        Sample([(2, 3, 2)]),
        Sample([(2, 3, 2)], (1,)),
        Sample([(2, 3, 2)], (0, 1)),
        Sample([()]),
        Sample([(3, 2, "t")]),
    ],
    ("ravel", 0): [Sample([(2, 3)]), Sample([(3, 2, "t")]), Sample([()])],
    ("unflatten", 0): [Sample([(2, 6)], (1, (2, -1))), Sample([(4,)], (-1, (2, 2)))],
    **{
        (name, 0): [
            Sample([(2, 3, 4)], (0, 2)),
            Sample([(2, 3, 4)], ((0, 1), (-1, 0))),
            Sample([()], (0, 0)),
        ]
        for name in ("movedim",)
    },
    **{
        (name, 0): [Sample([(2, 3)], (0, 1)), Sample([(2, 3, 2)], (-1, 0))]
        for name in ("swapaxes_", "swapdims_", "transpose_")
    },
    ("t_", 0): [Sample([(2, 3)]), Sample([(3,)])],
    ("broadcast_to", 0): [Sample([(3, 1)], ((3, 4),)), Sample([()], ((2, 2),))],
    **{
        (name, 0): [
            Sample([(2, 3), (1, 3)]),
            Sample([(2, 3), (0,), (2, 2)], (1,)),
            Sample([(2, 3), (2, 2, "t")], (-1,)),
            Sample([(3,)]),
        ]
        for name in ("cat",)
    },
    ("stack", 0): [
        Sample([(3, 2), (3, 2, "t")], (1,)),
        Sample([(), ()]),
        Sample([(0, 2), (0, 2)], (-1,)),
    ],
    ("unbind", 0): [Sample([(2, 3)]), Sample([(3, 2, "t")], (-1,)), Sample([(3,)])],
    ("split", 0): [Sample([(5, 2)], (2,)), Sample([(2, 3)], (1, 1)), Sample([(4,)], (9,))],
    ("split", 1): [Sample([(5, 2)], ((2, 0, 3),)), Sample([(3, 2, "t")], ((1, 1), -1))],
    ("split_with_sizes", 0): [Sample([(5, 2)], ((2, 3),))],
    ("chunk", 0): [Sample([(5, 2)], (2,)), Sample([(2, 3)], (5, 1)), Sample([(0, 2)], (2,))],
    ("tensor_split", 0): [Sample([(5, 2)], (3,)), Sample([(2, 3)], (5, 1))],
    ("tensor_split", 1): [Sample([(5, 2)], ((1, 3),)), Sample([(2, 3)], ((2, -1), 1))],
    ("mm", 0): [
        Sample([(2, 3), (3, 4)]),
        Sample([(5, 3, "t"), (3, 2)]),
        Sample([(2, 3), (3, 4, "t")]),
        Sample([(2, 0), (0, 3)]),
        Sample([(0, 2), (2, 3)]),
        Sample([(9, 17), (17, 33)]),
    ],
    ("addmm", 0): [
        Sample([(4,), (2, 3), (3, 4)]),
        Sample([(2, 4), (2, 3), (3, 4, "t")], kwargs={"beta": 0.5, "alpha": -2}),
        Sample([(), (3, 2, "t"), (2, 2)], kwargs={"alpha": 3}),
        Sample([(2, 1), (2, 0), (0, 3)]),
        Sample([(2, 2), (2, 3), (3, 2)]),
        Sample([(2, 3), (2, 2), (2, 3, "t")], kwargs={"beta": 2.0}),
    ],
    ("_linear", 0): [
        Sample([(2, 3), (4, 3)]),
        Sample([(2, 3), (4, 3), (4,)]),
        Sample([(3,), (4, 3), (4,)]),
        Sample([(3,), (4, 3)]),
        Sample([(2, 2, 3), (4, 3), (4,)]),
        Sample([(2, 2, 3, "t"), (4, 3), (4,)]),
        Sample([(2, 2, 3), (4, 3), ()]),
        Sample([(2, 2, 3), (3,)]),
        Sample([(0, 3), (4, 3), (4,)]),
    ],
    ("bmm", 0): [Sample([(2, 3, 4), (2, 4, 2)]), Sample([(0, 2, 2), (0, 2, 2)])],
    ("mv", 0): [Sample([(2, 3), (3,)]), Sample([(2, 3, "t"), (3,)]), Sample([(2, 0), (0,)])],
    ("dot", 0): [Sample([(3,), (3,)]), Sample([(0,), (0,)])],
    ("matmul", 0): [
        Sample([(3,), (3,)]),
        Sample([(2, 3), (3,)]),
        Sample([(3,), (3, 2)]),
        Sample([(2, 3), (3, 4)]),
        Sample([(2, 2, 3), (3, 4)]),
        Sample([(2, 2, 3), (3,)]),
        Sample([(2, 1, 2, 3), (3, 3, 2)]),
        Sample([(3,), (2, 3, 2)]),
    ],
    ("_mse_loss", 0): [*LOSSES, Sample([(2, 1), (3,)], (1,))],
    ("_smooth_l1_loss", 0): [*LOSSES, Sample([(2, 3), (2, 3)], (2, 0.5))],
    ("_huber_loss", 0): [*LOSSES, Sample([(2, 3), (2, 3)], (2, 0.5))],
    **{
        (name, 0): [Sample([(3, 1)], (torch.ones(shape),))]
        for name, shape in (("view_as", (1, 3)), ("expand_as", (3, 2)), ("reshape_as", (3,)))
    },
    **{(name, 0): [UNARY[0], *UNARY[2:5]] for name in ("max", "min")},
    **{
        (name, 1): [Sample([(2, 3)], (1,)), Sample([(3, 2, "t")], (0, True)), Sample([()], (0,))]
        for name in ("max", "min")
    },
    **{(name, 2): [Sample([(2, 3), (3,)])] for name in ("max", "min")},
    **{(name, 0): BINARY for name in ("maximum", "minimum")},
    **{
        (name, 0): [
            Sample([(2, 3)]),
            Sample([(2, 3)], (1,)),
            Sample([(3, 2, 2, "t")], ((0, 2), True)),
            Sample([()]),
            Sample([(0, 3)], (1,)),
        ]
        for name in ("amax", "amin")
    },
    **{
        (name, 0): [Sample([(2, 3)]), Sample([(3, 2, "t")], (0, True)), Sample([()], (0,))]
        for name in ("argmax", "argmin")
    },
    **{
        (name, 0): [Sample([(2, 3)]), Sample([(4, 2, "t")], (0, True)), Sample([()])]
        for name in ("sort", "argsort")
    },
    ("floor_divide", 0): [*BINARY, *WITH_NUMBER],
    ("repeat", 0): [
        Sample([(2, 3)], (2, 2)),
        Sample([(3, 2, "t")], (4, 1, 2)),
        Sample([()], (3,)),
        Sample([()], ((),)),
        Sample([(2,)], (0,)),
        Sample([(3, 1, "expanded")], (1, 2)),
    ],
    ("tile", 0): [Sample([(2, 3)], ((2,),)), Sample([(2,)], ((2, 3),))],
    ("view", 1): [Sample([(2, 4)], (torch.int64,)), Sample([(3, 2, "t")], (torch.float64,))],
    ("set_", 0): [],  # no derivative: tests/tensor/test_memory.py
    ("set_", 1): [],
    ("set_", 2): [],
    ("copy_", 0): [Sample([(2, 3), (2, 3)]), Sample([(2, 3), (3,)]), Sample([(2, 3), ()])],
    ("zero_", 0): LIKE,
    ("fill", 0): [Sample([(2, 3)], (1.5,)), Sample([()], (2,)), Sample([(3, 2, "t")], (0.5,))],
    ("fill", 1): [Sample([(2, 3), ()])],
    ("fill_", 0): [Sample([(2, 3)], (1.5,)), Sample([()], (2,))],
    ("fill_", 3): [Sample([(2, 3), ()])],
    ("index_put_", 0): [],  # takes a list between tensors: tests/tensor/test_indexing.py
    ("index_put", 0): [],  # the same
    ("masked_fill", 1): [],  # a mask between tensors: tests/tensor/test_gather.py
    ("masked_fill", 0): [
        Sample([(2, 3)], (MASK, 2.0)),
        Sample([(3, 2, "t")], (MASK[0][:2], True)),
        Sample([()], (MASK, 1)),
    ],
    ("masked_select", 0): [Sample([(2, 3)], (MASK,)), Sample([(3, 1, "expanded")], (MASK[0],))],
    ("index_select", 0): [Sample([(2, 3)], (1, PICK)), Sample([(3, 2, "t")], (-1, PICK))],
    ("gather", 0): [Sample([(3,)], (0, PICK)), Sample([(2, 3)], (1, PICK.reshape(1, 3)))],
    ("take", 0): [Sample([(2, 3)], (PICK,)), Sample([(3, 2, "t")], (PICK,))],
    ("prod", 0): UNARY,
    ("prod", 1): [
        Sample([(2, 3)], (1,)),
        Sample([(3, 2, "t")], (0, True)),
        Sample([()], (0,)),
        Sample([(2, 0)], (1,)),
        Sample([(3, 1, "expanded")], (-1,)),
    ],
    ("nansum", 0): [*UNARY, Sample([(2, 3)], (1, True)), Sample([(2, 3, 2)], ((0, -1),))],
    ("any", 0): UNARY,
    ("any", 1): [Sample([(2, 3)], (1,)), Sample([(2, 3)], ((0, 1), True)), Sample([(0, 2)], (0,))],
    ("all", 0): UNARY,
    ("all", 1): [Sample([(2, 3)], (1,)), Sample([(2, 3)], (None, True)), Sample([(0, 2)], (0,))],
    ("var", 0): SPREAD,
    ("var", 1): [Sample([(2, 3)], (1, False, True)), Sample([(3, 2, "t")], ((0, 1), True))],
    ("var", 2): [Sample([(2, 3)], (False,))],
    ("std", 0): SPREAD,
    ("std", 1): [Sample([(2, 3)], (1, False, True)), Sample([(3, 2, "t")], ((0, 1), True))],
    ("std", 2): [Sample([(2, 3)], (False,))],
    ("isfinite", 0): UNARY,
    ("isinf", 0): UNARY,
    ("isnan", 0): UNARY,
    ("isclose", 0): [Sample([(2, 3), (2, 3)]), Sample([(2, 1), (3,)], (1.0, 0.5, True))],
    ("allclose", 0): [Sample([(2, 3), (2, 3)]), Sample([(0,), ()], (1.0, 0.5, True))],
    ("equal", 0): [Sample([(2, 3), (2, 3)]), Sample([(2, 3), (3,)])],
    ("nonzero", 0): [Sample([(2, 3)]), Sample([()]), Sample([(2, 3)], kwargs={"as_tuple": True})],
    ("_linalg_vector_norm", 0): [
        *UNARY,
        *(Sample([(2, 3)], (p,)) for p in (1, 3, 0.5, 1.5, 0, float("inf"), -float("inf"), -2)),
        Sample([(2, 3)], (2, 1)),
        Sample([(2, 1, 3, "t")], (3, (0, 2), True)),
    ],
    ("norm", 0): [*UNARY, Sample([(2, 3)], ("fro", 0))],
    ("norm", 1): [Sample([(2, 3)], (1.5,)), Sample([(2, 3)], (None, (0, 1), True))],
    ("uniform_", 0): [Sample([(2, 3)]), Sample([(4, 5)], (-1, 2))],
    ("normal_", 0): [Sample([(2, 3)]), Sample([(4, 5)], (1.0, 0.5))],
    ("random_", 0): [Sample([(2, 3)], (-2, 3)), Sample([(3, 2, "t")], (4, None))],
    ("random_", 1): [Sample([(2, 3)], (7,))],
    ("random_", 2): [Sample([(2, 3)]), Sample([()])],
    ("randint", 0): [Sample([], (5, (2, 3))), Sample([], (1, ())), Sample([], (9, (0, 2)))],
    ("randint", 1): [Sample([], (-5, 2**40, (3,)))],
    ("randint_like", 0): [Sample([(2, 3)], (5,)), Sample([(3, 2, "t")], (5,))],
    ("randint_like", 1): [Sample([(2, 3)], (-5, 5))],
    ("randperm", 0): [Sample([], (n,)) for n in (0, 1, 5)],
    ("full", 0): [Sample([], ((2, 3), 1.5)), Sample([], ((), 2)), Sample([], ((0,), True))],
    ("full_like", 0): [Sample([(2, 3)], (1.5,))],
    ("arange", 0): [Sample([], (5,)), Sample([], (2.5,)), Sample([], (0,))],
    ("arange", 1): [Sample([], (1, 5)), Sample([], (5, 1, -2)), Sample([], (0.0, 1.0, 0.25))],
    **{(name, 0): SIZES for name in ("empty", "zeros", "ones", "rand", "randn")},
    **{
        (name, 0): LIKE
        for name in ("empty_like", "zeros_like", "ones_like", "rand_like", "randn_like")
    },
    **{
        (name, 0): UNARY
        for name in (
            *("neg", "reciprocal", "abs", "sign", "exp", "log", "sqrt"),
            *("tanh", "sigmoid", "relu"),
        )
    },
    **{(name, 0): [*BINARY, *WITH_NUMBER] for name in ("eq", "ne", "lt", "le", "gt", "ge")},
}

for _dims in ((0,), (-1,), (0, 1), ((0, 1),), (None,)):
    for _name in ("sum", "mean"):
        SAMPLES.setdefault((_name, 1), []).append(Sample([(2, 3)], _dims[:1]))
for _name in ("sum", "mean"):
    SAMPLES[_name, 1] += [
        Sample([(2, 3)], ((0, 1),), {"keepdim": True}),
        Sample([(2, 3, 4)], (1,), {"keepdim": True}),
        Sample([(3, 2, 4, "t")], ((0, 2),)),
        Sample([()], (0,)),
    ]
SAMPLES["sum", 1].append(Sample([(0, 3)], (0,)))
