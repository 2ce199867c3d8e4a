"""Two styles of ``make_dot`` with one box for a leaf and for an operation: classic and named.

Neither fails after a backward pass: where something was saved stands that and where it was freed.
"""

from rushlight._site import _one_line, stored
from rushlight.debug._words import is_leaf_node, names_in

from ._sheet import (
    BLUE,
    GREEN,
    ORANGE,
    Gone,
    Sheet,
    saved_by_function,
    saved_of,
    saved_tensors,
    size_of,
    stand_for,
)

__all__ = ["ClassicSheet", "NamedSheet", "names_in"]


class ClassicSheet(Sheet):
    """The figure of torchviz 0.0.1: the last operation is green, a leaf hangs on its users."""

    node_attr = {"fontsize": "12"}
    forgiving = True

    def draw(self, outputs):
        self._drawn = set()  # ids of what has a box
        self._owed = []  # saved leaves, which have a box only if the walk comes to them
        self._apart = {}  # of leaves that Functions saved: what the second box stands for
        roots = [t if t.grad_fn is None else t.grad_fn for t in outputs]
        self._green = set(map(id, roots))
        for t, root in zip(outputs, roots):
            if root is t:
                self._draw_leaf(t)
            elif id(root) not in self._drawn:
                self.walk(root)
        for t, label in self._owed:
            self._draw(t, label, ORANGE)

    def _draw(self, thing, label, fill):
        if id(thing) not in self._drawn:
            self._drawn.add(id(thing))
            self.box(thing, label, fill)

    def _draw_leaf(self, t):
        self._draw(t, self.tensor_label(t), GREEN if id(t) in self._green else BLUE)

    def _operation(self, node):
        return type(node).__name__

    def _enter(self, node):
        if is_leaf_node(node):
            self._draw_leaf(node.variable)
            return
        label = self._operation(node)
        if self.show_attrs:
            label += self.attributes(node)
        self._draw(node, label, GREEN if id(node) in self._green else None)

    def _follow(self, following, node):
        thing = following.variable if is_leaf_node(following) else following
        self.edge(thing, node)
        return id(thing) not in self._drawn

    def _leave(self, node):
        for t in saved_by_function(node, forgiving=True):
            self._draw_saved_by_function(node, t)
        if self.show_saved:
            for name, value in saved_of(node, forgiving=True):
                if isinstance(value, Gone):
                    self.edge(node, value, " [dir=none]")
                    self.box(value, f"{name}\n {value.words}", ORANGE)
                for part_name, t in saved_tensors(name, value):
                    self._draw_saved(node, part_name, t)

    def _draw_saved_by_function(self, node, t):
        """A box apart from the leaf's, with an arrow."""
        thing = self._apart.setdefault(id(t), object()) if t.is_leaf else stand_for(t, node)
        self.edge(thing, node)
        self._draw(thing, size_of(t), ORANGE)

    def _draw_saved(self, node, name, t):
        thing = stand_for(t, node)
        self.edge(node, thing, " [dir=none]")
        if t.is_leaf and t.requires_grad:
            self._owed.append((t, self.tensor_label(t, name)))
        else:
            self._draw(thing, self.tensor_label(t, name), ORANGE)


class NamedSheet(ClassicSheet):
    """Source expressions, variables and lines in the boxes."""

    node_attr = {"fontsize": "10", "fontname": "monospace"}

    def draw(self, outputs):
        self._operations = {}  # labels by operation and place: in a loop there are few
        super().draw(outputs)

    def _operation(self, node):
        code, offset = node._instruction or (None, 0)
        key = type(node), id(code), offset  # not the code: equal ones may stand in two files
        if key not in self._operations:
            self._operations[key] = self._described(type(node).__name__, node.site)
        return self._operations[key]

    @staticmethod
    def _described(name, site):
        if site is None:
            return name
        text = _one_line(stored(site.name, site.expression, site.column is None))
        text = text.replace("\\", "\\\\")  # no escape of the DOT language
        return f"{text}\n{name} {site}" if text else f"{name} {site}"

    def _draw_saved_by_function(self, node, t):
        self._draw_saved(node, None, t)
