"""Calls of nn.functional that no operator of torch has: losses, distances, windows and dropout."""

from .calls import Fixed, c, floats, index, op, t

PROBABILITY, SIGNS = (0.05, 0.95), floats(1.0, -1.0, 1.0)
WEIGHTS = floats([0.5, 1.0, 2.0], [1.5, 0.25, 1.0])
REDUCTIONS = ("none", "sum", "mean")
LAYOUTS = ("transposed", "strided")


def computed(*calls, **options):
    """A composite: its steps have cases of their own, so few kinds of values and layouts do."""
    options = dict(sums=True, ulp=16, kinds=("special",), layouts=LAYOUTS) | options
    return op(*calls, forms=("function",), **options)


def reduced(*arguments, **kwargs):
    """Each reduction, the words that say it in other ways, and one that does not exist."""
    calls = [c(*arguments, **kwargs, reduction=r) for r in (*REDUCTIONS, "other")]
    return [c(*arguments, **kwargs), *calls, c(*arguments, **kwargs, reduce=False)]


def elementwise(*more, second=None):
    """Losses that compare two tensors element by element."""
    return computed(
        *(c(t(2, 3), t(2, 3, domain=second), reduction=r) for r in (*REDUCTIONS, "other")),
        c(t(), t(domain=second)),
        c(t(0), t(0)),
        c(t(2, 3), t(3, domain=second)),
        c(t(2, 3), t(2, 2, domain=second)),
        *more,
        kinds=("ties", "special"),
    )


def of_classes(*more):
    """Losses whose target names one class of each row."""
    rows, weight = (t(3, 4), index(0, 3, 1)), floats(0.5, 1.0, 2.0, 0.25)
    return computed(
        *reduced(*rows),
        c(*rows, weight),
        c(*rows, t(4, domain=(0.1, 3))),
        c(*rows, weight=weight, reduction="sum"),
        c(*rows, ignore_index=3),
        c(t(4), Fixed(2)),
        c(t(2, 3, 2), index([0, 2], [1, 1])),
        c(
            t(2, 3, 2, 2),
            Fixed((((0, 1), (2, 2)), ((1, 0), (0, 2)))),
            floats(1.0, 2.0, 0.5),
            reduction="none",
        ),
        c(t(0, 3), Fixed(())),
        c(t(3, 4), index(0, 4, 1)),
        c(t(3, 4), index(0, -1, 1)),
        c(t(3, 4), index(0, 1)),
        c(t(3, 4), floats(0.0, 1.0, 2.0)),
        c(t(3, 4), index(0, 1, 2), t(3)),
        c(t(3, 4), index(-100, -100, -100)),
        *more,
    )


def dropped(*shapes):
    """Zeros drawn from one seed, a whole channel at a time."""
    calls = [c(t(*s), p, training) for s in shapes for p, training in ((0.4, True), (0.5, False))]
    return op(
        *calls,
        c(t(*shapes[0])),
        c(t(*shapes[0]), p=0.4, inplace=True),
        c(t(*shapes[0]), 1.0),
        c(t(*shapes[0]), -0.1),
        c(t(3)),
        forms=("function",),
        seeded=True,
        kinds=(),
    )


TRIPLE = (t(2, 3), t(2, 3), t(2, 3))

