"""Calls of what is composed from operators, of torch.linalg and of torch.special."""

from support import torch

from .calls import Fixed, Named, c, floats, op, t
from .losses import computed
from .pointwise import pairs, unary
from .shapes import call, moved

F64 = Named("float64")
INF = float("inf")
ORDERS = ("fro", 1, -1, INF, -INF)


def special(operator):
    """A second name of an operator of torch: a function alone."""
    operator.forms = ("function", "out")
    return operator


SPECIAL = {
    **{n: unary() for n in ("erf", "erfc", "expit", "expm1", "exp2", "ndtr", "round")},
    "entr": unary(domain=(0.1, 3)),
    "erfinv": unary(domain=(-0.95, 0.95), ulp=16),
    "log1p": unary(domain=(-0.9, 3)),
    "sinc": unary(ulp=16, sums=True, kinds=("ties", "special")),
    "gammaln": unary(domain=(0.2, 6), ulp=64),
    **{n: unary(domain=(0.2, 6), ulp=64, kinds=()) for n in ("digamma", "psi")},
    "logit": unary(c(t(2, 3), 0.1), c(t(2, 3), eps=1e-6), domain=(0.05, 0.95), ulp=24),
    "polygamma": op(c(0, t(2, 3)), c(2, t(2, 3)), c(-1, t(2)), domain=(0.3, 5), ulp=64, kinds=()),
    "multigammaln": op(
        c(t(2, 3), 2), c(t(3), p=1), c(t(2), 0), domain=(2, 6), ulp=64, sums=True, kinds=()
    ),
    **{
        n: op(*pairs(), c(2, t(2, 3)), c(t(2, 3), 1.5), domain=(0.1, 3))
        for n in ("xlogy", "xlog1py")
    },
}

LINALG = {
    "cross": op(
        c(t(2, 3), t(2, 3)),
        c(t(3, 2), t(3, 2), dim=0),
        c(t(2, 3), t(1, 3)),
        c(t(2, 2), t(2, 2)),
        c(t(3), t(2, 3)),
        sums=True,
    ),
    "diagonal": moved(
        c(t(3, 4)),
        c(t(2, 3, 2)),
        c(t(2, 3, 2), offset=1, dim1=0, dim2=1),
        c(t(3)),
        c(t(2, 2), dim1=1),
    ),
    "matmul": op(c(t(2, 3), t(3, 2)), c(t(2, 2, 3), t(3)), c(t(2, 3), t(2, 3)), sums=True, ulp=8),
    "matrix_power": op(
        c(t(3, 3), 3),
        c(t(2, 2, 2), 0),
        c(t(3, 3), n=1),
        c(t(2, 3), 2),
        c(t(3), 2),
        sums=True,
        ulp=64,
    ),
    "multi_dot": computed(
        c([t(2, 3), t(3, 2)]),
        c([t(2, 3), t(3, 4), t(4, 1)]),
        c([t(3), t(3, 4), t(4, 2), t(2)]),
        c([t(2, 3)]),
        c([t(2, 3), t(2, 3)]),
        c([t(2, 3), t(3, 2, 1)]),
    ),
    "vecdot": op(
        c(t(2, 3), t(2, 3)),
        c(t(2, 3), t(3)),
        c(t(3, 2), t(3, 2), dim=0),
        c(t(2, 3), t(2, 2)),
        c(t(), t()),
        sums=True,
        ulp=8,
    ),
    "vector_norm": op(
        *(c(t(2, 3), p) for p in (2, 1, 0, 3, 0.5, INF, -INF)),
        c(t(2, 3), ord=2, dim=1, keepdim=True),
        c(t(2, 3), 1, (0, 1), dtype=F64),
        c(t()),
        c(t(0)),
        c(t(0), INF),
        c(t(2, 3), 2, 2),
        sums=True,
        ulp=8,
    ),
    "matrix_norm": op(
        *(c(t(2, 3), p) for p in ORDERS),
        c(t(2, 3, 2), "fro", (0, 2), True),
        c(t(2, 3, 2), ord=1, dim=(2, 0)),
        c(t(2, 3), dtype=F64),
        c(t(2, 3), 3),
        c(t(3)),
        c(t(2, 3), dim=(0, 0)),
        c(t(2, 3), dim=(0,)),
        sums=True,
        ulp=8,
    ),
    "norm": op(
        c(t(2, 3)),
        c(t(2, 3), "fro"),
        c(t(2, 3), 1),
        c(t(3), 3),
        c(t(2, 3), INF, 1),
        c(t(2, 3, 2), dim=(0, 1), keepdim=True),
        c(t(2, 3), ord=None, dtype=F64),
        c(t(2, 3, 2), 2),
        c(t(2, 3, 2), 2, (0, 1, 2)),
        c(t(3), "fro"),
        sums=True,
        ulp=8,
    ),
}

