"""Arguments for the generated op tests. An op without samples here fails, it is not left out."""

import dataclasses
import random

from support import torch


@dataclasses.dataclass
class Sample:
    """One call: tensors are made from ``shapes`` inside the op's domain, the rest is given."""

    # Of the tensor arguments; "t" at the end: with swapped strides; "expanded": (n, 1) -> (n, 3).
    shapes: list
    rest: tuple = ()
    kwargs: dict = dataclasses.field(default_factory=dict)
    first: tuple = ()  # arguments before the tensors


_UNARY = [
    Sample([()]),
    Sample([(0,)]),
    Sample([(3,)]),
    Sample([(2, 3)]),
    Sample([(3, 2, "t")]),
    Sample([(3, 1, "expanded")]),
    Sample([(2, 1, 2, 1, 2)]),
]
_BINARY = [
    Sample([(), ()]),
    Sample([(3,), ()]),
    Sample([(0, 2), (2,)]),
    Sample([(2, 3), (2, 3)]),
    Sample([(3, 1), (1, 3)]),
    Sample([(2, 3), (3,)]),
    Sample([(3, 2, "t"), (3, 2)]),
    Sample([(3, 1, "expanded"), (3, 1)]),
]
_SPREAD = [
    Sample([(4,)]),
    Sample([(2, 3)], (1,)),
    Sample([(2, 3)], (None,), {"correction": 0}),
    Sample([(2, 3, 2, "t")], ((0, -1),), {"correction": 2, "keepdim": True}),
    Sample([(0, 3)], (1,)),
]
_WITH_NUMBER = [Sample([(2, 3)], (1.5,)), Sample([()], (2,)), Sample([(3,)], (True,))]
_NO_BOOL = _WITH_NUMBER[:2]
_SIZES = [Sample([], ((2, 3),)), Sample([], ((),)), Sample([], ((0, 2),)), Sample([], (3,))]
_LIKE = [Sample([(2, 3)]), Sample([()]), Sample([(3, 2, "t")])]
_MASK = torch.tensor([[True, False, True], [False, False, True]])
_PICK = torch.tensor([0, 1, 0])

_LOSSES = [
    *(Sample([(2, 3), (2, 3)], (reduction,)) for reduction in (0, 1, 2)),
    Sample([(2,), (3, 2, "t")], (0,)),
    Sample([(), ()]),
]

