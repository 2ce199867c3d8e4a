"""Samples of activation functions, softmax and the losses of classes and probabilities."""

from support import torch

from ._common import BINARY, UNARY, Sample

PLACES = [
    Sample([(2, 3)], (1,)),
    Sample([(2, 3)], (0,)),
    Sample([(3, 2, "t")], (-1,)),
    Sample([(2, 3, 2)], (1,)),
    Sample([()], (0,)),
    Sample([(0, 3)], (1,)),
]
CLASSES = torch.tensor([2, 0])
GRID = torch.tensor([[[0, 2], [1, 1]], [[2, 2], [0, -100]]])
HALF = torch.tensor([[0.25], [2.0]])


SAMPLES = {
    **{
        (name, 0): UNARY
        for name in ("_hardsigmoid", "_hardswish", "_silu", "_mish", "_log_sigmoid", "selu")
    },
    ("_leaky_relu", 0): [*UNARY, Sample([(2, 3)], (0.25,)), Sample([(3,)], (2,))],
    ("_elu", 0): [*UNARY, Sample([(2, 3)], (0.5,)), Sample([(3,)], (2, 0.5, 0.75))],
    ("celu", 0): [*UNARY, Sample([(2, 3)], (0.5,)), Sample([(3,)], (2,))],
    ("_hardtanh", 0): [*UNARY, Sample([(2, 3)], (-2, 0.5))],
    ("threshold", 0): [Sample([(2, 3)], (0.5, 2)), Sample([()], (-1, 0.0))],
    ("_softshrink", 0): [*UNARY, Sample([(2, 3)], (1,))],
    ("hardshrink", 0): [*UNARY, Sample([(2, 3)], (1,))],
    ("_prelu_kernel", 0): BINARY,
    ("prelu", 0): [
        Sample([(2, 3), (3,)]),
        Sample([(2, 3, 2), (3,)]),
        Sample([(3, 2, "t"), (1,)]),
        Sample([(), ()]),
        Sample([(4,), (1,)]),
    ],
    ("rrelu", 0): [*UNARY, Sample([(2, 3)], (0.25, 0.5))],
    ("_gelu", 0): [
        *UNARY,
        *(Sample([(2, 3)], kwargs={"approximate": w}) for w in ("none", "tanh")),
    ],
    ("_softplus", 0): [*UNARY, Sample([(2, 3)], (2,)), Sample([(3,)], (0.5, 1))],
    ("_glu", 0): [
        Sample([(2, 4)]),
        Sample([(4, 3)], (0,)),
        Sample([(2, 4, 3, "t")], (1,)),
        Sample([(2, 0)]),
    ],
    ("softmax", 0): PLACES,
    ("log_softmax", 0): PLACES,
    ("_nll_loss", 0): [
        *(Sample([(2, 3)], (CLASSES, None, reduction)) for reduction in (0, 1, 2)),
        Sample([(3,)], (CLASSES[0],)),
        Sample([(2, 3)], (CLASSES, None, 1, 0)),
        Sample([(2, 3, 2, 2)], (GRID,)),
        Sample([(2, 3, 2, 2)], (GRID, None, 0)),
        Sample([(2, 3, 2)], (GRID[0], None, 0)),
        Sample([(2, 3, 2)], (GRID[0],)),
    ],
    ("_cross_entropy_loss", 0): [
        *(Sample([(2, 3)], (CLASSES, None, reduction)) for reduction in (0, 1, 2)),
        *(
            Sample([(2, 3)], (CLASSES, None, reduction), {"label_smoothing": 0.25})
            for reduction in (0, 1, 2)
        ),
        Sample([(2, 3, 2, 2)], (GRID,), {"label_smoothing": 0.5}),
        *(Sample([(2, 3), (2, 3)], (None, reduction)) for reduction in (0, 1, 2)),
        Sample([(3,), (3,)], kwargs={"label_smoothing": 0.25}),
    ],
    ("_binary_cross_entropy", 0): [
        *(Sample([(2, 3), (2, 3)], (None, reduction)) for reduction in (0, 1, 2)),
        Sample([(), ()]),
    ],
    ("binary_cross_entropy_with_logits", 0): [
        *(Sample([(2, 3), (2, 3)], (None, None, reduction)) for reduction in (0, 1, 2)),
        Sample([(2, 3, "t"), (2, 3)]),
        Sample([(2, 3), (2, 3)], (HALF, HALF, 1)),
    ],
    ("_soft_margin_loss", 0): [
        *(Sample([(2, 3)], (torch.tensor([[1.0], [-1.0]]), reduction)) for reduction in (0, 1, 2)),
    ],
    ("layer_norm", 0): [
        Sample([(2, 3)], ((3,),)),
        Sample([(2, 3, 2)], ((3, 2),)),
        Sample([(3, 4, "t")], ((4,),)),
        Sample([(3, 2)], ((2,), None, None, 0.5)),
    ],
}
