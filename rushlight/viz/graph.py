"""``rushlight.graph(loss)``: the graph as data."""

import sys
from bisect import bisect_left
from collections import deque
from typing import NamedTuple

from rushlight import _C

from . import _collect, _files, _model
from ._iterations import title
from ._node import GraphNode
from ._text import counted, to_text

_C._add_package_globals(globals())


class Nodes:
    """The nodes of a graph in the order of recording: a read-only sequence."""

    __slots__ = ("_graph", "_numbers")

    def __init__(self, graph, numbers):
        self._graph, self._numbers = graph, numbers

    def __len__(self):
        return len(self._numbers)

    def __getitem__(self, at):
        if isinstance(at, slice):
            return Nodes(self._graph, self._numbers[at])
        return GraphNode(self._graph, self._numbers[at])

    def __iter__(self):
        for number in self._numbers:
            yield GraphNode(self._graph, number)

    def __eq__(self, other):
        if isinstance(other, Nodes | list | tuple):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None

    def __repr__(self):
        shown = ", ".join(repr(node) for node in self[:8])
        more = len(self) - 8
        return f"[{shown}, and {more} more]" if more > 0 else f"[{shown}]"


class LineTime(NamedTuple):
    """A source line under record(): microseconds forward and backward, bytes computed, calls."""

    file: str
    line: int
    us: float
    bytes: float
    calls: int


