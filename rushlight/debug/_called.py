"""What ``check_grad`` calls: with which tensors, which it reaches, and how it repeats itself."""

import contextlib
import functools
import inspect
import sys
import types

from rushlight import _C

from . import _words as words

_C._add_package_globals(globals())


def accepts(function, args, kwargs):
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    except ValueError:  # a builtin tells nothing of its arguments
        return bool(args)
    return True


def as_named(x, names):
    """(name, tensor) pairs, and the ways to call with them, the first that fits being taken."""
    if isinstance(x, _C.Tensor):
        return [(names.get(id(x), "x"), x)], lambda ts: [((ts[0],), {}), ((), {})]
    if isinstance(x, _C._ModuleBase):
        return list(x.named_parameters()), lambda ts: [((), {}), ((x,), {})]
    if isinstance(x, dict):
        keys = list(x)
        named = [(str(key), t) for key, t in x.items()]

        def ways(ts):
            made = dict(zip(keys, ts, strict=True))
            keywords = made if all(isinstance(key, str) for key in keys) else {}
            return [((), keywords), ((made,), {}), ((), {})]
    else:
        if not hasattr(type(x), "__iter__"):
            raise TypeError(
                "check_grad(): x must be a Tensor, a Module, or a list or dict of Tensors, "
                f"not {type(x).__name__}"
            )
        tensors = list(x)
        named = [
            (names.get(id(t), f"x[{i}]") if isinstance(t, _C.Tensor) else f"x[{i}]", t)
            for i, t in enumerate(tensors)
        ]

        def ways(ts):
            return [(tuple(ts), {}), ((list(ts),), {}), ((), {})]

    for name, t in named:
        if not isinstance(t, _C.Tensor):
            raise TypeError(f"check_grad(): {name} must be Tensor, not {type(t).__name__}")
    return named, ways


def reached(function):
    """The tensors that a function closes over, with modules' parameters and buffers."""
    found, seen, waiting = {}, set(), [(function, 0)]
    while waiting:
        value, depth = waiting.pop()
        if id(value) in seen or depth > 4:
            continue
        seen.add(id(value))
        inner = ()
        if words.is_a(value, _C.Tensor):
            found[id(value)] = value
        elif words.is_a(value, _C._ModuleBase):
            inner = (*value.parameters(), *value.buffers())
        elif words.is_a(value, types.FunctionType):
            cells = [c.cell_contents for c in value.__closure__ or () if _is_filled(c)]
            known = value.__globals__
            named = [dict.get(known, n) for n in _names_of(value.__code__)]
            inner = (*cells, *named, *(value.__defaults__ or ()))
        elif words.is_a(value, types.MethodType):
            inner = (value.__self__, value.__func__)
        elif words.is_a(value, functools.partial):
            inner = (value.func, *value.args, *value.keywords.values())
        elif base := next((b for b in (list, tuple) if words.is_a(value, b)), None):
            inner = list(base.__iter__(value)) if base.__len__(value) <= 256 else ()
        elif words.is_a(value, dict):
            inner = list(dict.values(value)) if dict.__len__(value) <= 256 else ()
        elif not words.is_a(value, type | types.ModuleType):
            inner = list(words.members_of(value).values())
        waiting += [(item, depth + 1) for item in inner]
    return found


def _names_of(code):
    """The global names that a function uses, also in the functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_of(constant)


def _is_filled(cell):
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def in_doubles(tensors):
    """Leaves that float hold float64 copies of their values in the block, and then theirs again."""
    before = []
    try:
        for t in tensors:
            if t.is_leaf and t.is_floating_point() and not t.is_inference():
                before.append((t, t.data))
                t.data = _C.empty(t.shape, dtype=_C.float64).copy_(t.data)
        yield
    finally:
        for t, data in before:
            t.data = data


@contextlib.contextmanager
def random_state():
    """Yields a function that sets all random numbers back to those of the block's beginning."""
    state = _C.get_rng_state()
    others = []
    if "random" in sys.modules:
        random = sys.modules["random"]
        others.append((random.setstate, random.getstate()))
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        others.append((numpy_random.set_state, numpy_random.get_state()))

    def repeat():
        _C.set_rng_state(state)
        for put, value in others:
            put(value)

    try:
        yield repeat
    finally:
        repeat()
