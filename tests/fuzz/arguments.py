"""What the fuzzer hands to the calls: tensors of every kind, numbers at the edge, odd objects."""

import array
import random
import sys

HUGE = [2**31, 2**31 - 1, 2**32, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, 10**30]
NUMBERS = [0, 1, -1, 2, 3, -2, 5, 0.5, -0.0, 1e-300, 1e300, 1j, complex(1, float("nan"))]
NUMBERS += [True, False, float("nan"), float("inf"), -float("inf"), *HUGE, *(-n for n in HUGE)]
SIZES = [0, 1, 2, 3, 4, -1, -2]
WORDS = ["", "a", "cpu", "cuda", "cpu:99", "float32", "mean", "sum", "none", "ij,jk->ik", "\0", "é"]
# Options that several functions know, so that a call gets past the names of its keywords.
KEYWORDS = (
    "dim dtype device requires_grad out keepdim gradient retain_graph create_graph inputs alpha "
    "copy generator size other input mode non_blocking allow_unused materialize_grads grad_outputs "
    "memory_format dims start end step length index value storage_offset stride mask src source "
    "sections split_size_or_sections chunks shape lr momentum params reduction bias accumulate "
    "offset dim0 dim1 dim2 batch_size shuffle"
).split()


# CPython 3.11 itself reads beyond its stack where a call that it has specialised, as x.size() or
# s.split(), finds the class in the object's place.
CLASSES_ARE_SAFE = sys.version_info >= (3, 12)


class Refuses:
    """Fails whatever it is asked."""

    def __index__(self):
        raise ValueError("index")

    def __float__(self):
        raise ValueError("float")

    def __bool__(self):
        raise ValueError("bool")

    def __iter__(self):
        raise ValueError("iter")

    def __len__(self):
        return 3

    def __getitem__(self, key):
        raise KeyError(key)


class Lies:
    """Numbers and lengths that are of the wrong type or change while they are read."""

    def __init__(self, rng):
        self.rng = rng

    def __index__(self):
        return self.rng.choice([0, 1, -1, 2**70, True])

    def __float__(self):
        return self.rng.choice([0.5, float("nan"), 1e308])

    def __len__(self):
        return self.rng.choice([0, 1, 5])

    def __getitem__(self, key):
        if key > 3:
            raise IndexError(key)
        return self.rng.choice([0, 1.5, "a", None])


class Shrinks:
    """An item that empties the list it stands in while that list is read."""

    def __init__(self, home):
        self.home = home

    def __index__(self):
        self.home.clear()
        return 1

    def __float__(self):
        self.home.clear()
        return 1.0


class Takes:
    """Takes over the functions it is given to, in one way or another."""

    def __init__(self, rng):
        self.rng = rng

    def __torch_function__(self, function, types, args=(), kwargs=None):
        way = self.rng.randrange(3)
        if way == 0:
            raise KeyError(function)
        return NotImplemented if way == 1 else args


def shrinking_list():
    """A list that loses its items while it is converted."""
    items = [1, 2, 3]
    items.insert(1, Shrinks(items))
    return items