class Graph:
    """A graph that somebody recorded, as data. It keeps no tensor alive.

    nodes: every node in the order of recording, a leaf before the first node that uses it.
    notes: sentences about what is not known.
    """

    def __init__(self, model, sequence=(), leaves=()):
        self._model = model
        self._sequence = sequence  # of the core, to find the node of a tensor
        self._leaves = leaves  # [(number, weakref to the leaf)]
        self._edges_at = self._users = self._rows = self._ops = self._named = None

    # --- looking

    @property
    def nodes(self):
        return Nodes(self, range(len(self._model)))

    @property
    def notes(self):
        return list(self._model.notes)

    @property
    def overlays(self):
        """{name: {node: number}} of what overlay() was given."""
        found = {}
        for name, values in self._model.overlays.items():
            found[name] = {self.nodes[i]: v for i, v in enumerate(values) if v == v}
        return found

    @property
    def steps(self):
        """{leaf: [(pass, norm of what it added to .grad)]} of a recorded training."""
        found, table = {}, self._model.steps
        for step, name, norm in zip(table["step"], table["name"], table["norm"], strict=True):
            found.setdefault(self._model.strs[name], []).append((step, norm))
        return found

    @property
    def lines(self):
        """What was recorded of each source line: a list of LineTime, the longest first."""
        table, found = self._model.lines, []
        for row, file in enumerate(table["file"]):
            numbers = [table[name][row] for name in ("line", "us", "bytes", "calls")]
            found.append(LineTime(self._model.files[file]["path"], *numbers))
        return sorted(found, key=lambda line: (-line.us, line.file, line.line))

    def __len__(self):
        return len(self._model)

    def __iter__(self):
        return iter(self.nodes)

    def __getitem__(self, key):
        return self.nodes[key] if isinstance(key, slice) else self.node(key)

    def __reduce__(self):
        return Graph.from_json, (self.to_json(),)

    def __repr__(self):
        leaves = len(self._with_flag(_model.LEAF))
        roots = ", ".join(node.label for node in self.roots()[:4])
        roots += f" and {len(self.roots()) - 4} more" if len(self.roots()) > 4 else ""
        operations = counted(len(self) - leaves, "operation")
        return f"<Graph of {roots}: {operations}, {counted(leaves, 'leaf', 'leaves')}>"

    def _with_flag(self, flag):
        flags = self._model.nodes["flags"]
        return [i for i in range(len(flags)) if flags[i] & flag]

    def leaves(self):
        """The tensors that gradients are added to, in the order in which they were first used."""
        return Nodes(self, self._with_flag(_model.LEAF))

    def roots(self):
        """What the graph was asked for: the loss."""
        return Nodes(self, self._with_flag(_model.ROOT))

    def node(self, key):
        """The node of a number, a name, a tensor or a grad_fn.

        A variable that was stored into several times means the last. Raises: KeyError.
        """
        if isinstance(key, GraphNode):
            if key._graph is self:
                return key
        elif isinstance(key, int):
            if -len(self) <= key < len(self):
                return GraphNode(self, key % len(self))
        elif isinstance(key, str):
            if key in self._model.params:
                return GraphNode(self, self._model.params[key])
            if self._named is None:
                texts, names = self._model.strs, self._model.nodes["name"]
                self._named = {texts[at]: i for i, at in enumerate(names) if at != _model.NONE}
            if key in self._named:
                return GraphNode(self, self._named[key])
        elif isinstance(key, _C.Tensor | _C._NodeBase):
            number = self._number_of(key)
            if number is not None:
                return GraphNode(self, number)
        raise KeyError(f"no node of this graph is {_shown(key)}")

    def _number_of(self, key):
        leaf = key if isinstance(key, _C.Tensor) else getattr(key, "variable", None)
        for number, known in self._leaves:
            if leaf is not None and known() is leaf:
                return number
        node = key.grad_fn if isinstance(key, _C.Tensor) else key
        if node is None:
            return None
        wanted = node._sequence_nr()
        if self._ops is None:
            flags = self._model.nodes["flags"]
            self._ops = [i for i in range(len(self._sequence)) if not flags[i] & _model.LEAF]
        ops = self._ops
        at = bisect_left(ops, wanted, key=lambda i: self._sequence[i])
        if at < len(ops) and self._sequence[ops[at]] == wanted:
            return ops[at]
        return None

    def _flags(self, number):
        return self._model.nodes["flags"][number]

    def find(
        self,
        op=None,
        name=None,
        line=None,
        file=None,
        expression=None,
        iteration=None,
        shape=None,
        flag=None,
        where=None,
    ):
        """The nodes that fit all that is given, in the order of recording.

        op: "MulBackward0", or "mul"; or a function, as where. name: of a variable or parameter.
        line: its number. file: the path or its end. expression: a part of it. iteration: of a
        loop, from 0. shape: of an output. flag: "leaf", "root", "view", "freed", "custom",
        "value has nan", "value has inf", "grad has nan" or "grad has inf". where: a function of a
        GraphNode.
        """
        if flag is not None and flag not in _model.FLAG_NAMES.values():
            names = ", ".join(repr(name) for name in _model.FLAG_NAMES.values())
            raise ValueError(f"Graph.find(): no flag {flag!r}; there are {names}")
        for argument, number in (("line", line), ("iteration", iteration)):
            if not isinstance(number, int | None):
                got = type(number).__name__
                raise TypeError(f"Graph.find(): argument '{argument}' must be int, not {got}")
        model = self._model
        found = range(len(model))
        if op is not None:
            if callable(op) and where is None:
                return self.find(None, name, line, file, expression, iteration, shape, flag, op)
            if not isinstance(op, str):
                raise TypeError(f"Graph.find(): argument 'op' must be str, not {type(op).__name__}")
            texts = model.strs
            ops = {
                i
                for i in set(model.nodes["op"])
                if op in (texts[i], title(texts[i])) or op.lower() == texts[i].lower()
            }
            found = [i for i in found if model.nodes["op"][i] in ops]
        if iteration is not None:
            found = [i for i in found if model.nodes["iter"][i] == iteration]
        if name is not None:
            found = [i for i in found if GraphNode(self, i).name == name]
        tests = []
        if line is not None:
            tests.append(lambda node: node.line == line)
        if file is not None:
            tests.append(lambda node: node.file is not None and node.file.endswith(str(file)))
        if expression is not None:
            tests.append(lambda node: expression in node.expression)
        if shape is not None:
            wanted = (shape,) if isinstance(shape, int) else tuple(shape)
            tests.append(lambda node: wanted in node.shapes)
        if flag is not None:
            tests.append(lambda node: flag in node.flags)
        if where is not None:
            tests.append(where)
        if tests:
            found = [i for i in found if all(test(GraphNode(self, i)) for test in tests)]
        return Nodes(self, list(found))

    def path(self, a, b):
        """The shortest chain of nodes between two, from the one nearer to the leaves.

        a, b: as node() takes them. Returns: a list of GraphNode with both; empty without a chain.
        """
        a, b = self.node(a).index, self.node(b).index
        found = self._chain(min(a, b), max(a, b))
        # A leaf may have a higher number than an operation that it does not follow.
        return [GraphNode(self, i) for i in found or self._chain(max(a, b), min(a, b))]

    def _chain(self, source, target):
        came, waiting = {source: None}, deque([source])
        users = self._user_lists()
        while waiting:
            at = waiting.popleft()
            if at == target:
                chain = []
                while at is not None:
                    chain.append(at)
                    at = came[at]
                return chain[::-1]
            for user in users.get(at, ()):
                if user not in came:
                    came[user] = at
                    waiting.append(user)
        return []

    # --- the columns, by node

    def _edge_rows(self, number):
        """The rows of edges that lead into a node, in the order of its inputs."""
        if self._edges_at is None:
            at = self._edges_at = [0] * (len(self) + 1)
            for dst in self._model.edges["dst"]:
                at[dst + 1] += 1
            for i in range(len(self)):
                at[i + 1] += at[i]
        return range(self._edges_at[number], self._edges_at[number + 1])

    def _user_lists(self):
        if self._users is None:
            self._users = {}
            edges = self._model.edges
            for src, dst in zip(edges["src"], edges["dst"], strict=True):
                users = self._users.setdefault(src, [])
                if not users or users[-1] != dst:
                    users.append(dst)
        return self._users

    def _rows_of(self, table, number):
        """The rows of a table that belong to a node."""
        if self._rows is None:
            self._rows = {}
        if table not in self._rows:
            rows = self._rows[table] = {}
            for row, node in enumerate(getattr(self._model, table)["node"]):
                rows.setdefault(node, []).append(row)
        return self._rows[table].get(number, ())

    # --- adding

    def overlay(self, name, values):
        """Lay numbers over the nodes, which the page can be coloured by.

        values: {node: number}, nodes as node() takes them; others have none. Returns: the graph.
        Raises: KeyError for what is no node, TypeError for what is no number.
        """
        numbers = _model.column("f64", [float("nan")]) * len(self)
        for key, value in dict(values).items():
            if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
                raise TypeError(
                    f"Graph.overlay(): {value!r} is no number\n  fix: give a number for each node."
                )
            numbers[self.node(key).index] = float(value)
        self._model.overlays[str(name)] = numbers
        return self

    # --- other forms

    def __str__(self):
        return self.to_text()

    def to_text(self, lines=100):
        """An indented tree, as ``print(graph)`` shows it; lines: at most so many, None for all."""
        return to_text(self, lines)

    def diff(self, other):
        """What another graph has more, less or different: a GraphDiff, to be printed."""
        from ._diff import diff

        return diff(self, other)

    def to_json(self, path=None):
        """The graph as JSON, all of it; also written to a file where a path is given."""
        return _files.give(self._model.to_json(), path)

    @classmethod
    def from_json(cls, text):
        """The graph that to_json() wrote. Raises: ValueError for other texts."""
        return cls(_model.Model.from_json(text))

    def to_dot(self, path=None):
        """The graph in Graphviz's language, leaves as small chips; also to a file."""
        from ._rich_dot import to_dot

        return _files.give(to_dot(self), path)

    def to_mermaid(self, path=None, most=500):
        """The graph as a Mermaid flowchart of at most 500 operations; also to a file."""
        from ._mermaid import to_mermaid

        return _files.give(to_mermaid(self, most), path)

    def to_svg(
        self, path=None, *, max_boxes=200, groups=True, cards=None, theme="light", title=None
    ):
        """The picture as SVG, by the built-in layout, data flowing down; also to a file.

        max_boxes: groups (module, function, source line) are opened while there are at most so many
            boxes. groups: False: every operation is a box, however many there are.
        cards: whether an operation is a table with its code, value, gradient and local rule; None:
            where values are known and there are at most 16 operations.
        theme: "light", "dark", or "auto" for what the viewer prefers. title: what a screen reader
            says first.
        Raises: ValueError for a theme or a number of boxes that is none.
        """
        from ._svg import svg

        return _files.give(svg(self, max_boxes, groups, cards, theme, title), path)

    def to_png(
        self,
        path=None,
        *,
        scale=2.0,
        max_boxes=200,
        groups=True,
        cards=None,
        theme="light",
        title=None,
    ):
        """The picture as bytes of a PNG; also to a file. scale: pixels for each unit of the SVG.

        The other arguments are those of to_svg(). Raises: ImportError without graphviz-pure or
        Graphviz, RuntimeError where it fails, ValueError as to_svg().
        """
        from ._png import check, png
        from ._svg import svg

        check(scale)
        return _files.give(png(svg(self, max_boxes, groups, cards, theme, title), scale), path)

    def to_html(self, path=None, *, title="rushlight graph"):
        """The page, one file that works offline; also to a file. title: of its window."""
        from ._page import page

        return _files.give(page(self, title=title), path)

    def show(self):
        """Open the page in a browser. Returns: the path of the file it was written to."""
        return _files.show(self.to_html())

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _files.bundle(self, include, exclude)


def _shown(key):
    if isinstance(key, _C.Tensor):
        return f"the one of this tensor of shape {tuple(key.shape)}"
    return repr(key)


def graph(root, params=None, values=False, max_bytes=1 << 30):
    """Return the graph that was recorded for a tensor, as data.

    root: a tensor that requires grad, a grad_fn, or any nesting of them. params: names for leaves,
        {name: tensor}; variables are found by themselves. values: sum up values and gradients, too,
        as far as they are known afterwards: a backward pass runs that changes no .grad, though
        hooks run; roots of several elements start with ones. max_bytes: how much memory values may
        have then, with those that are computed again.
    Returns: Graph. Raises: RuntimeError for a tensor without a graph, where there is no tensor, and
        for values of more than max_bytes; TypeError and ValueError for other arguments. Cost: some
        microseconds for each node.
    """
    from . import _graph_of, _values

    params = _collect.named(params)
    _collect.check_most("graph", max_bytes)
    roots = tuple(_collect.roots_in(root))
    frame = sys._getframe(1)
    if values:
        return _values.graph_with_values(roots, params, frame, max_bytes)
    return _graph_of.make(_C._graph_columns(roots, 0), frame, params)