SAMPLES = {
    ("add", 0): [*_BINARY, *_WITH_NUMBER, Sample([(2, 3), (3,)], kwargs={"alpha": -2})],
    ("sub", 0): [*_BINARY, *_NO_BOOL, Sample([(2, 3), (3,)], kwargs={"alpha": 0.5})],
    ("rsub", 1): [*_NO_BOOL, Sample([(3, 2, "t")], (1,), {"alpha": 2})],
    ("mul", 0): [*_BINARY, *_WITH_NUMBER],
    ("div", 0): [*_BINARY, *_WITH_NUMBER],
    ("pow", 0): [Sample([(2, 3)], (p,)) for p in (2, 3, 0, 1, -1, -2, 0.5, 2.5, -1.5)],
    ("pow", 1): _BINARY,
    ("pow", 2): [Sample([(2, 3)], first=(2.0,)), Sample([()], first=(0.5,))],
    ("where", 0): [
        Sample([(3, 1), (1, 2)], first=("condition",)),
        Sample([(3, 2), ()], first=("condition",)),
    ],
    ("sum", 0): _UNARY,
    ("mean", 0): [s for s in _UNARY if (0,) not in s.shapes],
    ("clone", 0): _UNARY,
    ("contiguous", 0): _UNARY,
    ("detach", 0): _UNARY,
    ("t", 0): [Sample([()]), Sample([(3,)]), Sample([(2, 3)]), Sample([(0, 2)])],
    ("view", 0): [
        Sample([(2, 3)], (3, 2)),
        Sample([(2, 3)], (-1,)),
        Sample([()], (1, 1)),
        Sample([(0, 2)], ((2, 0),)),
        Sample([(2, 3, "t")], (2, 3)),
    ],
    ("reshape", 0): [
        Sample([(2, 3)], (3, 2)),
        Sample([(2, 3, "t")], (6,)),
        Sample([(3, 1, "expanded")], (-1,)),
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
        Sample([(2, 3, 4)], (2, 0, 1)),
        Sample([(2, 3)], (-1, 0)),
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
    ("_mse_loss", 0): [*_LOSSES, Sample([(2, 1), (3,)], (1,))],
    ("_smooth_l1_loss", 0): [*_LOSSES, Sample([(2, 3), (2, 3)], (2, 0.5))],
    ("_huber_loss", 0): [*_LOSSES, Sample([(2, 3), (2, 3)], (2, 0.5))],
    **{
        (name, 0): [Sample([(3, 1)], (torch.ones(shape),))]
        for name, shape in (("view_as", (1, 3)), ("expand_as", (3, 2)), ("reshape_as", (3,)))
    },
    **{(name, 0): [_UNARY[0], *_UNARY[2:5]] for name in ("max", "min")},
    **{
        (name, 1): [Sample([(2, 3)], (1,)), Sample([(3, 2, "t")], (0, True)), Sample([()], (0,))]
        for name in ("max", "min")
    },
    **{(name, 2): [Sample([(2, 3), (3,)])] for name in ("max", "min")},
    **{(name, 0): _BINARY for name in ("maximum", "minimum")},
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
    ("floor_divide", 0): [*_BINARY, *_WITH_NUMBER],
    ("repeat", 0): [
        Sample([(2, 3)], (2, 2)),
        Sample([(3, 2, "t")], (4, 1, 2)),
        Sample([()], (3,)),
        Sample([()], ((),)),
        Sample([(2,)], (0,)),
        Sample([(3, 1, "expanded")], (1, 2)),
    ],
    ("tile", 0): [Sample([(2, 3)], (2,)), Sample([(2,)], (2, 3))],
    ("view", 1): [Sample([(2, 4)], (torch.int64,)), Sample([(3, 2, "t")], (torch.float64,))],
    ("set_", 0): [],  # no derivative: tests/tensor/test_memory.py
    ("set_", 1): [],
    ("set_", 2): [],
    ("copy_", 0): [Sample([(2, 3), (2, 3)]), Sample([(2, 3), (3,)]), Sample([(2, 3), ()])],
    ("zero_", 0): _LIKE,
    ("fill_", 0): [Sample([(2, 3)], (1.5,)), Sample([()], (2,))],
    ("fill_", 3): [Sample([(2, 3), ()])],
    ("index_put_", 0): [],  # takes a list between tensors: tests/tensor/test_indexing.py
    ("index_put", 0): [],  # the same
    ("masked_fill", 1): [],  # a mask between tensors: tests/tensor/test_gather.py
    ("masked_fill", 0): [
        Sample([(2, 3)], (_MASK, 2.0)),
        Sample([(3, 2, "t")], (_MASK[0][:2], True)),
        Sample([()], (_MASK, 1)),
    ],
    ("masked_select", 0): [Sample([(2, 3)], (_MASK,)), Sample([(3, 1, "expanded")], (_MASK[0],))],
    ("index_select", 0): [Sample([(2, 3)], (1, _PICK)), Sample([(3, 2, "t")], (-1, _PICK))],
    ("gather", 0): [Sample([(3,)], (0, _PICK)), Sample([(2, 3)], (1, _PICK.reshape(1, 3)))],
    ("take", 0): [Sample([(2, 3)], (_PICK,)), Sample([(3, 2, "t")], (_PICK,))],
    ("prod", 0): _UNARY,
    ("prod", 1): [
        Sample([(2, 3)], (1,)),
        Sample([(3, 2, "t")], (0, True)),
        Sample([()], (0,)),
        Sample([(2, 0)], (1,)),
        Sample([(3, 1, "expanded")], (-1,)),
    ],
    ("nansum", 0): [*_UNARY, Sample([(2, 3)], (1, True)), Sample([(2, 3, 2)], ((0, -1),))],
    ("any", 0): _UNARY,
    ("any", 1): [Sample([(2, 3)], (1,)), Sample([(2, 3)], ((0, 1), True)), Sample([(0, 2)], (0,))],
    ("all", 0): _UNARY,
    ("all", 1): [Sample([(2, 3)], (1,)), Sample([(2, 3)], (None, True)), Sample([(0, 2)], (0,))],
    ("var", 0): _SPREAD,
    ("var", 1): [Sample([(2, 3)], (1, False, True)), Sample([(3, 2, "t")], ((0, 1), True))],
    ("var", 2): [Sample([(2, 3)], (False,))],
    ("std", 0): _SPREAD,
    ("std", 1): [Sample([(2, 3)], (1, False, True)), Sample([(3, 2, "t")], ((0, 1), True))],
    ("std", 2): [Sample([(2, 3)], (False,))],
    ("isfinite", 0): _UNARY,
    ("isinf", 0): _UNARY,
    ("isnan", 0): _UNARY,
    ("isclose", 0): [Sample([(2, 3), (2, 3)]), Sample([(2, 1), (3,)], (1.0, 0.5, True))],
    ("allclose", 0): [Sample([(2, 3), (2, 3)]), Sample([(0,), ()], (1.0, 0.5, True))],
    ("equal", 0): [Sample([(2, 3), (2, 3)]), Sample([(2, 3), (3,)])],
    ("nonzero", 0): [Sample([(2, 3)]), Sample([()]), Sample([(2, 3)], kwargs={"as_tuple": True})],
    ("_linalg_vector_norm", 0): [
        *_UNARY,
        *(Sample([(2, 3)], (p,)) for p in (1, 3, 0.5, 1.5, 0, float("inf"), -float("inf"), -2)),
        Sample([(2, 3)], (2, 1)),
        Sample([(2, 1, 3, "t")], (3, (0, 2), True)),
    ],
    ("norm", 0): [*_UNARY, Sample([(2, 3)], ("fro", 0))],
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
    **{(name, 0): _SIZES for name in ("empty", "zeros", "ones", "rand", "randn")},
    **{
        (name, 0): _LIKE
        for name in ("empty_like", "zeros_like", "ones_like", "rand_like", "randn_like")
    },
    **{
        (name, 0): _UNARY
        for name in (
            *("neg", "reciprocal", "abs", "sign", "exp", "log", "sqrt"),
            *("tanh", "sigmoid", "relu"),
        )
    },
    **{(name, 0): [*_BINARY, *_WITH_NUMBER] for name in ("eq", "ne", "lt", "le", "gt", "ge")},
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


def samples(op):
    """The samples of an op of the table. Raises: KeyError naming the op that has none."""
    key = (op["name"], op["overload"])
    if key not in SAMPLES:
        raise KeyError(f"tests/op_samples.py has no samples for {key}")
    return SAMPLES[key]


def make_tensor(shape, domain, generator, dtype=torch.float64):
    """Values spread over the domain, away from kinks at integers; strided as the shape says."""
    layout = shape[-1] if shape and isinstance(shape[-1], str) else None
    sizes = shape[:-1] if layout else shape
    made = sizes if layout is None else sizes[:-2] + (sizes[-1], sizes[-2])
    if layout == "expanded":
        made = sizes
    count = 1
    for size in made:
        count *= size
    low, high = max(domain[0], -3.0), min(domain[1], 3.0)
    values = [low + (high - low) * (0.03 + 0.94 * generator.random()) for _ in range(count)]
    t = torch.tensor(values, dtype=dtype).reshape(made)
    if layout == "t":
        return t.transpose(-1, -2)
    if layout == "expanded":
        return t.expand(*made[:-1], 3)
    return t


def public(name):
    """The function of this name; those that begin with an underscore stay in the core."""
    return getattr(torch._C if name.startswith("_") else torch, name)


def bind(op, sample, seed=0, dtype=torch.float64):
    """Tensors of a sample and a function of them that calls the op."""
    generator = random.Random(seed)
    tensors = [make_tensor(shape, op["domain"], generator, dtype) for shape in sample.shapes]
    name = op["name"]
    first = sample.first
    if first == ("condition",):
        rows = sample.shapes[0][0]
        first = (torch.tensor([i % 2 == 0 for i in range(rows)]).reshape(rows, 1),)

    takes_list = op["signature"].split("(")[1].startswith("tensors: Tensor[]")

    def function(*arguments):
        if takes_list:
            return public(name)(list(arguments), *sample.rest, **sample.kwargs)
        result = call(*arguments)
        if isinstance(result, tuple):
            return torch.cat([part.reshape(-1) for part in result])
        return result

    def call(*arguments):
        if op["mutates"]:
            target = arguments[0].clone()
            return getattr(target, name)(*arguments[1:], *sample.rest, **sample.kwargs)
        if op["form"] == "method":
            return getattr(arguments[0], name)(*arguments[1:], *sample.rest, **sample.kwargs)
        return public(name)(*first, *arguments, *sample.rest, **sample.kwargs)

    return function, tensors
