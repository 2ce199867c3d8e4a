"""``make_dot``: the graph behind a tensor in the DOT language, drawn as torchviz draws it.

Boxes are numbered in the order in which they appear, so that two runs of a program give the same
text. The walks are loops: a graph of any depth is drawn.
"""

import sys
import warnings

from rushlight import _C

from ._sheet import (
    BLUE,
    GREEN,
    ORANGE,
    Sheet,
    saved_by_function,
    saved_of,
    saved_tensors,
    size_of,
    stand_for,
)
from .digraph import digraph

STYLES = ("torchviz", "classic", "named")
_DARK_GREEN = "darkolivegreen3"


def make_dot(
    var, params=None, show_attrs=False, show_saved=False, max_attr_chars=50, style="torchviz"
):
    """Draw the graph that a backward pass from ``var`` would play, in the DOT language.

    Boxes: blue the leaves, grey the nodes, orange what they saved, green the outputs, dark green
    what an output is a view of.

    var: a tensor, or tuples, lists and dicts of them; None in these is passed over.
    params: names of leaves, ``dict(model.named_parameters())``.
    show_attrs: list what each node keeps beside tensors. show_saved: draw the tensors that nodes
        saved; those of custom Functions always are.
    max_attr_chars: the longest value that show_attrs prints, 3 at least.
    style: "torchviz" gives torchviz 0.0.3's text up to the ids of the boxes; "classic" the figure
        of its first release, whose green box is the last operation; "named" writes the source
        expression, the variable and the line of each operation into its box.
    Returns: a ``graphviz.Digraph`` where that package is installed, else a `Drawing`; both have
        ``.source``, ``.render()``, ``.save()`` and ``.pipe()`` and show themselves in a notebook.
    Raises: TypeError for what is no tensor; ValueError where there is none, and for an unknown
        style; AssertionError for a value of params that is no tensor; RuntimeError, in torchviz's
        style alone, where show_attrs or show_saved asks for what a backward pass has freed.
    """
    if style not in STYLES:
        raise ValueError(f"make_dot: style must be one of {', '.join(STYLES)}, got {style!r}")
    outputs = _tensors(var)
    names = _names_of(params)
    for t in outputs:
        if t.grad_fn is None and not t.requires_grad:
            warnings.warn(
                f"make_dot: a tensor of shape {size_of(t)} has no graph, for it does not require "
                "grad: a single box stands for it.",
                stacklevel=2,
            )
    if style == "torchviz":
        sheet = _TorchvizSheet(names, show_attrs, show_saved, max_attr_chars)
    else:
        from ._compact import ClassicSheet, NamedSheet, names_in

        if style == "named":
            names = {**names_in(sys._getframe(1)), **names}
        Kind = NamedSheet if style == "named" else ClassicSheet
        sheet = Kind(names, show_attrs, show_saved, max_attr_chars)
    sheet.draw(outputs)
    node_attr = {"style": "filled", "shape": "box", "align": "left", **sheet.node_attr}
    node_attr |= {"ranksep": "0.1", "height": "0.2"}
    dot = digraph(graph_attr={"size": "12,12"}, node_attr=node_attr, body=sheet.lines)
    resize_graph(dot)
    return dot


def resize_graph(dot, size_per_element=0.15, min_size=12):
    """Let the picture grow with the number of lines in the body of ``dot``, in inches."""
    size = max(min_size, len(dot.body) * size_per_element)
    dot.graph_attr.update(size=f"{size},{size}")


def _tensors(var):
    """The tensors in any nesting of tuples, lists and dicts, in order."""
    found, waiting = [], [(None, iter((var,)))]
    around = set()  # ids of what the iterators run through
    while waiting:
        outer, items = waiting[-1]
        item = next(items, waiting)
        if item is waiting:
            waiting.pop()
            around.discard(id(outer))
        elif isinstance(item, _C.Tensor):
            found.append(item)
        elif isinstance(item, (tuple, list, dict)):
            if id(item) in around:
                raise ValueError("make_dot: a list or dict that contains itself")
            waiting.append((item, iter(item.values() if isinstance(item, dict) else item)))
            around.add(id(item))
        elif item is not None or len(waiting) == 1:
            raise TypeError(
                f"make_dot: expected a tensor or a nesting of tensors, got {type(item).__name__}"
            )
    if not found:
        raise ValueError(f"make_dot: there is no tensor in this {type(var).__name__}")
    return found


def _names_of(params):
    if params is None:
        return {}
    try:
        params = dict(params)
    except (TypeError, ValueError):
        got = type(params).__name__
        raise TypeError(
            f"make_dot: params must be a dict of names and tensors, got {got}"
        ) from None
    for name, value in params.items():
        assert isinstance(value, _C.Tensor), (
            f"make_dot: params must map names to tensors, got {type(value).__name__} for {name!r}"
        )
    return {id(value): name for name, value in params.items()}


class _TorchvizSheet(Sheet):
    """Statement for statement what torchviz 0.0.3 writes."""

    node_attr = {"fontsize": "10", "fontname": "monospace"}

    def draw(self, outputs):
        self._seen = set()  # ids of tensors that are numbered, which keeps them alive
        for t in outputs:
            self._draw_output(t)

    def _is_new(self, thing):
        if id(thing) in self._seen:
            return False
        self._seen.add(id(thing))
        return True

    def _draw_output(self, t):
        """An output and, where it is a view, its base, which is never a view itself."""
        if not self._is_new(t):
            return
        self._draw_tensor_and_graph(t, GREEN)
        if t._is_view():
            base = t._base
            if self._is_new(base):
                self._draw_tensor_and_graph(base, _DARK_GREEN)
            self.edge(base, t, " [style=dotted]")

    def _draw_tensor_and_graph(self, t, color):
        self.box(t, self.tensor_label(t), color)
        root = t.grad_fn
        if root is not None:
            if not self.is_numbered(root):
                self.walk(root)
            self.edge(root, t)

    def _enter(self, node):
        if self.show_saved:
            self._draw_saved(node)
        leaf = None if self.is_plain(node) else getattr(node, "variable", None)
        if leaf is not None:
            self._seen.add(id(leaf))
            self.box(leaf, self.tensor_label(leaf), BLUE)
            self.edge(leaf, node)
        label = type(node).__name__
        self.box(node, label + self.attributes(node) if self.show_attrs else label)

    def _follow(self, following, node):
        numbered = len(self._numbers)
        self.edge(following, node)  # node itself has had a number since it was entered
        return len(self._numbers) > numbered

    def _leave(self, node):
        for t in saved_by_function(node, forgiving=not (self.show_attrs or self.show_saved)):
            thing = stand_for(t, node)
            self._seen.add(id(thing))
            self.edge(thing, node, " [dir=none]")
            self.box(thing, self.tensor_label(t), ORANGE)

    def _draw_saved(self, node):
        for name, value in saved_of(node, self.forgiving):
            for part_name, t in saved_tensors(name, value):
                thing = stand_for(t, node)
                if t is value:  # not what stands in a tuple
                    self._seen.add(id(thing))
                self.edge(node, thing, " [dir=none]")
                self.box(thing, self.tensor_label(t, part_name), ORANGE)