OPERATORS = {
    **{f"special.{name}": special(operator) for name, operator in SPECIAL.items()},
    **{f"linalg.{name}": operator for name, operator in LINALG.items()},
    "cosine_similarity": computed(
        c(t(2, 3), t(2, 3)),
        c(t(2, 3), t(2, 3), 0),
        c(t(2, 3), t(3), dim=-1, eps=2.0),
        c(t(3), t(3), dim=0),
        c(t(0, 3), t(0, 3)),
        c(t(2, 3), t(2, 2)),
        c(t(3), t(3)),
        c(t(), t(), 0),
        kinds=("ties", "special"),
    ),
    "pairwise_distance": computed(
        c(t(2, 3), t(2, 3)),
        c(t(2, 3), t(3), 1.0),
        c(t(2, 3), t(2, 3), p=INF, eps=0.5, keepdim=True),
        c(t(3), t(3)),
        c(t(2, 3), t(2, 2)),
        kinds=("ties", "special"),
    ),
    "rms_norm": computed(c(t(2, 3), (3,)), c(t(2, 3), (3,), t(3), 0.5), c(t(2, 3), (2,))),
    "cdist": computed(
        c(t(2, 3), t(4, 3)),
        *(c(t(2, 3), t(4, 3), p) for p in (1.0, 0.0, 3.0, INF)),
        *(
            c(t(2, 3), t(4, 3), compute_mode=f"{word}use_mm_for_euclid_dist")
            for word in ("", "donot_")
        ),
        c(t(2, 2, 3), t(4, 3)),
        c(t(0, 3), t(4, 3)),
        c(t(2, 0), t(4, 0)),
        c(t(2, 3), t(4, 2)),
        c(t(3), t(4, 3)),
        c(t(2, 3), t(4, 3), -1.0),
        c(t(2, 3), t(4, 3), compute_mode="other"),
        ulp=64,
    ),
    "unique_consecutive": op(
        c(t(8)),
        c(t(3, 4), return_inverse=True),
        c(t(8), True, True),
        c(t(3, 2), dim=0, return_counts=True),
        c(t(3, 2), True, True, dim=1),
        c(t()),
        c(t(0)),
        c(t(3), dim=1),
        kinds=("ties", "huge"),
        forms=("function", "method"),
    ),
    "histogram": op(
        c(t(3, 4), 5),
        c(t(3, 4), bins=4, range=(-2.0, 2.0)),
        c(t(8), floats(-1.0, 0.0, 0.5, 2.0)),
        c(t(8), Fixed((-1.0, 0.0, 0.5, 2.0), "float32")),
        c(t(4), 3, weight=t(4), density=True),
        c(t(4), 3, density=True),
        c(t(0), 3),
        c(t(3), 0),
        c(t(3), 2, range=(2.0, 1.0)),
        c(t(3), 2, weight=t(2)),
        kinds=("ties", "special"),
        forms=("function", "method"),
    ),
    "block_diag": computed(
        c(t(2, 2), t(3), t()), c(t(2, 3)), c(), c(t(0, 2), t(1, 1)), c(t(2, 2, 2)), c(t(2, 2), "x")
    ),
    "cartesian_prod": computed(
        c(t(2), t(3)), c(t(3)), c(t(2), t(0)), c(t(2, 2), t(2)), c(t(), t(2))
    ),
    "combinations": computed(
        c(t(4)),
        c(t(4), 3),
        c(t(3), r=2, with_replacement=True),
        c(t(3), 0),
        c(t(2), 3),
        c(t(0)),
        c(t(2, 2)),
        c(t(3), -1),
    ),
    "chain_matmul": computed(
        c(t(2, 3), t(3, 4), t(4, 1)),
        c(t(2, 3)),
        c(t(2, 3), t(3, 2)),
        c(t(2, 3), t(2, 3)),
        c(),
        c(t(3)),
    ),
    "broadcast_tensors": computed(
        c(t(2, 1), t(3)), c(t(), t(2, 3), t(3)), c(t(2)), c(), c(t(2), t(3)), c(t(2), 1.0)
    ),
    "broadcast_shapes": op(
        c((2, 1), (3,)), c((2, 3)), c(), c((2,), (3,)), c((0, 1), (2,)), c(2, (1, 2)), numeric=False
    ),
    "vander": computed(c(t(3)), c(t(3), 2), c(t(3), N=4, increasing=True), c(t(2, 2)), c(t(2), -1)),
    "as_tensor": op(
        call(lambda x: torch.as_tensor(x), t(2, 3), note="tensor"),
        call(lambda x: torch.as_tensor(x, dtype=torch.float64), t(2, 3), note="dtype"),
        call(lambda x: torch.as_tensor(x.tolist()), t(3), note="list"),
        numeric=False,
    ),
    "asarray": op(
        call(lambda x: torch.asarray(x), t(2, 3), note="tensor"),
        call(lambda x: torch.asarray(x, dtype=torch.float64, copy=True), t(2, 3), note="dtype"),
        call(lambda x: torch.asarray(x, dtype=torch.float64, copy=False), t(2), note="no copy"),
        numeric=False,
    ),
}
