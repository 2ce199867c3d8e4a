"""Samples of products, sequences, factories, random samples and questions about types."""

from support import torch

from ._common import LIKE, SIZES, UNARY, Sample

SCALED = {"beta": 0.5, "alpha": -2}
SQUARE = [Sample([(2, 2)]), Sample([(3, 3, "t")])]
PAIR = [Sample([(3,), (3,)]), Sample([(0,), (0,)])]
DROPOUT = [
    Sample([(4, 5)], (0.3, True)),
    Sample([(2, 3)], (0.5, False)),
    Sample([(2, 3)], (1.0, True)),
    Sample([(2, 3)], (0.0, True)),
    Sample([(0, 3)], (0.5, True)),
]
DRAWN = [Sample([(2, 3)]), Sample([()]), Sample([(0,)]), Sample([(3, 2, "t")])]
ANY = [Sample([(2, 3)]), Sample([(0,)])]

SAMPLES = {
    # --- products
    ("vdot", 0): PAIR,
    ("outer", 0): [Sample([(2,), (3,)]), Sample([(0,), (2,)])],
    ("ger", 0): [Sample([(2,), (3,)])],
    ("inner", 0): [
        *PAIR,
        Sample([(2, 3), (3,)]),
        Sample([(2, 3), (4, 3)]),
        Sample([(2, 2, 3), (2, 3)]),
        Sample([(3, 2, "t"), (3, 2, "t")]),
        Sample([(), (2, 3)]),
    ],
    ("_tensordot", 0): [
        Sample([(2, 3), (3, 2)], ([1], [0])),
        Sample([(2, 3, 2), (3, 2, 4)], ([1, 2], [0, 1])),
        Sample([(2, 3), (2, 3)], ([0, -1], [0, -1])),
        Sample([(2, 1), (3, 2)], ([1], [0])),
        Sample([(2, 2), (3,)], ([], [])),
        Sample([(1, 3), (3, 1)], ([1], [0])),
    ],
    ("kron", 0): [
        Sample([(2, 2), (2, 3)]),
        Sample([(3,), (2, 2)]),
        Sample([(), (2,)]),
        Sample([(3, 2, "t"), (2, 2)]),
    ],
    ("addmv", 0): [
        Sample([(2,), (2, 3), (3,)]),
        Sample([(1,), (2, 3), (3,)], kwargs=SCALED),
        Sample([(), (3, 2, "t"), (2,)]),
        Sample([(2,), (2, 0), (0,)]),
        Sample([(2,), (2, 3), (3,)], kwargs={"beta": 0}),
        Sample([(2,), (2, 3), (3,)], kwargs={"alpha": 0}),
    ],
    ("addr", 0): [
        Sample([(2, 3), (2,), (3,)]),
        Sample([(3,), (2,), (3,)], kwargs=SCALED),
        Sample([(), (2,), (3,)]),
        Sample([(2, 3), (2,), (3,)], kwargs={"beta": 0}),
    ],
    ("baddbmm", 0): [
        Sample([(2, 2, 2), (2, 2, 3), (2, 3, 2)]),
        Sample([(2,), (2, 2, 3), (2, 3, 2)], kwargs=SCALED),
        Sample([(2, 1, 3), (2, 3, 2, "t"), (2, 2, 3, "t")]),
        Sample([(2, 2, 2), (2, 2, 0), (2, 0, 2)]),
    ],
    ("addbmm", 0): [
        Sample([(2, 2), (2, 2, 3), (2, 3, 2)]),
        Sample([(2,), (2, 2, 3), (2, 3, 2)], kwargs=SCALED),
        Sample([(2, 3), (2, 2, 3, "t"), (2, 3, 3, "t")]),
        Sample([(2, 2), (0, 2, 3), (0, 3, 2)]),
    ],
    # --- functions of matrices and of vectors in space
    ("trace", 0): [Sample([(2, 3)]), Sample([(3, 2, "t")]), Sample([(0, 2)])],
    ("matrix_power", 0): [
        *(Sample(s.shapes, (n,)) for s in SQUARE for n in (0, 1, 2, 3, 5)),
        Sample([(2, 2, 2)], (6,)),
    ],
    ("_linalg_matrix_power", 0): [Sample([(2, 2)], (4,))],
    ("_linalg_diagonal", 0): [
        Sample([(2, 3)]),
        Sample([(2, 3, 3)], kwargs={"offset": 1, "dim1": 0, "dim2": 2}),
    ],
    ("_linalg_cross", 0): [
        Sample([(2, 3), (2, 3)]),
        Sample([(1, 3), (2, 3)]),
        Sample([(3, 2), (3, 1)], kwargs={"dim": 0}),
        Sample([(2, 3, 2), (2, 3, 2)], kwargs={"dim": -2}),
    ],
    ("cross", 0): [Sample([(2, 3), (2, 3)], (1,)), Sample([(3, 2), (3, 2)], (0,))],
    ("_linalg_vecdot", 0): [
        *PAIR,
        Sample([(2, 3), (2, 3)]),
        Sample([(2, 3), (3,)]),
        Sample([(2, 3), (2, 1)], kwargs={"dim": 0}),
    ],
    ("_trilinear", 0): [
        Sample([(2, 3), (4, 3, 2), (2, 2)], ((1, 3), (0,), (1, 2), (2, 3))),
        Sample([(2,), (3,), (2,)], ((1,), (0,), (1,), (0,))),
        Sample([(3,), (3,), (3,)], ((), (), (), ())),
        Sample([(0, 3), (4, 3, 2), (0, 2)], ((1, 3), (0,), (1, 2), (2, 3))),
    ],
    ("bilinear", 0): [
        Sample([(2, 3), (2, 2), (4, 3, 2), (4,)]),
        Sample([(3,), (2,), (1, 3, 2)]),
        Sample([(2, 1, 3), (2, 1, 3), (2, 3, 3, "t")]),
        Sample([(0, 3), (0, 2), (4, 3, 2)]),
    ],
    ("_cdist_forward", 0): [
        *(Sample([(2, 3), (4, 3)], (p,)) for p in (0, 1, 1.5, 2, 3, float("inf"))),
        Sample([(2, 2, 3), (1, 3)], (2.5,)),
        Sample([(0, 3), (2, 3)], (2,)),
        Sample([(2, 0), (2, 0)], (2,)),
    ],
    ("_euclidean_dist", 0): [Sample([(2, 3), (4, 3)]), Sample([(2, 2, 3), (2, 1, 3)])],
    ("_cdist", 0): [
        Sample([(2, 3), (4, 3)]),
        Sample([(2, 3), (4, 3)], (2, 1)),
        Sample([(2, 2, 3), (3, 3)], (2, 1)),
        Sample([(2, 3, 2, "t"), (3, 2)], (1,)),
    ],
    # --- factories and sequences
    ("empty_strided", 0): [Sample([], ((2, 3), (1, 2))), Sample([], ((), ()))],
    ("scalar_tensor", 0): [Sample([], (2.5,)), Sample([], (True,), {"dtype": torch.int64})],
    ("new_empty", 0): [Sample([(2,)], ((2, 3),)), Sample([()], (2,))],
    ("new_empty_strided", 0): [Sample([(2,)], ((2, 3), (1, 2)))],
    ("new_zeros", 0): [Sample([(2,)], s.rest) for s in SIZES],
    ("new_ones", 0): [Sample([(2,)], s.rest) for s in SIZES],
    ("new_full", 0): [Sample([(2,)], ((2, 3), 1.5))],
    ("range", 0): [Sample([], (0, 3)), Sample([], (3, 0, -0.5))],
    ("linspace", 0): [Sample([], (0, 1, n)) for n in (0, 1, 2, 7)],
    ("logspace", 0): [Sample([], (0, 1, n)) for n in (0, 1, 2, 7)],
    ("eye", 0): [Sample([], (3,)), Sample([], (2, 3)), Sample([], (0, 2))],
    # --- random numbers
    ("bernoulli", 0): DRAWN,
    ("bernoulli", 1): [Sample([(2, 3)], (0.3,))],
    ("bernoulli_", 1): [Sample([(2, 3), (2, 3)]), Sample([(2, 3), (3,)]), Sample([(2,), ()])],
    ("bernoulli_", 2): [Sample([(2, 3)], (0.3,)), Sample([(3, 2, "t")])],
    ("exponential_", 0): [*DRAWN, Sample([(2, 3)], (1.5,))],
    ("geometric_", 0): [Sample([(2, 3)], (0.3,))],
    ("cauchy_", 0): [*DRAWN, Sample([(2, 3)], (1, 2))],
    ("log_normal_", 0): [*DRAWN, Sample([(2, 3)], (0.5, 0.25))],
    ("poisson", 0): DRAWN,
    ("multinomial", 0): [
        Sample([(4,)], (2,)),
        Sample([(2, 4)], (6, True)),
        Sample([(4, 2, "t")], (1,)),
    ],
    ("normal", 0): [Sample([], (0.5, 2.0, (2, 3))), Sample([], (0, 1, (20,)))],
    ("normal", 1): [Sample([(2, 3)]), Sample([(3, 2, "t")], (2.0,))],
    ("normal", 2): [Sample([(2, 3)], first=(0.5,))],
    ("normal", 3): [Sample([(2, 3), (2, 3)]), Sample([(2, 1), (3,)])],
    ("dropout", 0): DROPOUT,
    ("dropout_", 0): DROPOUT,
    ("feature_dropout", 0): DROPOUT,
    ("feature_dropout_", 0): DROPOUT,
    ("alpha_dropout", 0): DROPOUT,
    ("alpha_dropout_", 0): DROPOUT,
    ("feature_alpha_dropout", 0): DROPOUT,
    ("feature_alpha_dropout_", 0): DROPOUT,
    # --- types
    ("type_as", 0): [Sample([(2, 3), (2,)])],
    ("is_floating_point", 0): ANY,
    ("is_complex", 0): ANY,
    ("is_signed", 0): ANY,
    ("is_conj", 0): ANY,
    ("is_neg", 0): ANY,
    ("is_inference", 0): ANY,
    ("is_nonzero", 0): [Sample([()]), Sample([(1, 1)])],
    ("numel", 0): [*UNARY, *LIKE],
    ("is_same_size", 0): [Sample([(2, 3), (2, 3)]), Sample([(2, 3), (3,)])],
    ("can_cast", 0): [Sample([], (torch.int64, torch.float32))],
}
