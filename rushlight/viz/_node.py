"""GraphNode: one node of a Graph, read from its columns."""

import os
from typing import NamedTuple

from rushlight import _C

from . import _model, _summaries
from ._model import NONE

_C._add_package_globals(globals())


class Saved(NamedTuple):
    """A tensor that a node keeps for its derivative.

    source: the GraphNode that produced it, None for one without history. version: of its memory
    when it was saved; None where a hook packed it.
    """

    name: str
    shape: tuple
    dtype: str
    bytes: int
    source: object
    version: int | None


class Cut(NamedTuple):
    """An input that no gradient goes to.

    input: its number. name: in the source. reason: "detach", "no_grad", "requires_grad=False",
    "dtype" and others. file, line: where the history was cut off; None where not known.
    """

    input: int
    name: str | None
    reason: str
    file: str | None
    line: int | None

    def __str__(self):
        place = f", at {os.path.basename(self.file)}:{self.line}" if self.file else ""
        return f"{self.name or f'input {self.input}'}: {self.reason}{place}"


class Rule(NamedTuple):
    """What a node makes of a gradient for one input.

    text: the derivative, ``d(w * x)/dw = x``. sentence: with numbers, ``3.0 * 3.0 = 9.0  ->  w``;
    empty where they are not known.
    """

    input: int
    text: str
    sentence: str


