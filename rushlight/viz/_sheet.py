"""The lines of a graph in the DOT language, and the walk that writes them.

A box's number is that of its first appearance, so that two runs of a program give the same text.
"""

import functools
import re

from rushlight import _C

SAVED_PREFIX = "_saved_"
GREEN, BLUE, ORANGE = "darkolivegreen1", "lightblue", "orange"
_FREED = re.compile(r"^  freed by .* (\S+)$", re.MULTILINE)
# What needs no quotes in DOT, and what does although it looks like it.
_ID = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*|-?(\.[0-9]+|[0-9]+(\.[0-9]*)?))$")
_KEYWORDS = frozenset(("node", "edge", "graph", "digraph", "subgraph", "strict"))
_HTML = re.compile(r"<.*>$", re.DOTALL)
_QUOTE = re.compile(r'((?:\\\\)*)\\?"')


@functools.lru_cache(1024)
def quote(text):
    """A string of the DOT language, in quotes where it needs them, as the package graphviz does."""
    if _ID.match(text) and text.lower() not in _KEYWORDS or _HTML.match(text):
        return text
    return '"' + _QUOTE.sub(r'\1\\"', text) + '"'


def size_of(t):
    return f"({', '.join(map(str, t.size()))})"


def saved_of(node, forgiving):
    """(name, value) of each ``_saved_`` attribute, by name.

    forgiving: give a Gone for a value that cannot be had, where else a RuntimeError is raised.
    """
    for attribute in dir(node):
        if attribute.startswith(SAVED_PREFIX):
            try:
                value = getattr(node, attribute)
            except RuntimeError as error:
                if not forgiving:
                    raise
                value = Gone(error)
            yield attribute[len(SAVED_PREFIX) :], value


class Gone:
    """A saved value that a backward pass has freed, or that was changed in place."""

    def __init__(self, error):
        place = _FREED.search(str(error))
        if place:
            self.words = f"freed at {place[1]}"
        else:
            self.words = "freed" if "second time" in str(error) else "changed in place"

    def __str__(self):
        return f"[{self.words}]"


class Sheet:
    """The lines of a graph, with its boxes numbered as they appear."""

    forgiving = False

    def __init__(self, names, show_attrs, show_saved, max_attr_chars):
        self.names = names
        self.show_attrs, self.show_saved = show_attrs, show_saved
        self.max_attr_chars = max(max_attr_chars, 3)
        self.lines = []
        self._numbers = {}
        self._alive = []  # what has a number: its id must not become another's
        self._plain = {}  # of types of nodes: whether only edges lead on from them

    def number(self, thing):
        """The number of a node's or a tensor's box."""
        following = len(self._numbers) + 1
        number = self._numbers.setdefault(id(thing), following)
        if number == following:
            self._alive.append(thing)
        return number

    def is_numbered(self, thing):
        return id(thing) in self._numbers

    def box(self, thing, label, fill=None):
        fill = f" fillcolor={fill}" if fill else ""
        self.lines.append(f"\t{self.number(thing)} [label={quote(label)}{fill}]\n")

    def edge(self, tail, head, attributes=""):
        self.lines.append(f"\t{self.number(tail)} -> {self.number(head)}{attributes}\n")

    def walk(self, root):
        """Depth first over the nodes below root, in the order of a recursion, without one.

        Each new node is entered, then the edges from what it leads to are drawn, each followed
        before the next; then it is left.
        """
        self._enter(root)
        stack = self._ahead(root)
        pop, extend = stack.pop, stack.extend
        while stack:
            node, following = pop()
            if following is None:
                self._leave(node)
            elif self._follow(following, node):
                self._enter(following)
                extend(self._ahead(following))

    def _ahead(self, node):
        """What is to be done after node is entered, the last first; (node, None) is its leaving."""
        ahead = [(node, f) for f, _ in node.next_functions if f is not None]
        if self.show_saved or not self.is_plain(node):
            ahead.append((node, None))
        ahead.reverse()
        return ahead

    def is_plain(self, node):
        """Whether this is an operation, neither a leaf's node nor a custom Function's."""
        kind = type(node)
        plain = self._plain.get(kind)
        if plain is None:
            special = hasattr(kind, "variable") or hasattr(kind, "saved_tensors")
            plain = self._plain[kind] = not special
        return plain

    def tensor_label(self, t, name=None):
        return f"{name or self.names.get(id(t), '')}\n {size_of(t)}"

    def attributes(self, node):
        """The lines below a node's name: a rule, then what it keeps, or nothing."""
        rows = {}
        for name, value in saved_of(node, self.forgiving):
            if isinstance(value, _C.Tensor):
                rows[name] = "[saved tensor]"
            elif isinstance(value, tuple) and any(isinstance(t, _C.Tensor) for t in value):
                rows[name] = "[saved tensors]"
            else:
                rows[name] = str(value)
        if not rows:
            return ""
        left = max(map(len, rows))
        right = min(max(map(len, rows.values())), self.max_attr_chars)
        rule = "-" * max(left + right + 2, len(type(node).__name__))
        cut = (v if len(v) <= right else v[: right - 3] + "..." for v in rows.values())
        table = (f"{name:<{left}}: {value:>{right}}" for name, value in zip(rows, cut))
        return "\n".join(("", rule, *table))


def saved_tensors(name, value):
    """(name, tensor) of a saved tensor, or of each in a saved tuple."""
    if isinstance(value, _C.Tensor):
        yield name, value
    elif isinstance(value, tuple):
        for i, t in enumerate(value):
            if isinstance(t, _C.Tensor):
                yield f"{name}[{i}]", t


def stand_for(t, node):
    """What the box of a tensor saved by a node stands for.

    An output that its own node saved comes back as a new object in PyTorch, so its box is not the
    output's.
    """
    return object() if t.grad_fn is node else t


def saved_by_function(node, forgiving):
    """What a custom Function saved; nothing, where that is forgiven, once it has been freed."""
    try:
        saved = getattr(node, "saved_tensors", ())
    except RuntimeError:
        if not forgiving:
            raise
        return ()
    return tuple(t for t in saved if t is not None)
