"""Calls of the operators of linear algebra."""

from support import torch

from .calls import c, op, t


def product(*calls, **options):
    return op(*calls, sums=True, ulp=8, **options)


def einsum(equation):
    return lambda *tensors: torch.einsum(equation, *tensors)


OPERATORS = {
    "matmul": product(
        c(t(2, 3), t(3, 4)),
        c(t(3), t(3)),
        c(t(2, 3), t(3)),
        c(t(3), t(3, 2)),
        c(t(2, 2, 3), t(3, 4)),
        c(t(2, 2, 3), t(3)),
        c(t(3), t(2, 3, 2)),
        c(t(2, 1, 2, 3), t(3, 3, 2)),
        c(t(2, 0), t(0, 3)),
        c(t(0), t(0)),
        c(t(), t(2)),
        c(t(2, 3), t(2, 3)),
        c(t(2, 2, 3), t(3, 3, 2)),
        c(t(130, 70), t(70, 90)),
    ),
    "mm": product(
        c(t(2, 3), t(3, 4)),
        c(t(2, 0), t(0, 3)),
        c(t(0, 2), t(2, 3)),
        c(t(2, 3), t(2, 3)),
        c(t(3), t(3, 2)),
    ),
    "bmm": product(
        c(t(2, 2, 3), t(2, 3, 2)),
        c(t(0, 2, 2), t(0, 2, 2)),
        c(t(2, 2, 3), t(3, 3, 2)),
        c(t(2, 3), t(2, 3)),
    ),
    "mv": product(c(t(2, 3), t(3)), c(t(2, 0), t(0)), c(t(2, 3), t(2)), c(t(3), t(3))),
    **{
        n: product(c(t(3), t(3)), c(t(0), t(0)), c(t(3), t(2)), c(t(2, 2), t(2, 2)))
        for n in ("dot", "vdot")
    },
    "inner": product(
        c(t(3), t(3)),
        c(t(2, 3), t(4, 3)),
        c(t(2, 2, 3), t(3)),
        c(t(2, 3), t()),
        c(t(), t()),
        c(t(2, 3), t(3, 2)),
    ),
    "outer": product(c(t(3), t(2)), c(t(0), t(2)), c(t(2, 2), t(2)), c(t(), t(2))),
    "addmm": product(
        c(t(2, 4), t(2, 3), t(3, 4)),
        c(t(4), t(2, 3), t(3, 4), beta=0.5, alpha=-2),
        c(t(), t(2, 3), t(3, 2), beta=0),
        c(t(2, 1), t(2, 0), t(0, 3), beta=2),
        c(t(2, 3), t(2, 3), t(3, 4)),
        c(t(2, 4), t(2, 3), t(2, 4)),
    ),
    "addmv": product(
        c(t(2), t(2, 3), t(3)),
        c(t(2), t(2, 3), t(3), beta=0.5, alpha=-2),
        c(t(), t(2, 3), t(3), beta=0),
        c(t(2), t(2, 0), t(0), beta=2),
        c(t(3), t(2, 3), t(3)),
    ),
    "addr": product(
        c(t(2, 3), t(2), t(3)),
        c(t(3), t(2), t(3), beta=2, alpha=3),
        c(t(2, 3), t(2), t(3), beta=0),
        c(t(), t(2), t(3)),
        c(t(2, 2), t(2), t(3)),
        c(t(2, 3), t(2, 1), t(3)),
    ),
    "baddbmm": product(
        c(t(2, 2, 2), t(2, 2, 3), t(2, 3, 2)),
        c(t(2), t(2, 2, 3), t(2, 3, 2), beta=0.5, alpha=-2),
        c(t(2, 2, 2), t(2, 2, 0), t(2, 0, 2), beta=2),
        c(t(3), t(2, 2, 3), t(2, 3, 2)),
    ),
    "addbmm": product(
        c(t(2, 2), t(2, 2, 3), t(2, 3, 2)),
        c(t(2), t(2, 2, 3), t(2, 3, 2), beta=0.5, alpha=-2),
        c(t(2, 2), t(0, 2, 3), t(0, 3, 2)),
        c(t(3), t(2, 2, 3), t(2, 3, 2)),
    ),
    "einsum": product(
        *(
            c(*tensors, run=einsum(equation), note=equation)
            for equation, tensors in (
                ("ij,jk->ik", (t(2, 3), t(3, 2))),
                ("ij,jk", (t(2, 3), t(3, 2))),
                ("ii->i", (t(3, 3),)),
                ("ii", (t(3, 3),)),
                ("ij->ji", (t(2, 3),)),
                ("ij->", (t(2, 3),)),
                ("i,j->ij", (t(2), t(3))),
                ("bij,bjk->bik", (t(2, 2, 3), t(2, 3, 2))),
                ("...ij,...jk->...ik", (t(2, 1, 2, 3), t(3, 3, 2))),
                ("...i->...", (t(2, 3),)),
                ("ij,ik,jk->i", (t(2, 3), t(2, 2), t(3, 2))),
                (" i j , j -> i ", (t(2, 3), t(3))),
                ("ab,ba->", (t(2, 3), t(3, 2))),
                ("ij,jk->il", (t(2, 3), t(3, 2))),
                ("ij,jk->ik", (t(2, 3), t(2, 3))),
                ("ijk->ij", (t(2, 3),)),
                ("ij", (t(2, 3), t(2))),
                ("i1->i", (t(2, 3),)),
            )
        ),
    ),
    "tensordot": product(
        c(t(2, 3), t(3, 2), 1),
        c(t(2, 3), t(2, 3)),
        c(t(2, 3), t(2, 2), dims=0),
        c(t(2, 3, 2), t(3, 2), ((1, 2), (0, 1))),
        c(t(2, 3), t(2, 4), dims=((0,), (0,))),
        c(t(2, 3), t(2, 3), 1),
        c(t(2, 3), t(2, 4), dims=((0, 1), (0,))),
        c(t(2, 3), t(2, 4), -1),
    ),
    "kron": product(
        c(t(2, 2), t(2, 3)), c(t(3), t(2)), c(t(2), t(2, 2)), c(t(), t(2)), c(t(0), t(2))
    ),
    "trace": product(c(t(3, 3)), c(t(2, 4)), c(t(0, 2)), c(t(3)), c(t(2, 2, 2))),
    "cross": product(
        c(t(2, 3), t(2, 3)),
        c(t(3, 2), t(3, 2), 0),
        c(t(2, 3), t(2, 3), dim=-1),
        c(t(2, 3), t(1, 3), 1),
        c(t(3), t(3)),
        c(t(2, 2), t(2, 2)),
        c(t(3, 2), t(3, 2), 1),
    ),
    "bilinear": product(
        c(t(2, 3), t(2, 2), t(4, 3, 2), t(4)),
        c(t(3), t(2), t(1, 3, 2)),
        c(t(2, 1, 3), t(2, 1, 3), t(2, 3, 3), bias=t(2)),
        c(t(0, 3), t(0, 2), t(4, 3, 2)),
        c(t(2, 3), t(2, 3), t(4, 3, 2)),
        c(t(2, 3), t(3), t(4, 3, 3)),
        c(t(2, 3), t(3, 3), t(4, 3, 3)),
        c(t(2, 3), t(2, 2), t(4, 3, 2), t(3)),
    ),
}
