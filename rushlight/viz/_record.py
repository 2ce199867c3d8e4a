"""``record()``: what a program computes and differentiates, kept for its last backward pass."""

import functools
import sys

from rushlight import _C, _site
from rushlight.debug import _words as words

from . import _collect, _graph_of
from ._model import NONE, column

_C._add_package_globals(globals())

MOST_BYTES = 1 << 30


def _names_of(given, leaves):
    """What given, {id: name}, or else the program calls some leaves, as a pass begins."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("rushlight."):
        frame = frame.f_back  # what autograd.grad() calls them
    names = {**words.names_in(frame), **given}
    return [names.get(id(leaf)) or f"a leaf of shape {tuple(leaf.shape)}" for leaf in leaves]


class Recording:
    """What ``with rushlight.record() as tape:`` gives: ``tape.graph`` is that of the last pass."""

    def __init__(self, values, params, max_bytes):
        self._arguments = bool(values), max_bytes
        self._params = params
        self._tape = self._graph = None

    def __enter__(self):
        if self._tape is not None:
            raise RuntimeError(
                "record(): this recording has begun already\n"
                "  fix: `with rushlight.record() as inner:` makes another."
            )
        given = {id(tensor): name for name, tensor in self._params.items()}
        self._tape = _C._Tape(*self._arguments, functools.partial(_names_of, given))
        self._tape.start()
        return self

    def __exit__(self, kind, error, traceback):
        tape, self._tape = self._tape, None
        if tape is None:
            raise RuntimeError(
                "record(): this recording has not begun\n"
                "  fix: `with rushlight.record() as tape:` begins and ends it."
            )
        try:
            tape.stop()
            self._graph = self._made(tape.result(), sys._getframe(1))
        finally:
            tape.forget()

    def _made(self, raw, frame):
        return None if raw is None else made_graph(raw, frame, self._params)

    @property
    def graph(self):
        """The Graph of the last backward pass, with values, gradients and times in it.

        Raises: RuntimeError where none has run.
        """
        made = self._graph
        if self._tape is not None:
            made = self._made(self._tape.result(), sys._getframe(1))
        if made is None:
            raise RuntimeError(
                "record(): no backward pass has run\n"
                "  fix: call loss.backward() inside `with rushlight.record() as tape:`, and "
                "tape.graph after it."
            )
        return made


def record(params=None, values=True, max_bytes=MOST_BYTES):
    """Record what this thread computes and differentiates, in a ``with`` block.

    ``with rushlight.record() as tape:`` gives a Recording, of which tape.graph is the graph of the
    last backward pass, as graph() gives it. It has in it the modules and functions around each
    node, times, memory, values, gradients, the norms of gradients from pass to pass, and times by
    source line. Only the last pass is kept, however long a training is.

    params: names for leaves, {name: tensor}. values: whether values and gradients are looked at.
        max_bytes: how much memory may be held for that; what goes beyond is summed up at once,
        which costs two passes over a tensor.
    Cost: some microseconds for each operation, two passes over each leaf and its gradient, and the
    memory of what a pass computed and of the gradients inside it until the next pass ends.
    """
    _collect.check_most("record", max_bytes)
    return Recording(values, _collect.named(params), max_bytes)


def made_graph(raw, frame, params, timed=True, values=()):
    """The Graph of what a tape gives. timed: with times, memory, steps and lines."""

    def fill(model, sites):
        if timed:
            _fill_times(model, raw, sites)

    graph = _graph_of.make(raw, frame, params, fill, values)
    if raw["failed"]:
        graph._model.notes.append("the backward pass failed: what it had not reached is not known")
    return graph


def _fill_times(model, raw, sites):
    model.us = {"fwd": column("f32", raw["fwd"]), "bwd": column("f32", raw["bwd"])}
    model.mem = {"alive": column("f64", raw["alive"])}
    for step, leaf, norm in raw["steps"]:
        model.add("steps", step=step, name=model.string(raw["leaf_names"][leaf]), norm=norm)
    lines = {}
    for code, offset, us, size, calls in raw["lines"]:
        site = _site.resolve(code, offset)
        key = site.filename, NONE if site.lineno is None else site.lineno
        total = lines.setdefault(key, [0.0, 0.0, 0])
        total[0] += us
        total[1] += size
        total[2] = max(total[2], calls)
    for (path, line), (us, size, calls) in sorted(lines.items()):
        model.add("lines", file=sites.file(path), line=line, us=us, bytes=size, calls=calls)
