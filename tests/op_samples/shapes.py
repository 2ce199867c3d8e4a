"""Samples of the ops that rearrange, join, pad and cut tensors."""

from support import torch

from ._common import Sample

ONE = Sample([(2, 3)])
MATRICES = [
    Sample([(3, 4)]),
    Sample([(4, 3, "t")], (-1,)),
    Sample([(2, 2, 3)], (1,)),
    Sample([(3, 1, "expanded")], (-1,)),
    Sample([(2, 2)], (7,)),
    Sample([(0, 3)]),
]
STACKED = [
    Sample([(2, 3), (2, 3)]),
    Sample([(3,), (3,)]),
    Sample([(), ()]),
    Sample([(3, 2, "t"), (3, 2, "t")]),
]
PAIRS = ((2, 2), (1, 1), (0, 0), (1, 1))
WIDE = ((2, 3), (2, 1), (1, 2), (2, 1))
COUNTS = torch.tensor([2, 0, 1])

SAMPLES = {
    ("flip", 0): [
        Sample([(2, 3)], ((0,),)),
        Sample([(3, 2, "t")], ((0, -1),)),
        Sample([(2, 2, 3)], ((1,),)),
        Sample([(3, 1, "expanded")], ((1,),)),
        Sample([(0, 2)], ((0,),)),
        Sample([()], ((),)),
    ],
    ("fliplr", 0): [ONE],
    ("flipud", 0): [ONE, Sample([(3,)])],
    ("roll", 0): [
        Sample([(5,)], (2,)),
        Sample([(2, 3)], (-1,)),
        Sample([(3, 2, "t")], (4,)),
        Sample([(2, 3)], ((1, -2), (0, 1))),
        Sample([(3, 2, "t")], ((1, 1), (0, 0))),
        Sample([(0, 2)], (1, 0)),
        Sample([()], (1,)),
    ],
    ("rot90", 0): [
        Sample([(2, 3)]),
        Sample([(2, 3)], (-1,)),
        Sample([(3, 2, "t")], (2,)),
        Sample([(2, 2, 3)], (3, (0, 2))),
        Sample([(2, 2, 3)], (4, (2, -2))),
    ],
    ("pixel_shuffle", 0): [
        Sample([(4, 1, 2)], (2,)),
        Sample([(2, 8, 2, 3, "t")], (2,)),
        Sample([(0, 4, 1, 1)], (2,)),
    ],
    ("pixel_unshuffle", 0): [Sample([(1, 2, 4)], (2,)), Sample([(2, 2, 2, 4, "t")], (2,))],
    ("channel_shuffle", 0): [
        Sample([(2, 4, 2)], (2,)),
        Sample([(1, 6, 2, 2, "t")], (3,)),
        Sample([(0, 2, 2)], (2,)),
    ],
    ("tril", 0): MATRICES,
    ("triu", 0): MATRICES,
    ("tril_indices", 0): [Sample([], (3, 4)), Sample([], (3, 2, -1)), Sample([], (0, 3, 1))],
    ("triu_indices", 0): [Sample([], (3, 4)), Sample([], (3, 2, -1)), Sample([], (2, 2, 9))],
    ("diag_embed", 0): [
        Sample([(3,)]),
        Sample([(2, 3)], (-1,)),
        Sample([(3, 2, "t")], (1, 0, 2)),
        Sample([(2, 0)]),
    ],
    ("diagonal_copy", 0): [Sample([(3, 4)]), Sample([(2, 3, 2)], (1, 2, 1))],
    ("diag", 0): [Sample([(3,)], (1,)), Sample([(3, 4)], (-1,)), Sample([(3, 2, "t")])],
    ("diagflat", 0): [Sample([(2, 3)], (1,)), Sample([(3, 2, "t")]), Sample([()], (-2,))],
    ("diagonal_scatter", 0): [
        Sample([(3, 4), (3,)]),
        Sample([(4, 3, "t"), (3,)], (-1,)),
        Sample([(2, 3, 2), (3, 2)], (0, 2, 0)),
    ],
    ("select_scatter", 0): [
        Sample([(2, 3), (2,)], (1, -1)),
        Sample([(3, 2, "t"), (2,)], (0, 1)),
    ],
    ("slice_scatter", 0): [
        Sample([(4, 2), (2, 2)], (0, 1, 3)),
        Sample([(2, 3), (2, 2)], (1, None, None, 2)),
        Sample([(3, 2, "t"), (3, 2)]),
    ],
    ("as_strided_scatter", 0): [
        Sample([(3, 4), (2, 2)], ((2, 2), (4, 1), 1)),
        Sample([(5,), (2,)], ((2,), (2,))),
        Sample([(3, 1, "expanded"), (4,)], ((4,), (2,), 1)),
    ],
    ("narrow_copy", 0): [Sample([(2, 4)], (1, 1, 2)), Sample([(4, 2, "t")], (-2, -3, 0))],
    ("narrow", 1): [Sample([(2, 4)], (1, torch.tensor(-3), 2))],
    ("as_strided_", 0): [Sample([(3, 4)], ((2, 3), (4, 1), 1)), Sample([(5,)], ((), ()))],
    ("constant_pad_nd", 0): [
        Sample([(2, 3)], ((1, 2),)),
        Sample([(2, 3)], ((1, 0, 0, 2), 1.5)),
        Sample([(3, 2, "t")], ((-1, 2, 1, -1), 2)),
        Sample([(3, 2, "t")], ((-1, 0),)),
        Sample([(3, 1, "expanded")], ((0, 1),)),
        Sample([(0,)], ((1, 1),)),
        Sample([()], ((),)),
    ],
    **{
        (f"_{kind}_pad1d", 0): [
            Sample([(2, 4)], ((2, 3),)),
            Sample([(1, 4, 2, "t")], ((1, -1),)),
            Sample([(0, 2, 3)], ((1, 1),)),
        ]
        for kind in ("reflection", "replication")
    },
    **{
        (f"_{kind}_pad2d", 0): [
            Sample([(1, 3, 4)], ((2, 3, 1, 2),)),
            Sample([(1, 1, 3, 3, "t")], ((-1, 2, 2, -1),)),
        ]
        for kind in ("reflection", "replication")
    },
    **{
        (f"_{kind}_pad3d", 0): [Sample([(1, 2, 3, 2)], ((1, 1, 2, 0, 1, 1),))]
        for kind in ("reflection", "replication")
    },
    ("_pad_circular", 0): [
        Sample([(2, 3)], ((2, 1),)),
        Sample([(1, 3, 3, "t")], ((-1, 2, 1, 0),)),
        Sample([(1, 2, 2, 2)], ((1, 1, 2, 0, 0, 1),)),
    ],
    ("_pad", 0): [
        Sample([(2, 3)], ((1, 2),)),
        Sample([(2, 3)], ((1, 2), "constant", 2.5)),
        Sample([(2, 3)], ((1, 2), "reflect")),
        Sample([(2, 3, 3)], ((1, 2, 0, 1), "replicate")),
        Sample([(2, 3)], ((1, 2), "circular")),
    ],
    ("_max_pool2d", 0): [
        Sample(((2, 5, 6),), (2, (), 0, 1, False)),
        Sample(((1, 2, 5, 5),), ((2, 3), 2, 1, 1, True)),
    ],
    ("_im2col", 0): [
        Sample([(1, 2, 3, 4)], PAIRS),
        Sample([(2, 4, 5)], WIDE),
        Sample([(1, 1, 4, 3, "t")], PAIRS),
    ],
    ("_col2im", 0): [
        Sample([(1, 4, 6)], ((3, 4), *PAIRS)),
        Sample([(6, 14)], ((4, 5), *WIDE)),
    ],
    **{(name, 0): STACKED for name in ("hstack", "vstack", "row_stack", "dstack", "column_stack")},
    ("hsplit", 0): [Sample([(2, 4)], (2,)), Sample([(3,)], (3,))],
    ("hsplit", 1): [Sample([(2, 4)], ((1, -1),))],
    ("vsplit", 0): [Sample([(4, 2)], (2,))],
    ("vsplit", 1): [Sample([(4, 2)], ((1, 1),))],
    ("dsplit", 0): [Sample([(1, 2, 4)], (2,))],
    ("dsplit", 1): [Sample([(1, 2, 4)], ((3,),))],
    ("_block_diag", 0): [
        Sample([(2, 3), (2,), ()]),
        Sample([(3, 2, "t"), (0, 2)]),
        Sample([(3, 1)]),
    ],
    ("tensor_split", 2): [
        Sample([(5, 2)], (torch.tensor(3),)),
        Sample([(2, 3)], (torch.tensor([2, -1]), 1)),
    ],
    ("unsafe_split", 0): [Sample([(5, 2)], (2,)), Sample([(2, 3)], (1, 1))],
    ("unsafe_split_with_sizes", 0): [Sample([(5, 2)], ((2, 0, 3),))],
    ("unsafe_chunk", 0): [Sample([(5, 2)], (2,)), Sample([(0, 2)], (2,))],
    ("repeat_interleave", 0): [
        Sample([(2, 3)], (2,)),
        Sample([(3, 2, "t")], (2, 1)),
        Sample([(2, 3)], (0, 0)),
        Sample([()], (3,)),
    ],
    ("repeat_interleave", 1): [
        Sample([(2, 3)], (COUNTS, 1), {"output_size": 3}),
        Sample([(3, 2, "t")], (torch.tensor(2),)),
        Sample([(3,)], (COUNTS,)),
    ],
    ("repeat_interleave", 2): [Sample([], (COUNTS,)), Sample([], (COUNTS[:0],))],
    ("swapaxes", 0): [Sample([(2, 3, 4)], (0, -1))],
    ("swapdims", 0): [Sample([(2, 3)], (0, 1))],
    ("adjoint", 0): [ONE, Sample([(2, 3, 2)])],
    ("sum_to_size", 0): [
        Sample([(2, 3)], (1, 3)),
        Sample([(3, 2, "t")], ((2,),)),
        Sample([(2, 3)], ((),)),
    ],
}
