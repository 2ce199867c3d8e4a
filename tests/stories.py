"""Programs that end with an error, and what that tells under its first sentence."""

import linecache

import pytest
from support import torch

W = "w = torch.ones(2, requires_grad=True)\n"


def story_of(source, kind=RuntimeError, filename="train.py", first=W):
    """The lines under the first sentence of the error that a program ends with."""
    torch.ones(1, requires_grad=True).sum().backward()  # numbers taken before it are forgotten
    source = first + source
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    with pytest.raises(kind) as caught:
        exec(compile(source, filename, "exec"), {"torch": torch})
    return str(caught.value).split("\n")[1:]
