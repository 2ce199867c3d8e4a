"""Calls of the operators that move, join, split and copy elements, and of those that make tensors."""

from support import torch

from .calls import DType, Named, c, floats, index, op, t

D = DType()
F64, F16, I32 = Named("float64"), Named("float16"), Named("int32")


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


def to_type():
    return op(c(t(2, 3)), c(t()), c(t(0)), kinds=("ties",), forms=("method",), numeric=False)


def unmade(x):
    """What uninitialised memory has in common everywhere: dtype and shape."""
    return x.dtype, tuple(x.shape), x.is_contiguous()


def by_name(name):
    """A function that is looked up when it is called."""
    return lambda *args: getattr(torch, name)(*args)


SIZES = [(2, 3), (), (0, 2), 3]

OPERATORS = {
    "view": moved(
        *(c(t(2, 3), *s) for s in ((3, 2), (-1,), ((6,),), (1, 6), (2, -1), (-1, -1), (4, 2), (7,))),
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
        c(t(2, 3), 0, 1), c(t(2, 3, 2), -1, 0), c(t(), 0, 0), c(t(2, 3), dim0=1, dim1=0), c(t(2, 3), 0, 2)
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
    "unsqueeze": moved(*(c(t(2, 3), d) for d in (0, 1, 2, -1, -3, 3, -4)), c(t(), 0), c(t(2), dim=1)),
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
        c(t(3, 1), (3, 4)), c(t(), (2, 2)), c(t(3), size=(2, 3)), c(t(2, 3), (2, 2)), c(t(2), (-1, 2))
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
        c(t(5, 2), 2), c(t(2, 3), 5, 1), c(t(0, 2), 2), c(t(4), chunks=2, dim=0), c(t(4), 0), c(t(), 1)
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
    "tile": moved(c(t(2, 3), (2,)), c(t(2), (2, 3)), c(t(), (2,)), c(t(2, 3), dims=(2, 1)), c(t(2), (-1,))),
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
        c(t(2, 3), 1, -1), c(t(2, 3), 0, 1), c(t(3), dim=0, index=2), c(t(2), 0, 2), c(t(2), 1, 0), c(t(), 0, 0)
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
    "diag": moved(c(t(3)), c(t(3), 1), c(t(3, 4)), c(t(3, 4), -1), c(t(2), diagonal=-1), c(t()), c(t(2, 2, 2))),
    "diag_embed": moved(
        c(t(3)), c(t(2, 3)), c(t(2), 1), c(t(2, 3), -1, 0, 2), c(t(2), offset=1, dim1=0, dim2=1), c(t()), c(t(2), 0, 0, 0)
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
        c(t(2, 3), (1, 2)), c(t(2, 3), (1, 0, 2, -1), 1.5), c(t(2), pad=(-1, 1), value=2), c(t(2), (1,)), c(t(2), (-2, -1))
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
    # dtypes and copies
    "to": op(
        *(c(t(2, 3), n) for n in map(Named, ("bool", "uint8", "int32", "float16", "bfloat16", "float64"))),
        c(t(2, 3), dtype=F64, copy=True),
        c(t(2, 3), "cpu"),
        c(t(2, 3), device="cpu", dtype=I32, non_blocking=True),
        c(t(2, 3), t(2)),
        c(t(2, 3), "cpu", F16, False, True),
        c(t(2, 3), F64, memory_format=torch.preserve_format),
        c(t(2, 3), "nowhere"),
        kinds=("ties",),
        numeric=False,
    ),
    "type": op(
        call(lambda x: x.type(), t(2), note="name"),
        call(lambda x: x.type("torch.DoubleTensor"), t(2), note="by name"),
        c(t(2), F64),
        c(t(2), dtype=I32, non_blocking=False),
        kinds=("ties",),
        numeric=False,
    ),
    **{n: to_type() for n in ("float", "double", "half", "bfloat16", "int", "long", "short", "char")},
    **{n: to_type() for n in ("byte", "bool")},
    "type_as": op(c(t(2, 3), floats(1.0)), c(t(2, 3), index(1)), kinds=("ties",), numeric=False),
    "result_type": op(
        call(by_name("result_type"), t(2), t(2), note="tensors"),
        call(by_name("result_type"), t(2), t(), note="0-d"),
        *(call(by_name("result_type"), t(2), v, note=f"number {v!r}") for v in (1, 1.5, True)),
        *(call(by_name("result_type"), t(), v, note=f"0-d, {v!r}") for v in (1, 1.5, True)),
        call(by_name("result_type"), 1, 2.5, note="numbers"),
        kinds=(),
    ),
    **{
        n: op(
            *(
                call(by_name(n), D, Named(other), note=f"{n} {other}")
                for other in ("bool", "uint8", "int8", "int64", "float16", "bfloat16", "float32", "float64")
            )
        )
        for n in ("can_cast", "promote_types")
    },
    "finfo": op(
        call(lambda d: [getattr(torch.finfo(d), a) for a in FINFO], D, note="fields"),
        call(lambda d: (torch.finfo(d).bits, torch.finfo(d).dtype), D, note="bits"),
    ),
    "iinfo": op(call(lambda d: [getattr(torch.iinfo(d), a) for a in ("bits", "min", "max", "dtype")], D, note="fields")),
    "clone": moved(c(t(2, 3)), c(t()), c(t(0)), c(t(2, 3), memory_format=torch.contiguous_format)),
    "copy_": op(
        c(t(2, 3), t(2, 3)), c(t(2, 3), t(3)), c(t(2, 3), t()), c(t(2), t(3)), c(t(2), t(2), True), kinds=("ties",), numeric=False
    ),
    "fill_": op(c(t(2, 3), 2), c(t(), 1.5), c(t(2, 3), True), c(t(2), floats(2.0)), c(t(2), value=3), kinds=(), numeric=False),
    "zero_": op(c(t(2, 3)), c(t()), c(t(0)), kinds=("special",), numeric=False),
    # creation
    "linspace": op(
        c(0, 1, 5, dtype=D),
        c(-2.5, 7, 4),
        c(3, -3, 7, dtype=D),
        c(start=1, end=2, steps=1),
        c(0, 1, 0),
        c(0.5, 1, 3),
        c(0, 1, -1),
        ulp=16,
    ),
    "logspace": op(c(0, 2, 3, dtype=D), c(-1, 1, 5, base=2.0), c(start=1, end=2, steps=1), c(0, 1, 0), c(0, 1, -1), ulp=64),
    "eye": op(c(3, dtype=D), c(2, 3), c(n=2, m=1), c(0), c(3, 0), c(-1), c(2, -1)),
    **{n: op(*(c(s, dtype=D) for s in SIZES), c((-1,)), c(2, 3), c(size=(2,))) for n in ("zeros", "ones")},
    **{n: op(c(t(2, 3)), c(t()), c(t(2), dtype=F64), c(t(2), requires_grad=False), kinds=()) for n in ("zeros_like", "ones_like")},
    "full": op(*(c((2, 3), v) for v in (1.5, 2, True)), c((2,), 2, dtype=D), c(size=(1,), fill_value=3)),
    "full_like": op(c(t(2, 3), 2), c(t(2), 1.5), c(t(2), True), c(t(2), fill_value=1, dtype=F64), c(t(0), 1), kinds=()),
    "arange": op(
        c(5), c(5, dtype=D), c(2.5), c(1, 5), c(5, 1, -2), c(0.0, 1.0, 0.25), c(1, 6, 2, dtype=D), c(start=1, end=3), c(1, 5, -1), c(1, 2, 0)
    ),
    **{
        n: op(c(t(2), (2, 3)), c(t(2), ()), c(t(2), 2, 3), c(t(2), size=(2,), dtype=F64), c(t(2), (-1,)), kinds=())
        for n in ("new_zeros", "new_ones")
    },
    "new_full": op(c(t(2), (2, 3), 2), c(t(2), (), 1.5), c(t(2), size=(2,), fill_value=True, dtype=F64), kinds=()),
    "new_tensor": op(
        call(lambda x: x.new_tensor([1.5, 2.0]), t(2), note="list"),
        call(lambda x: x.new_tensor(3, dtype=torch.int64), t(2), note="dtype"),
        kinds=(),
    ),
    "new_empty": op(
        call(lambda x: unmade(x.new_empty((2, 3))), t(2), note="shape"),
        call(lambda x: unmade(x.new_empty(2, 3, dtype=torch.float64)), t(2), note="dtype"),
        call(lambda x: unmade(x.new_empty((-1,))), t(2), note="negative"),
        kinds=(),
    ),
    "empty": op(*(call(lambda s: unmade(torch.empty(s)), s, note="shape") for s in (*SIZES, (-1,)))),
    "empty_like": op(call(lambda x: unmade(torch.empty_like(x)), t(2, 3), note="shape"), kinds=()),
    "tensor": op(
        call(lambda d: torch.tensor([[1, 2], [3, 4]], dtype=d), D, note="list"),
        *(call(lambda v: torch.tensor(v), v, note="value") for v in (1, 1.5, True, (), ((1, 2), (3,)))),
    ),
    # random numbers, from one seed
    "randint": op(c(5, (2, 3), dtype=D), c(-5, 2**40, (3,)), c(low=1, high=4, size=(2,)), c(3, 3, (2,)), seeded=True),
    "randperm": op(*(c(n, dtype=D) for n in (0, 1, 5)), c(40), c(-1), seeded=True),
    "rand": op(c((2, 3), dtype=D), c(2, 3), c((0,)), c((40,)), seeded=True),
    "randn": op(c((2, 3), dtype=D), c(2, 3), c((0,)), c((40,)), seeded=True, ulp=16),
    "rand_like": op(c(t(2, 3)), c(t(2), dtype=F64), seeded=True, kinds=(), numeric=False),
    "randn_like": op(c(t(2, 3)), c(t(2), dtype=F64), seeded=True, kinds=(), numeric=False, ulp=16),
    "bernoulli": op(
        c(t(3, 4, domain=(0, 1))), c(t(3, 4), 0.3), c(t(20), p=0.7), c(t(2), 1.5), c(t(0)), domain=(0, 1), seeded=True, kinds=(), numeric=False
    ),
    "bernoulli_": op(
        c(t(3, 4), 0.3), c(t(20)), c(t(4), floats(0.2, 0.9, 0.5, 0.0)), c(t(2), p=-1.0), seeded=True, kinds=(), numeric=False
    ),
    "exponential_": op(c(t(3, 4)), c(t(20), 2.5), c(t(3), lambd=0.5), c(t(2), -1.0), seeded=True, kinds=(), numeric=False, ulp=16),
    "multinomial": op(
        c(t(6, domain=(0, 3)), 3),
        c(t(2, 6, domain=(0, 3)), 4, True),
        c(t(6, domain=(0, 3)), num_samples=8, replacement=True),
        c(t(3, domain=(0, 3)), 4),
        c(t(3, domain=(0, 3)), 0),
        c(t(2, 2, 2), 1),
        domain=(0, 3),
        seeded=True,
        numeric=False,
        kinds=("special",),
    ),
    "normal": op(
        c(t(3, 4), t(3, 4, domain=(0, 3))),
        c(t(3, 4), 2.0),
        c(t(3, 4)),
        c(1.0, t(3, 4, domain=(0, 3))),
        c(0.0, 1.0, (2, 3)),
        c(mean=1.0, std=2.0, size=(20,)),
        c(t(3), -1.0),
        seeded=True,
        numeric=False,
        kinds=(),
        ulp=32,
        forms=("function", "out"),
    ),
}
FINFO = ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution")