FUNCTIONS = {
    "linear": computed(
        c(t(2, 3), t(4, 3)),
        c(t(2, 3), t(4, 3), t(4)),
        c(t(2, 2, 3), t(4, 3), bias=t(4)),
        c(t(3), t(3)),
        c(t(2, 3), t(3)),
        c(t(3), t(4, 3), t(4)),
        c(t(0, 3), t(4, 3), t(4)),
        c(t(2, 0), t(4, 0), t(4)),
        c(t(2, 3), t(4, 2)),
        c(t(2, 3), t(4, 3), t(3)),
        c(t(), t(4, 3)),
        layouts=(*LAYOUTS, "offset", "expanded"),
    ),
    "mse_loss": elementwise(
        c(t(2, 3), t(2, 3), size_average=False),
        c(t(2, 3), t(2, 3), weight=t(2, 3, domain=(0.1, 2))),
    ),
    "l1_loss": elementwise(
        c(t(2, 3), t(2, 3), reduce=False), c(t(2, 3), t(2, 3), weight=t(2, 3, domain=(0.1, 2)))
    ),
    "smooth_l1_loss": elementwise(
        *(c(t(2, 3), t(2, 3), beta=b) for b in (0.5, 0.0, -1.0)), c(t(2, 3), t(2, 3), None, None)
    ),
    "huber_loss": elementwise(
        *(c(t(2, 3), t(2, 3), delta=d) for d in (0.5, 0.0, -1.0)),
        c(t(2, 3), t(2, 3), "sum", 2.0, weight=t(2, 3, domain=(0.1, 2))),
    ),
    "nll_loss": of_classes(),
    "cross_entropy": of_classes(
        c(t(3, 4), index(0, 3, 1), label_smoothing=0.2),
        c(
            t(3, 4),
            index(0, 3, 1),
            floats(0.5, 1.0, 2.0, 0.25),
            reduction="sum",
            label_smoothing=0.1,
        ),
        c(t(3, 4), index(0, 3, 1), label_smoothing=1.5),
        c(t(3, 4), t(3, 4, domain=(0.05, 0.5))),
        c(t(3, 4), t(3, 4, domain=(0.05, 0.5)), t(4), label_smoothing=0.1, reduction="none"),
        c(t(2, 3, 2), t(2, 3, 2, domain=(0.05, 0.5))),
        c(t(4), t(4, domain=(0.05, 0.5)), reduction="sum"),
    ),
    "kl_div": elementwise(
        c(t(2, 3), t(2, 3, domain=PROBABILITY), reduction="batchmean"),
        c(t(2, 3), t(2, 3), log_target=True),
        c(t(2, 3), t(2, 3), reduction="sum", log_target=True),
        c(t(2, 3), t(2, 3, domain=PROBABILITY), size_average=False),
        second=PROBABILITY,
    ),
    "binary_cross_entropy": computed(
        *reduced(t(2, 3, domain=PROBABILITY), t(2, 3, domain=PROBABILITY)),
        c(t(2, 3, domain=PROBABILITY), t(2, 3, domain=PROBABILITY), t(3)),
        c(t(2, 3, domain=PROBABILITY), t(2, 3, domain=PROBABILITY), weight=WEIGHTS),
        c(t(domain=PROBABILITY), t(domain=PROBABILITY)),
        c(t(0), t(0)),
        c(t(2, 3, domain=PROBABILITY), t(3, domain=PROBABILITY)),
        c(t(2, 3, domain=PROBABILITY), t(2, 3, domain=PROBABILITY), t(2)),
        kinds=("ties", "special"),
    ),
    "binary_cross_entropy_with_logits": computed(
        *reduced(t(2, 3), t(2, 3, domain=PROBABILITY)),
        c(t(2, 3), t(2, 3, domain=PROBABILITY), t(3)),
        c(t(2, 3), t(2, 3, domain=PROBABILITY), weight=WEIGHTS, pos_weight=floats(0.5, 1.0, 2.0)),
        c(t(), t(domain=PROBABILITY)),
        c(t(0), t(0)),
        c(t(2, 3), t(3, domain=PROBABILITY)),
        kinds=("ties", "special"),
    ),
    "poisson_nll_loss": computed(
        *reduced(t(2, 3), t(2, 3, domain=(0, 4))),
        c(t(2, 3), t(2, 3, domain=(0, 4)), False),
        c(t(2, 3), t(2, 3, domain=(1.1, 4)), full=True),
        c(t(2, 3), t(2, 3), log_input=False, eps=0.5),
        kinds=(),
        domain=(0.1, 3),
    ),
    "gaussian_nll_loss": computed(
        *(c(t(2, 3), t(2, 3), t(2, 3), reduction=r) for r in (*REDUCTIONS, "other")),
        c(t(2, 3), t(2, 3), t(2, 1), full=True),
        c(t(2, 3), t(2, 3), t(2), eps=0.5),
        c(t(2, 3), t(2, 3), 0.25),
        c(t(2, 3), t(2, 3), -1.0),
        c(t(2, 3), t(2, 3), t(2, 2)),
        c(t(2, 3), t(2, 3), t(2, 3, domain=(-1, 1))),
        kinds=(),
        domain=(0.1, 3),
    ),
    "hinge_embedding_loss": computed(
        *reduced(t(2, 3), SIGNS),
        c(t(3), SIGNS, 0.5),
        c(t(2, 3), SIGNS, margin=-1.0),
        c(t(2), SIGNS),
    ),
    "margin_ranking_loss": computed(
        *reduced(t(3), t(3), SIGNS),
        c(t(3), t(3), SIGNS, 0.5),
        c(t(2, 3), t(2, 3), floats([1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]), margin=0.25),
        c(t(2, 3), t(2, 3), SIGNS),
        c(t(3), t(2), SIGNS),
    ),
    "cosine_embedding_loss": computed(
        *reduced(t(3, 4), t(3, 4), SIGNS),
        c(t(3, 4), t(3, 4), SIGNS, 0.5),
        c(t(4), t(4), Fixed(1.0, "float64"), margin=0.25),
        c(t(3, 4), t(3, 4), floats([1.0, 1.0, 1.0])),
        c(t(3, 4), t(4), SIGNS),
        c(t(3, 4), t(3, 4), floats(1.0, -1.0)),
    ),
    "triplet_margin_loss": computed(
        *reduced(*TRIPLE),
        c(*TRIPLE, 0.5, 1.0),
        c(*TRIPLE, margin=2.0, p=3.0, eps=1e-3, swap=True),
        c(*TRIPLE, margin=-1.0),
        c(t(3), t(3), t(3)),
        c(t(2, 3), t(2, 3), t(3)),
        c(t(2, 3), t(2, 2), t(2, 3)),
    ),
    "soft_margin_loss": computed(
        *reduced(t(2, 3), SIGNS), c(t(2, 3), t(2, 3)), c(t(2, 3), t(2, 2))
    ),
    "normalize": computed(
        c(t(2, 3)),
        c(t(2, 3), 1.0, 0),
        c(t(2, 3), p=3.0, dim=-1, eps=2.0),
        c(t(2, 3), p=float("inf")),
        c(t(3), dim=0),
        c(t(0, 3)),
        c(t(3)),
        c(t(2, 3), 2.0, 2),
        layouts=(*LAYOUTS, "expanded"),
    ),
    "rms_norm": computed(
        c(t(2, 3), (3,)),
        c(t(2, 3), (3,), t(3)),
        c(t(2, 2, 3), [2, 3], weight=t(2, 3), eps=0.5),
        c(t(2, 3), (2,)),
        c(t(2, 3), ()),
        c(t(2, 3), (3,), t(2)),
        c(t(0, 3), (3,)),
        layouts=(*LAYOUTS, "expanded"),
    ),
    "unfold": computed(
        c(t(1, 2, 4, 3), 2),
        c(t(2, 1, 5, 5), (2, 3), 2, 1, 2),
        c(t(2, 4, 3), kernel_size=2, dilation=1, padding=(1, 0), stride=(2, 1)),
        c(t(4, 3), 2),
        c(t(1, 2, 2, 2), 3),
        c(t(1, 2, 2, 2), 0),
        c(t(0, 2, 3, 3), 2),
        ulp=2,
    ),
    "fold": computed(
        c(t(1, 8, 6), (4, 3), 2),
        c(t(4, 6), (4, 3), 2),
        c(t(1, 4, 9), output_size=5, kernel_size=2, dilation=2, padding=1, stride=2),
        c(t(1, 4, 5), (4, 3), 2),
        c(t(1, 3, 6), (4, 3), 2),
        c(t(3), (4, 3), 2),
        c(t(0, 8, 6), (4, 3), 2),
        ulp=8,
    ),
    "max_pool2d": computed(
        c(t(1, 2, 4, 6), 2),
        c(t(2, 1, 5, 5), (2, 3), 2, 1),
        c(t(2, 6, 5), kernel_size=3, stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
        c(t(1, 2, 5, 5), 2, 2, ceil_mode=True),
        c(t(1, 1, 5, 5), 2, 3, 1, 2, True),
        c(t(1, 1, 4, 4), 2, return_indices=True),
        c(t(0, 2, 4, 4), 2),
        c(t(1, 2, 2, 2), 3),
        c(t(4, 4), 2),
        c(t(1, 0, 4, 4), 2),
        c(t(1, 1, 4, 4), 0),
        c(t(1, 1, 4, 4), 0, 1),
        c(t(1, 1, 4, 4), 2, (1, -1)),
        c(t(1, 1, 4, 4), 2, 1, 2),
        c(t(1, 1, 4, 4), 2, 1, -1),
        c(t(1, 1, 4, 4), (1, 2, 3)),
        c(t(1, 1, 4, 4), 2, dilation=0),
        kinds=("ties", "special"),
        layouts=LAYOUTS,
    ),
    "max_pool1d": computed(
        c(t(1, 2, 6), 2),
        c(t(2, 7), [3], (2,), padding=1, dilation=2, ceil_mode=True),
        c(t(1, 1, 6), 2, return_indices=True),
        c(t(0, 1, 4), 2),
        c(t(4), 2),
        c(t(1, 1, 1), 2),
        c(t(1, 1, 4), (2, 2)),
        c(t(1, 1, 4), 2, (1, 1)),
        c(t(1, 1, 4), 0),
        c(t(1, 1, 4), 2, 0),
        c(t(1, 1, 4), 2, 1, 2),
        c(t(1, 1, 4), 2, 1, -1),
        c(t(1, 1, 4), 2, dilation=0),
        kinds=("ties", "special"),
        layouts=LAYOUTS,
    ),
    "dropout1d": dropped((2, 3, 4), (3, 4)),
    "dropout2d": dropped((2, 3, 2, 2), (3, 2, 2)),
    "dropout3d": dropped((1, 3, 2, 1, 2), (3, 2, 1, 2)),
}

OPERATORS = {f"nn.functional.{name}": operator for name, operator in FUNCTIONS.items()}
