"""Samples of division, bounds, weighted sums, logic and bits."""

from support import torch

from ._common import BINARY, NO_BOOL, UNARY, WITH_NUMBER, Sample

# Signs and layouts that an op over integers meets; ``bind`` makes integers of them.
INTEGERS = [s for s in BINARY if "expanded" not in str(s.shapes)]
NUMBERS = [Sample([(2, 3)], (3,)), Sample([()], (-2,)), Sample([(3, 2, "t")], (1,))]
LEFT_NUMBER = [Sample([(2, 3)], first=(5,)), Sample([()], first=(3,))]
THREE = [
    Sample([(), (), ()]),
    Sample([(2, 3), (2, 3), (2, 3)]),
    Sample([(2, 3), (3,), (2, 1)]),
    Sample([(3, 2, "t"), (3, 2), (3, 2, "t")]),
    Sample([(3,), (2, 3), ()]),
    Sample([(0, 2), (2,), (0, 2)]),
    Sample([(3, 1, "expanded"), (3, 1), (3, 3)]),
]


def with_kwargs(samples, **kwargs):
    return [Sample(s.shapes, s.rest, {**s.kwargs, **kwargs}, s.first) for s in samples]


SAMPLES = {
    ("_add_number", 0): [Sample([(2, 3)], (0.5,)), Sample([()], (-2,)), Sample([(2, 0)], (1,))],
    ("_mul_number", 0): [Sample([(2, 3)], (0.5,)), Sample([()], (-2,)), Sample([(2, 0)], (1,))],
    ("div", 2): [
        *(
            sample
            for mode in (None, "trunc", "floor")
            for sample in with_kwargs([*BINARY, *WITH_NUMBER], rounding_mode=mode)
        ),
    ],
    ("rsub", 0): [*BINARY, *with_kwargs(BINARY[1:3], alpha=-2)],
    ("remainder", 0): WITH_NUMBER,
    ("remainder", 1): BINARY,
    ("remainder", 2): LEFT_NUMBER,
    ("fmod", 0): WITH_NUMBER,
    ("fmod", 1): BINARY,
    ("addcmul", 0): [*THREE, *with_kwargs(THREE[1:3], value=-0.3)],
    ("addcdiv", 0): [*THREE, *with_kwargs(THREE[1:3], value=-0.3)],
    ("lerp", 0): [
        Sample([(2, 3), (3,)], (0.3,)),
        Sample([(3, 2, "t"), (3, 2)], (0.7,)),
        Sample([(), ()], (2,)),
    ],
    ("lerp", 1): THREE,
    ("clamp", 0): [
        *THREE,
        *with_kwargs([Sample([(2, 3)])], min=torch.zeros(3)),
        *with_kwargs([Sample([(2, 3)])], max=torch.zeros(2, 1)),
    ],
    ("clamp", 1): [
        *(Sample(s.shapes, (-1, 1.5)) for s in UNARY),
        Sample([(2, 3)], (0.5,)),
        Sample([(2, 3)], (None, 0.5)),
        Sample([(2, 3)], (1, -1)),
    ],
    **{(name, 1): BINARY for name in ("clamp_min", "clamp_max")},
    **{(name, 0): NO_BOOL for name in ("clamp_min", "clamp_max")},
    **{(name, 0): BINARY for name in ("fmax", "fmin")},
    **{
        (name, 0): [*INTEGERS, *NUMBERS]
        for name in (
            "bitwise_and",
            "bitwise_or",
            "bitwise_xor",
            "bitwise_left_shift",
            "bitwise_right_shift",
        )
    },
    ("bitwise_not", 0): UNARY,
    **{(name, 0): INTEGERS for name in ("gcd", "lcm")},
    **{(name, 0): BINARY for name in ("logical_and", "logical_or", "logical_xor")},
    ("logical_not", 0): UNARY,
    **{(name, 0): UNARY for name in ("isposinf", "isneginf", "isreal")},
}
