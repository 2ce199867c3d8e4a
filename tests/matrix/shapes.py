"""Calls of the operators that move, join, split and repeat elements."""

from support import torch

from .calls import Named, c, index, op, t


def moved(*calls, **options):
    """Operators that compute nothing: one kind of value tells all."""
    return op(*calls, kinds=options.pop("kinds", ("special",)), ulp=0, **options)


def call(function, *args, note, **kwargs):
    return c(*args, run=function, note=note, **kwargs)


def stacked():
    return moved(
        c([t(2, 3), t(2, 3)]),
        c([t(3), t(3)]),
        c([t(), t()]),
        c([t(2, 2, 2), t(2, 2, 2)]),
        c([t(2, 3)]),
        c([t(2, 3), t(3)]),
        c([]),
    )


def triangle():
    return moved(
        c(t(3, 4)),
        *(c(t(3, 4), k) for k in (1, -1, 5, -4)),
        c(t(2, 3, 3), diagonal=1),
        c(t(0, 3)),
        c(t(3)),
        c(t()),
    )


def atleast():
    return moved(c(t()), c(t(2)), c(t(2, 3)), c(t(2, 2, 2)), c(t(0)), c([t(), t(2)]))


OPERATORS = {
    "view": moved(
        *(
            c(t(2, 3), *s)
            for s in ((3, 2), (-1,), ((6,),), (1, 6), (2, -1), (-1, -1), (4, 2), (7,))
        ),
        c(t(), 1, 1),
        c(t(0, 2), 2, 0),
        c(t(0, 2), -1, 0),
        c(t(2, 4), Named("float32")),
    ),
    "reshape": moved(
        *(c(t(2, 3), s) for s in ((3, 2), (-1,), (1, 6), (2, -1), (-1, -1), (4, 2))),
        c(t(), (1, 1)),
        c(t(0, 2), (2, 0)),
        c(t(2, 3), shape=(6,)),
    ),
    "permute": moved(
        c(t(2, 3, 4), (2, 0, 1)),
        c(t(2, 3), (-1, 0)),
        c(t(), ()),
        c(t(2, 3), (0, 0)),
        c(t(2, 3), (0,)),
        c(t(2, 3), (0, 2)),
        c(t(2, 3), dims=(1, 0)),
    ),
    "transpose": moved(
        c(t(2, 3), 0, 1),
        c(t(2, 3, 2), -1, 0),
        c(t(), 0, 0),
        c(t(2, 3), dim0=1, dim1=0),
        c(t(2, 3), 0, 2),
    ),
    "t": moved(c(t(2, 3)), c(t(3)), c(t()), c(t(0, 2)), c(t(2, 2, 2))),
    "squeeze": moved(
        c(t(1, 2, 1)),
        c(t(1, 2, 1), 0),
        c(t(1, 2, 1), -1),
        c(t(2, 3), 0),
        c(t(1, 2, 1), (0, 2)),
        c(t(), 0),
        c(t(1, 2, 1), dim=2),
        c(t(1, 2), 2),
        c(t(1, 2), (0, 0)),
    ),
    "unsqueeze": moved(
        *(c(t(2, 3), d) for d in (0, 1, 2, -1, -3, 3, -4)), c(t(), 0), c(t(2), dim=1)
    ),
    "expand": moved(
        c(t(3, 1), 3, 4),
        c(t(3), (2, 3)),
        c(t(), 2, 2),
        c(t(2, 1, 3), -1, 4, -1),
        c(t(1), 0),
        c(t(2, 3), 2, 4),
        c(t(2, 3), 3),
        c(t(2), -1, 2),
    ),
    "broadcast_to": moved(
        c(t(3, 1), (3, 4)),
        c(t(), (2, 2)),
        c(t(3), size=(2, 3)),
        c(t(2, 3), (2, 2)),
        c(t(2), (-1, 2)),
    ),
    "flatten": moved(
        c(t(2, 3, 2)),
        c(t(2, 3, 2), 1),
        c(t(2, 3, 2), 0, 1),
        c(t()),
        c(t(2, 0)),
        c(t(2, 3, 2), start_dim=1, end_dim=-1),
        c(t(2, 3, 2), 2, 1),
        c(t(2, 3), 5),
    ),
    "unflatten": moved(
        c(t(2, 6), 1, (2, -1)),
        c(t(4), -1, (2, 2)),
        c(t(2, 6), dim=1, sizes=(3, 2)),
        c(t(2, 6), 1, (4, -1)),
        c(t(2, 6), 1, ()),
        c(t(2, 6), 2, (2, 3)),
    ),
    "cat": moved(
        c([t(2, 3), t(1, 3)]),
        c([t(2, 3), t(2, 2)], 1),
        c([t(2, 3), t(0), t(2, 2)], dim=-1),
        c([t(3)]),
        c([t(2, 3), t(2, 3)], axis=1),
        c([t(2, 3), t(3)]),
        c([t(2, 3), t(2, 2)]),
        c([t(), t()]),
        c([]),
        c([t(2, 3)], 2),
    ),
    "stack": moved(
        c([t(2, 3), t(2, 3)]),
        c([t(3), t(3)], 1),
        c([t(), t()], -1),
        c([t(0, 2), t(0, 2)], dim=2),
        c([t(2), t(3)]),
        c([t(2), t(2)], 2),
        c([]),
    ),
    **{n: stacked() for n in ("hstack", "vstack", "dstack")},
    "split": moved(
        c(t(5, 2), 2),
        c(t(2, 3), 1, 1),
        c(t(4), 9),
        c(t(5, 2), (2, 0, 3)),
        c(t(2, 3), (1, 2), dim=1),
        c(t(5), (2, 2)),
        c(t(5), 0),
        c(t(5), -1),
        c(t(), 1),
    ),
    "chunk": moved(
        c(t(5, 2), 2),
        c(t(2, 3), 5, 1),
        c(t(0, 2), 2),
        c(t(4), chunks=2, dim=0),
        c(t(4), 0),
        c(t(), 1),
    ),
    "tensor_split": moved(
        c(t(5, 2), 3),
        c(t(2, 3), 5, 1),
        c(t(5, 2), (1, 3)),
        c(t(2, 3), (2, -1), 1),
        c(t(2, 3), (2, -1), dim=1),
        c(t(5), index(1, 4)),
        c(t(5), 0),
        c(t(), 1),
    ),
    "unbind": moved(c(t(2, 3)), c(t(2, 3), 1), c(t(3), dim=-1), c(t(0, 2)), c(t()), c(t(2, 3), 2)),
    "flip": moved(
        c(t(3, 4), (0,)),
        c(t(3, 4), (0, -1)),
        c(t(3, 4), ()),
        c(t(2, 2, 2), dims=(1,)),
        c(t(), (0,)),
        c(t(0, 2), (0,)),
        c(t(3), (0, 0)),
        c(t(3), (1,)),
    ),
    "fliplr": moved(c(t(2, 3)), c(t(2, 2, 2)), c(t(3))),
    "flipud": moved(c(t(2, 3)), c(t(3)), c(t())),
    "roll": moved(
        c(t(2, 3), 1),
        c(t(2, 3), -4),
        c(t(2, 3), 1, 0),
        c(t(2, 3), (1, -1), (0, 1)),
        c(t(3), shifts=2, dims=0),
        c(t(), 1),
        c(t(0), 1),
        c(t(2, 3), (1, 2), 0),
        c(t(2, 3), (1, 2)),
        c(t(2, 3), 1, 2),
    ),
    "rot90": moved(
        *(c(t(2, 3), k) for k in (0, 1, 2, 3, -1)),
        c(t(2, 2, 3), 1, (1, 2)),
        c(t(2, 3), k=1, dims=(1, 0)),
        c(t(3)),
        c(t(2, 3), 1, (0, 0)),
        c(t(2, 3), 1, (0, 3)),
    ),
    "repeat": moved(
        c(t(2, 3), 2, 2),
        c(t(2, 3), 2, 1, 2),
        c(t(), 3),
        c(t(2), 0),
        c(t(2), (2, 2)),
        c(t(2, 3), 2),
        c(t(2), -1),
    ),
    "repeat_interleave": moved(
        c(t(2, 3), 2),
        c(t(2, 3), 2, 1),
        c(t(2, 3), index(1, 2), 0),
        c(t(3), repeats=index(0, 2, 1), dim=0),
        c(t(3), 2, output_size=6),
        c(t(), 3),
        c(t(2, 3), index(1, 2, 3), 0),
        c(t(3), -1),
        c(index(1, 0, 2)),
    ),
    "tile": moved(
        c(t(2, 3), (2,)), c(t(2), (2, 3)), c(t(), (2,)), c(t(2, 3), dims=(2, 1)), c(t(2), (-1,))
    ),
    "narrow": moved(
        c(t(2, 4), 1, 1, 2),
        c(t(4, 2), -2, -3, 1),
        c(t(4), dim=0, start=1, length=0),
        c(t(4), 0, 3, 2),
        c(t(4), 0, 5, 0),
        c(t(4), 0, 1, -1),
        c(t(), 0, 0, 1),
    ),
    "select": moved(
        c(t(2, 3), 1, -1),
        c(t(2, 3), 0, 1),
        c(t(3), dim=0, index=2),
        c(t(2), 0, 2),
        c(t(2), 1, 0),
        c(t(), 0, 0),
    ),
    "diagonal": moved(
        c(t(3, 4)),
        c(t(3, 4), 2),
        c(t(3, 4), -1),
        c(t(2, 3, 2), 0, 2, 0),
        c(t(2, 2), offset=7),
        c(t(2, 3, 2), dim1=1, dim2=2),
        c(t(3)),
        c(t(2, 2), 0, 0, 0),
    ),
    "diag": moved(
        c(t(3)), c(t(3), 1), c(t(3, 4)), c(t(3, 4), -1), c(t(2), diagonal=-1), c(t()), c(t(2, 2, 2))
    ),
    "diag_embed": moved(
        c(t(3)),
        c(t(2, 3)),
        c(t(2), 1),
        c(t(2, 3), -1, 0, 2),
        c(t(2), offset=1, dim1=0, dim2=1),
        c(t()),
        c(t(2), 0, 0, 0),
    ),
    "diagflat": moved(c(t(3)), c(t(2, 2)), c(t(), 1), c(t(2), offset=-1), c(t(0))),
    "tril": triangle(),
    "triu": triangle(),
    "movedim": moved(
        c(t(2, 3, 4), 0, 2),
        c(t(2, 3, 4), (0, 1), (-1, 0)),
        c(t(), 0, 0),
        c(t(2, 3), source=0, destination=1),
        c(t(2, 3), (0, 0), (0, 1)),
        c(t(2, 3), (0,), (0, 1)),
    ),
    "swapaxes": moved(c(t(2, 3), 0, 1), c(t(2, 3, 2), axis0=0, axis1=-1), c(t(2, 3), 0, 2)),
    "unfold": moved(
        c(t(6), 0, 3, 1),
        c(t(2, 5), 1, 2, 2),
        c(t(4, 3), dimension=0, size=2, step=1),
        c(t(), 0, 1, 1),
        c(t(3), 0, 4, 1),
        c(t(3), 0, 2, 0),
        c(t(3), 0, -1, 1),
        forms=("method",),
    ),
    "as_strided": moved(
        c(t(3, 4), (2, 3), (4, 1), 1),
        c(t(3, 4), (2, 3), (1, 1)),
        c(t(5), (), ()),
        c(t(4), size=(2,), stride=(2,), storage_offset=1),
        c(t(4), (5,), (1,)),
        c(t(4), (2,), (-1,)),
        c(t(4), (2, 2), (1,)),
    ),
    "contiguous": moved(c(t(2, 3)), c(t()), c(t(2), memory_format=torch.contiguous_format)),
    "meshgrid": moved(
        call(lambda *x: torch.meshgrid(*x, indexing="ij"), t(2), t(3), note="ij"),
        call(lambda *x: torch.meshgrid(*x, indexing="xy"), t(2), t(3), t(2), note="xy"),
        call(lambda *x: torch.meshgrid(list(x), indexing="ij"), t(2), t(), note="list"),
        call(lambda *x: torch.meshgrid(*x, indexing="no"), t(2), note="no"),
        call(lambda *x: torch.meshgrid(*x, indexing="ij"), t(2, 2), note="2-d"),
    ),
    **{f"atleast_{n}d": atleast() for n in (1, 2, 3)},
    "constant_pad_nd": moved(
        c(t(2, 3), (1, 2)),
        c(t(2, 3), (1, 0, 2, -1), 1.5),
        c(t(2), pad=(-1, 1), value=2),
        c(t(2), (1,)),
        c(t(2), (-2, -1)),
    ),
    "pad": moved(
        c(t(2, 3), (1, 2)),
        c(t(2, 3), (1, 0, 2, 1), "constant", 1.5),
        c(t(2, 3), (-1, 1), value=2),
        c(t(1, 2, 4), (1, 2), mode="reflect"),
        c(t(1, 2, 4), (1, 2), mode="replicate"),
        c(t(1, 2, 4), (1, 2), mode="circular"),
        c(t(1, 1, 3, 3), (1, 1, 2, 0), mode="reflect"),
        c(t(1, 1, 3, 3), (1, 1, 2, 0), mode="replicate"),
        c(t(1, 1, 3, 3), (1, 1, 2, 0), mode="circular"),
        c(t(2, 3), (1,)),
        c(t(2, 3), (1, 1), "other"),
        c(t(1, 2, 3), (3, 1), mode="reflect"),
        c(t(2, 3), (1, 1, 1, 1, 1, 1)),
    ),
}