class GraphNode:
    """One node: an operation that was recorded, or a leaf."""

    __slots__ = ("_graph", "index")

    def __init__(self, graph, index):
        self._graph, self.index = graph, index

    def __eq__(self, other):
        if not isinstance(other, GraphNode):
            return NotImplemented
        return self._graph is other._graph and self.index == other.index

    def __hash__(self):
        return hash((id(self._graph), self.index))

    def __repr__(self):
        place = f"  {os.path.basename(self.file)}:{self.line}" if self.line else ""
        return f"<{self.op} {self.label}{place}>"

    # --- what it is

    def _text(self, name):
        model = self._graph._model
        return model.text(model.nodes[name][self.index])

    def _number(self, name):
        number = self._graph._model.nodes[name][self.index]
        return None if number == NONE else number

    def _site(self, name, of="site"):
        """A column of the node's site; None where it is not known."""
        site = self._graph._model.nodes[of][self.index]
        if site == NONE:
            return None
        number = self._graph._model.sites[name][site]
        return None if number == NONE else number

    @property
    def op(self):
        """The name of the grad_fn: "MulBackward0"; "AccumulateGrad" for a leaf."""
        return self._text("op")

    @property
    def expression(self):
        """The source expression; empty where it is not known.

        Of a leaf the one that cut it off from a history: ``h.detach()``.
        """
        return self._graph._model.text(_or_none(self._site("expr"))) or ""

    @property
    def file(self):
        number = self._site("file")
        return None if number is None else self._graph._model.files[number]["path"]

    @property
    def line(self):
        return self._site("line")

    @property
    def end_line(self):
        return self._site("end_line")

    @property
    def columns(self):
        """(first, behind the last) character of the expression; None where not known."""
        begin, end = self._site("col"), self._site("end")
        return None if begin is None or end is None else (begin, end)

    @property
    def name(self):
        """The variable of a leaf, or the one that the result was stored in; None without one."""
        return self._text("name")

    @property
    def label(self):
        """The name, else the expression, else the operation."""
        return self.name or self.expression or self.op

    @property
    def iteration(self):
        """How many times its expression had run before; None where it ran once."""
        return self._number("iter")

    @property
    def scope(self):
        """The modules and functions around it, outermost first: known under record()."""
        found, number = [], self._number("scope")
        scopes = self._graph._model.scopes
        while number is not None and number != NONE:
            found.append(self._graph._model.strs[scopes["name"][number]])
            number = scopes["parent"][number]
        return tuple(reversed(found))

    @property
    def order(self):
        """Its turn in the backward pass, from 0; None where it has none."""
        return self._number("order")

    @property
    def flags(self):
        """A set of "leaf", "root", "view", "freed", "custom", "value has nan" and so on."""
        bits = self._graph._flags(self.index)
        return {name for flag, name in _model.FLAG_NAMES.items() if bits & flag}

    @property
    def is_leaf(self):
        return bool(self._graph._flags(self.index) & _model.LEAF)

    @property
    def freed(self):
        """The backward pass that let go of what it saved: "fit.py:12", else None."""
        line = self._site("line", "freed")
        if not self._graph._flags(self.index) & _model.FREED:
            return None
        if line is None:
            return "an earlier pass"
        path = self._graph._model.files[self._site("file", "freed")]["path"]
        return f"{os.path.basename(path)}:{line}"

    # --- what it made and keeps

    @property
    def shapes(self):
        """The shape of each output."""
        model = self._graph._model
        return tuple(model.shape(model.outs, r) for r in self._graph._rows_of("outs", self.index))

    @property
    def shape(self):
        """The shape of the first output; None where it has none."""
        return next(iter(self.shapes), None)

    @property
    def dtypes(self):
        model = self._graph._model
        rows = self._graph._rows_of("outs", self.index)
        return tuple(model.strs[model.outs["dtype"][r]] for r in rows)

    @property
    def bytes(self):
        """Of all outputs."""
        outs = self._graph._model.outs["bytes"]
        return int(sum(outs[r] for r in self._graph._rows_of("outs", self.index)))

    @property
    def saved(self):
        """The tensors that it keeps for its derivative: a list of Saved."""
        graph, model = self._graph, self._graph._model
        table, found = model.saved, []
        for r in graph._rows_of("saved", self.index):
            source, version = table["source"][r], table["version"][r]
            found.append(
                Saved(
                    model.strs[table["name"][r]],
                    model.shape(table, r),
                    model.strs[table["dtype"][r]],
                    int(table["bytes"][r]),
                    None if source == NONE else GraphNode(graph, source),
                    None if version == NONE else version,
                )
            )
        return found

    @property
    def attrs(self):
        """The other values that it keeps, as text: {"alpha": "1"}."""
        model = self._graph._model
        rows = self._graph._rows_of("attrs", self.index)
        return {
            model.strs[model.attrs["name"][r]]: model.strs[model.attrs["value"][r]] for r in rows
        }

    @property
    def cuts(self):
        """The inputs that no gradient goes to, and why: a list of Cut."""
        model, found = self._graph._model, []
        for r in self._graph._rows_of("cuts", self.index):
            site = model.cuts["site"][r]
            path = line = None
            if site != NONE and model.sites["line"][site] != NONE:
                path = model.files[model.sites["file"][site]]["path"]
                line = model.sites["line"][site]
            name = model.text(model.cuts["name"][r])
            found.append(Cut(model.cuts["in"][r], name, _reason(model, r), path, line))
        return found

    # --- what is known of a pass

    def _summaries(self, table):
        model, found = self._graph._model, {}
        for row in self._graph._rows_of(table, self.index):
            found[getattr(model, table)["slot"][row]] = _summaries.read(model, table, row)
        return found

    @property
    def values(self):
        """{output: Summary} of what it computed; a leaf's is its own value."""
        return self._summaries("values")

    @property
    def grads(self):
        """{output: Summary} of the gradients that came to it; a leaf's is what was added."""
        return self._summaries("grads")

    @property
    def value(self):
        """The Summary of the first output; None where it is not known."""
        return self.values.get(0)

    @property
    def grad(self):
        """The Summary of the gradient by the first output; None where it is not known."""
        return self.grads.get(0)

    @property
    def rules(self):
        """What it makes of a gradient, for each input that gets one: a list of Rule."""
        model, found = self._graph._model, []
        for r in self._graph._rows_of("rules", self.index):
            text = model.strs[model.rules["text"][r]]
            sentence = model.text(model.rules["sentence"][r]) or ""
            found.append(Rule(model.rules["in"][r], text, sentence))
        return found

    def _measured(self, table, name):
        values = getattr(self._graph._model, table).get(name)
        number = values[self.index] if values else float("nan")
        return number if number == number else None

    @property
    def forward_us(self):
        """Microseconds of its operation; known under record()."""
        return self._measured("us", "fwd")

    @property
    def backward_us(self):
        """Microseconds of its derivative; known under record()."""
        return self._measured("us", "bwd")

    @property
    def alive(self):
        """Bytes of tensors that existed when it was recorded; known under record()."""
        return self._measured("mem", "alive")

    # --- what it is connected with

    @property
    def inputs(self):
        """The nodes that made its inputs, by input number; those without history are left out."""
        src = self._graph._model.edges["src"]
        return [GraphNode(self._graph, src[r]) for r in self._graph._edge_rows(self.index)]

    @property
    def users(self):
        """The nodes that use its outputs, each once, in the order of recording."""
        users = self._graph._user_lists().get(self.index, ())
        return [GraphNode(self._graph, i) for i in dict.fromkeys(users)]


def _or_none(number):
    return NONE if number is None else number


def _reason(model, row):
    return model.strs[model.cuts["reason"][row]]
