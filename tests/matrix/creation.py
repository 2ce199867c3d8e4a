"""Calls of the operators that make and convert tensors, and of random numbers."""

from support import torch

from .calls import DType, Named, c, floats, index, op, t
from .shapes import call, moved

D = DType()
F64, F16, I32 = Named("float64"), Named("float16"), Named("int32")
FINFO = ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution")
SIZES = [(2, 3), (), (0, 2), 3]


def to_type():
    return op(c(t(2, 3)), c(t()), c(t(0)), kinds=("ties",), forms=("method",), numeric=False)


def unmade(x):
    """What uninitialised memory has in common everywhere: dtype, shape and strides."""
    return x.dtype, tuple(x.shape), tuple(x.stride())


def by_name(name):
    """A function that is looked up when it is called."""
    return lambda *args: getattr(torch, name)(*args)


OPERATORS = {
    # dtypes and copies
    "to": op(
        *(
            c(t(2, 3), n)
            for n in map(Named, ("bool", "uint8", "int32", "float16", "bfloat16", "float64"))
        ),
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
    **{
        n: to_type()
        for n in ("float", "double", "half", "bfloat16", "int", "long", "short", "char")
    },
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
                for other in (
                    "bool",
                    "uint8",
                    "int8",
                    "int64",
                    "float16",
                    "bfloat16",
                    "float32",
                    "float64",
                )
            )
        )
        for n in ("can_cast", "promote_types")
    },
    "finfo": op(
        call(lambda d: [getattr(torch.finfo(d), a) for a in FINFO], D, note="fields"),
        call(lambda d: (torch.finfo(d).bits, torch.finfo(d).dtype), D, note="bits"),
    ),
    "iinfo": op(
        call(
            lambda d: [getattr(torch.iinfo(d), a) for a in ("bits", "min", "max", "dtype")],
            D,
            note="fields",
        )
    ),
    "clone": moved(c(t(2, 3)), c(t()), c(t(0)), c(t(2, 3), memory_format=torch.contiguous_format)),
    "copy_": op(
        c(t(2, 3), t(2, 3)),
        c(t(2, 3), t(3)),
        c(t(2, 3), t()),
        c(t(2), t(3)),
        c(t(2), t(2), True),
        kinds=("ties",),
        numeric=False,
    ),
    "fill": op(
        c(t(2, 3), 2),
        c(t(), 1.5),
        c(t(2, 3), True),
        c(t(2), floats(2.0)),
        c(t(2), value=3),
        kinds=(),
        forms=("function",),
        numeric=False,
    ),
    "fill_": op(
        c(t(2, 3), 2),
        c(t(), 1.5),
        c(t(2, 3), True),
        c(t(2), floats(2.0)),
        c(t(2), value=3),
        kinds=(),
        forms=("method",),
        numeric=False,
    ),
    "zero_": op(c(t(2, 3)), c(t()), c(t(0)), kinds=("special",), forms=("method",), numeric=False),
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
    "logspace": op(
        c(0, 2, 3, dtype=D),
        c(-1, 1, 5, base=2.0),
        c(start=1, end=2, steps=1),
        c(0, 1, 0),
        c(0, 1, -1),
        ulp=64,
    ),
    "eye": op(c(3, dtype=D), c(2, 3), c(n=2, m=1), c(0), c(3, 0), c(-1), c(2, -1)),
    **{
        n: op(*(c(s, dtype=D) for s in SIZES), c((-1,)), c(2, 3), c(size=(2,)))
        for n in ("zeros", "ones")
    },
    **{
        n: op(c(t(2, 3)), c(t()), c(t(2), dtype=F64), c(t(2), requires_grad=False), kinds=())
        for n in ("zeros_like", "ones_like")
    },
    "full": op(
        *(c((2, 3), v) for v in (1.5, 2, True)), c((2,), 2, dtype=D), c(size=(1,), fill_value=3)
    ),
    "full_like": op(
        c(t(2, 3), 2),
        c(t(2), 1.5),
        c(t(2), True),
        c(t(2), fill_value=1, dtype=F64),
        c(t(0), 1),
        kinds=(),
    ),
    "arange": op(
        c(5),
        c(5, dtype=D),
        c(2.5),
        c(1, 5),
        c(5, 1, -2),
        c(0.0, 1.0, 0.25),
        c(1, 6, 2, dtype=D),
        c(start=1, end=3),
        c(1, 5, -1),
        c(1, 2, 0),
    ),
    **{
        n: op(
            c(t(2), (2, 3)),
            c(t(2), ()),
            c(t(2), 2, 3),
            c(t(2), size=(2,), dtype=F64),
            c(t(2), (-1,)),
            kinds=(),
        )
        for n in ("new_zeros", "new_ones")
    },
    "new_full": op(
        c(t(2), (2, 3), 2),
        c(t(2), (), 1.5),
        c(t(2), size=(2,), fill_value=True, dtype=F64),
        kinds=(),
    ),
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
    "empty": op(
        *(call(lambda s: unmade(torch.empty(s)), s, note="shape") for s in (*SIZES, (-1,)))
    ),
    "empty_strided": op(
        *(
            call(lambda s, k: unmade(torch.empty_strided(s, k)), s, k, note="shape")
            for s, k in (((2, 3), (1, 2)), ((), ()), ((2, 2), (0, 1)), ((2,), (1, 1)))
        )
    ),
    "new_empty_strided": op(
        call(lambda x: unmade(x.new_empty_strided((2, 3), (1, 2))), t(2), note="shape"),
        call(lambda x: unmade(x.new_empty_strided((2,), (1, 1))), t(2), note="refused"),
        kinds=(),
    ),
    "empty_like": op(call(lambda x: unmade(torch.empty_like(x)), t(2, 3), note="shape"), kinds=()),
    "tensor": op(
        call(lambda d: torch.tensor([[1, 2], [3, 4]], dtype=d), D, note="list"),
        *(
            call(lambda v: torch.tensor(v), v, note="value")
            for v in (1, 1.5, True, (), ((1, 2), (3,)))
        ),
    ),
    # random numbers, from one seed
    "randint": op(
        c(5, (2, 3), dtype=D),
        c(-5, 2**40, (3,)),
        c(low=1, high=4, size=(2,)),
        c(3, 3, (2,)),
        seeded=True,
    ),
    "randperm": op(*(c(n, dtype=D) for n in (0, 1, 5)), c(40), c(-1), seeded=True),
    "rand": op(c((2, 3), dtype=D), c(2, 3), c((0,)), c((40,)), seeded=True),
    "randn": op(c((2, 3), dtype=D), c(2, 3), c((0,)), c((40,)), seeded=True, ulp=16),
    "rand_like": op(c(t(2, 3)), c(t(2), dtype=F64), seeded=True, kinds=(), numeric=False),
    "randn_like": op(c(t(2, 3)), c(t(2), dtype=F64), seeded=True, kinds=(), numeric=False, ulp=16),
    "bernoulli": op(
        c(t(3, 4, domain=(0, 1))),
        c(t(3, 4), 0.3),
        c(t(20), p=0.7),
        c(t(2), 1.5),
        c(t(0)),
        domain=(0, 1),
        seeded=True,
        kinds=(),
        numeric=False,
    ),
    "bernoulli_": op(
        c(t(3, 4), 0.3),
        c(t(20)),
        c(t(4), floats(0.2, 0.9, 0.5, 0.0)),
        c(t(2), p=-1.0),
        seeded=True,
        kinds=(),
        numeric=False,
    ),
    "exponential_": op(
        c(t(3, 4)),
        c(t(20), 2.5),
        c(t(3), lambd=0.5),
        c(t(2), -1.0),
        seeded=True,
        kinds=(),
        numeric=False,
        ulp=16,
    ),
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
        sums=True,
        forms=("function", "out"),
    ),
}
