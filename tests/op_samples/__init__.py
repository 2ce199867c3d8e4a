"""Arguments for the generated op tests. An op without samples here fails, it is not left out.

Every module of this folder has a table ``SAMPLES``: (name, overload) -> list of Sample.
"""

import importlib
import pkgutil
import random

from support import torch

from ._common import Sample  # noqa: F401

SAMPLES = {}
for _module in pkgutil.iter_modules(__path__):
    if not _module.name.startswith("_"):
        _table = importlib.import_module(f"{__name__}.{_module.name}").SAMPLES
        assert not SAMPLES.keys() & _table.keys(), f"{_module.name}: samples given twice"
        SAMPLES.update(_table)


def samples(op):
    """The samples of an op of the table. Raises: KeyError naming the op that has none."""
    key = (op["name"], op["overload"])
    if key not in SAMPLES:
        raise KeyError(f"tests/op_samples has no samples for {key}")
    return SAMPLES[key]


def make_tensor(shape, domain, generator, dtype=torch.float64):
    """Values spread over the domain, away from kinks at integers; strided as the shape says."""
    layout = shape[-1] if shape and isinstance(shape[-1], str) else None
    sizes = shape[:-1] if layout else shape
    made = sizes if layout is None else sizes[:-2] + (sizes[-1], sizes[-2])
    if layout == "expanded":
        made = sizes
    count = 1
    for size in made:
        count *= size
    low, high = max(domain[0], -3.0), min(domain[1], 3.0)
    values = [low + (high - low) * (0.03 + 0.94 * generator.random()) for _ in range(count)]
    t = torch.tensor(values, dtype=dtype).reshape(made)
    if layout == "t":
        return t.transpose(-1, -2)
    if layout == "expanded":
        return t.expand(*made[:-1], 3)
    return t


def public(name):
    """The function of this name; those that begin with an underscore stay in the core."""
    return getattr(torch._C if name.startswith("_") else torch, name)


def behind_first(sample, tensors):
    """All positional arguments of a call behind its first tensor."""
    return (*sample.between, *tensors[1:], *sample.rest)


def bind(op, sample, seed=0, dtype=torch.float64):
    """Tensors of a sample and a function of them that calls the op."""
    generator = random.Random(seed)
    tensors = [make_tensor(shape, op["domain"], generator, dtype) for shape in sample.shapes]
    if op["computes"] in ("integral", "integer"):
        tensors = [(8 * t).to(torch.int64) for t in tensors]
    name = op["name"]
    first = sample.first
    if first == ("condition",):
        rows = sample.shapes[0][0]
        first = (torch.tensor([i % 2 == 0 for i in range(rows)]).reshape(rows, 1),)

    takes_list = op["signature"].split("(")[1].startswith("tensors: Tensor[]")

    def function(*arguments):
        if takes_list:
            return public(name)(list(arguments), *sample.rest, **sample.kwargs)
        result = call(*arguments)
        if isinstance(result, tuple):
            return torch.cat([part.reshape(-1) for part in result])
        return result

    def call(*arguments):
        if op["mutates"]:
            target = arguments[0].clone()
            if op["form"] == "function":
                return public(name)(target, *behind_first(sample, arguments), **sample.kwargs)
            return getattr(target, name)(*behind_first(sample, arguments), **sample.kwargs)
        if op["form"] == "method":
            return getattr(arguments[0], name)(*behind_first(sample, arguments), **sample.kwargs)
        behind = behind_first(sample, arguments)
        return public(name)(*first, *arguments[:1], *behind, **sample.kwargs)

    return function, tensors