class Arguments:
    """Draws arguments; `pool` holds the tensors of the episode under way, oldest first."""

    def __init__(self, torch, seed):
        self.torch = torch
        self.rng = random.Random(seed)
        self.pool = []
        self.noisy = False
        self.last_list = []
        self.dtypes = [
            getattr(torch, name)
            for name in "float32 float64 int64 bool int32 uint8 int8 float16 complex64".split()
            if hasattr(torch, name)
        ]

    # --- tensors --------------------------------------------------------------------------------

    def fresh_tensor(self):
        """A new small tensor: any dtype and layout, of any standing in the graph."""
        torch, rng = self.torch, self.rng
        shape = rng.choice(
            [(), (1,), (3,), (0,), (2, 3), (3, 2), (2, 0), (0, 3), (2, 1, 3), (3, 3)]
        )
        dtype = rng.choice(self.dtypes[:1] * 4 + self.dtypes)
        count = 1
        for size in shape:
            count *= size
        values = [rng.choice([0, 1, 2, -1, 0.5, 3]) for _ in range(count)]
        if dtype == torch.float32 and rng.random() < 0.1:
            values = [rng.choice([float("nan"), float("inf"), 1e38, -1e-45]) for _ in values]
        if not dtype.is_floating_point and not getattr(dtype, "is_complex", False):
            values = [abs(int(v)) for v in values]
        t = torch.tensor(values, dtype=dtype).reshape(shape)
        differentiable = dtype.is_floating_point
        kind = rng.randrange(9)
        if kind == 1 and differentiable:
            return t.requires_grad_()
        if kind == 2 and differentiable:
            return t.requires_grad_() * 2
        if kind == 3 and differentiable:
            return t.requires_grad_().detach()
        if kind == 4 and len(shape) == 2:
            return t.t()
        if kind == 5:
            return t.expand(rng.choice([2, 0, 1]), *shape)
        if kind == 6:
            with rng.choice([torch.no_grad, torch.inference_mode])():
                return t.view(shape) if differentiable else t * 1
        if kind == 7 and differentiable:
            return (t.requires_grad_() * 1).view(-1)
        if kind == 8:
            return t.as_subclass(self.subclass()) if hasattr(t, "as_subclass") else t
        return t

    def subclass(self):
        """A Tensor class of its own, made once: a quiet one, or one that takes calls over."""
        if not hasattr(self, "_subclasses"):
            noisy = {"__torch_function__": classmethod(self.noise)}
            self._subclasses = [
                type("Sub", (self.torch.Tensor,), {}),
                type("Noisy", (self.torch.Tensor,), noisy),
            ]
        return self.rng.choice(self._subclasses)

    def noise(self, cls, func, types, args=(), kwargs=None):
        """A ``__torch_function__`` that mostly does its work."""
        # Only within a call: the fuzzer itself looks at tensors too.
        kind = self.rng.randrange(40) if self.noisy else -1
        if kind == 0:
            return NotImplemented
        if kind == 1:
            raise KeyError(func)
        if kind == 2:
            return func(*args, **(kwargs or {}))
        if kind == 3:
            return self.rng.choice([None, 1, "a", args, func, [self.pool]])
        if kind == 4:
            self.pool.clear()
        return self.torch.Tensor.__dict__["__torch_function__"].__get__(None, cls)(
            func, types, args, kwargs
        )

    def tensor(self):
        """A tensor of the pool (so that arguments alias), or a new one, which joins the pool."""
        if self.pool and self.rng.random() < 0.7:
            return self.rng.choice(self.pool)
        t = self.fresh_tensor()
        self.keep(t)
        return t

    def keep(self, value):
        """Let a result take part in later calls, unless working on it would take memory or time."""
        torch = self.torch
        for item in value if isinstance(value, tuple | list) else [value]:
            if isinstance(item, torch.Tensor) and item.numel() <= 2**12:
                self.pool.append(item)
        del self.pool[:-12]

    # --- everything else ------------------------------------------------------------------------

    def size(self):
        """A dimension, an index or a length: mostly small, sometimes far beyond memory."""
        return self.rng.choice(SIZES) if self.rng.random() < 0.85 else self.rng.choice(NUMBERS)

    def sizes(self):
        """A tuple or list of sizes, possibly longer than a shape may be."""
        rng = self.rng
        count = rng.choice([0, 1, 1, 2, 2, 3, 4]) if rng.random() < 0.97 else 70
        return rng.choice([tuple, list])(self.size() for _ in range(count))

    def index(self, depth=0):
        """Something to put between brackets."""
        rng = self.rng
        kind = rng.randrange(12)
        if kind < 3:
            return self.size()
        if kind < 5:
            return slice(*(rng.choice([None, self.size()]) for _ in range(3)))
        if kind == 5:
            return rng.choice([..., None, True, False])
        if kind == 6:
            return [rng.choice([0, 1, -1, 2, True]) for _ in range(rng.randrange(4))]
        if kind < 9:
            return self.tensor()
        if kind == 9 or depth > 1:
            return self.other()
        return tuple(self.index(depth + 1) for _ in range(rng.randrange(5)))

    def other(self):
        """An object of any other kind."""
        torch, rng = self.torch, self.rng
        kind = rng.randrange(13)
        if kind == 0:
            return rng.choice(NUMBERS)
        if kind == 1:
            return rng.choice(WORDS)
        if kind == 2:
            return rng.choice(self.dtypes)
        if kind == 3:
            return self.sizes()
        if kind == 4:
            return rng.choice(
                [None, ..., slice(None), range(3), {}, {"a": 1}, {1, 2}, object(), int]
            )
        if kind == 5:
            return rng.choice(
                [
                    *(Refuses(), Lies(rng), Takes(rng), shrinking_list()),
                    *([[1], [2, 3]], [[]], [1, [2]]),
                ]
            )
        if kind == 6:
            self.last_list = [self.tensor() for _ in range(rng.randrange(4))]
            return self.last_list
        if kind == 7:
            return bytearray(8) if rng.random() < 0.5 else array.array("f", [1, 2])
        if kind == 8:
            a_class = torch.Tensor if CLASSES_ARE_SAFE else int
            return rng.choice([torch.device("cpu"), a_class, torch.Size([2, 3]), b"x", len])
        if kind == 9:
            return self.hook()
        if kind == 10:
            return self.tensor().grad_fn
        if kind == 11:
            return torch.Generator()
        return rng.choice([torch.no_grad(), iter([1, 2]), (1,) * 70, "a" * 1000, memoryview(b"ab")])

    def argument(self):
        """Any argument."""
        chance = self.rng.random()
        if chance < 0.45:
            return self.tensor()
        if chance < 0.65:
            return self.size()
        if chance < 0.75:
            return self.sizes()
        return self.other()

    def likely(self, kind):
        """An argument of the kind that a signature asks for, mostly in range."""
        rng, torch = self.rng, self.torch
        kind = kind.rstrip("?")
        if kind == "Tensor | Number":
            return self.tensor() if rng.random() < 0.7 else rng.choice(NUMBERS[:10])
        if kind == "Tensor":
            return self.tensor()
        if kind == "Tensor[]":
            return [self.tensor() for _ in range(rng.randrange(4))]
        if kind in ("Number", "float"):
            return rng.choice([0, 1, 2, 0.5, -1.5, 3, True])
        if kind == "int":
            return rng.choice(SIZES)
        if kind in ("int[]", "int...", "Size"):
            return [rng.choice(SIZES) for _ in range(rng.choice([0, 1, 1, 2, 2, 3]))]
        if kind == "bool":
            return rng.random() < 0.5
        if kind == "dtype":
            return rng.choice(self.dtypes)
        if kind == "str":
            return rng.choice(WORDS)
        if kind == "Generator":
            return torch.Generator()
        return "cpu" if kind == "device" else None

    def function_class(self):
        """An autograd.Function whose methods do one odd thing or another."""
        torch, rng = self.torch, self.rng
        ways = [rng.randrange(10) for _ in range(2)]
        argument = self.argument

        def forward(ctx, *inputs):
            tensors = [t for t in inputs if isinstance(t, torch.Tensor)]
            first = tensors[0] if tensors else torch.ones(2)
            if ways[0] == 0:
                ctx.mark_dirty(first)
                return first.mul_(2) if first.dtype == torch.float32 else first
            if ways[0] == 1:
                return inputs
            if ways[0] == 2:
                return first.view(-1), argument()
            if ways[0] == 3:
                raise KeyError("forward")
            result = first * 2
            if ways[0] == 4:
                ctx.mark_non_differentiable(rng.choice([first, result]))
            if ways[0] == 5:
                ctx.set_materialize_grads(argument())
            ctx.save_for_backward(*rng.choice([tensors, [result], [None], [argument()], []]))
            ctx.kept = rng.choice([ctx, result, inputs, None])
            return result

        def backward(ctx, *grads):
            if ways[1] == 0:
                raise KeyError("backward")
            if ways[1] == 1:
                return argument()
            if ways[1] == 2:
                return grads[0], *grads
            if ways[1] == 3:
                return torch.ones(5)
            saved = ctx.saved_tensors
            if ways[1] == 4 and saved:
                ctx.needs_input_grad  # noqa: B018 - read, as a program would
                return grads[0] * saved[0]
            return grads if ways[1] > 6 else grads[0]

        members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
        return type("Fn", (torch.autograd.Function,), members)

    def hook(self):
        """A hook that behaves badly in one of several ways."""
        torch, rng, pool = self.torch, self.rng, self.pool
        kind = rng.randrange(8)

        def hook(*arguments):
            if kind == 0:
                raise KeyError("hook")
            if kind == 1:
                return rng.choice([1, "a", (), [None]])
            if kind == 2:
                return torch.ones(5)
            if kind == 3 and arguments and isinstance(arguments[0], torch.Tensor):
                return arguments[0] * 2
            if kind == 4:
                pool.clear()
            if kind == 5 and pool:
                pool[0].sum().backward()
            if kind == 6 and pool:
                with torch.no_grad():
                    pool[-1].mul_(0)
            return None

        return hook
