"""A Graph as an indented tree, for terminals, logs and CI."""

import os
from collections import Counter

from rushlight import _C
from rushlight._site import stored

from . import _model
from ._node import GraphNode

_C._add_package_globals(globals())

_WIDEST = 60
_MANY = 8  # leaves, outputs or inputs of a node; of more the rest is counted
_DEEPEST = 24  # levels of indentation; what lies deeper is said to


def one_line(text, widest=_WIDEST):
    """The text with its white space folded, cut where it is too long."""
    text = " ".join((text or "").split())
    return text if len(text) <= widest else text[: widest - 1] + "…"


def counted(n, word, many=None):
    """``1 leaf``, ``2,000 leaves``. many: the plural, where it does not just end in s."""
    return f"{n:,} {word if n == 1 else many or word + 's'}"


def place_of(node):
    """``fit.py:12``; empty where it is not known."""
    return f"{os.path.basename(node.file)}:{node.line}" if node.line is not None else ""


def source_of(node, widest=_WIDEST):
    """``y = w * x``: the expression, under the variable that it was stored in."""
    if node.is_leaf:
        return node.name or one_line(node.expression, widest)
    return one_line(stored(node.name, node.expression, node.columns is None), widest)


def chip_of(leaf):
    """What a leaf is called where an operation uses it: ``w (2, 3)``."""
    return f"{one_line(leaf.name) or 'leaf'} {leaf.shape}"


def _some(texts, between):
    texts = list(texts)
    more = [f"and {len(texts) - _MANY:,} more"] if len(texts) > _MANY + 1 else []
    return between.join([*texts[:_MANY], *more] if more else texts)


def line_of(node):
    """A node on one line: operation, source, place, shape, leaves, and what is wrong with it."""
    if node.is_leaf:
        return f"AccumulateGrad  {chip_of(node)}"
    parts = [f"{node.op:<16}", f"{source_of(node):<28}", f"{place_of(node):<12}"]
    parts.append(_some(map(str, node.shapes), " "))
    chips = [chip_of(i) for i in node.inputs if i.is_leaf]
    if chips:
        parts.append(f"[{_some(chips, ', ')}]")
    if node.iteration is not None:
        parts.append(f"iteration {node.iteration}")
    if node.freed:
        parts.append(f"freed at {node.freed}")
    parts += sorted(flag for flag in node.flags if " has " in flag)
    if node.cuts:
        parts.append("no gradient to " + _some(map(str, node.cuts), ", "))
    return "  ".join(parts).rstrip()


def _depths(graph):
    """The length of the longest chain of operations under each node."""
    depths = [0] * len(graph)
    edges = graph._model.edges
    for src, dst in zip(edges["src"], edges["dst"], strict=True):
        if depths[src] >= depths[dst]:
            depths[dst] = depths[src] + 1
    return depths


class _Tree:
    def __init__(self, graph, most):
        self.graph, self.most = graph, most
        self.lines, self.said, self.depths = [], set(), _depths(graph)

    def _children(self, number):
        """Operations that feed a node, the one with the longest chain last."""
        model = self.graph._model
        flags, src = model.nodes["flags"], model.edges["src"]
        found = dict.fromkeys(src[r] for r in self.graph._edge_rows(number))
        found = [i for i in found if not flags[i] & _model.LEAF]
        return sorted(found, key=lambda i: self.depths[i])

    def write(self, root):
        """The tree under a node; the longest chain stays at one indentation."""
        waiting = [(root, "", "")]
        while waiting:
            number, head, indent = waiting.pop()
            if len(self.lines) >= self.most:
                return
            node = GraphNode(self.graph, number)
            if number in self.said:
                self.lines.append(f"{head}({one_line(node.label, 40)}, node {number}, said above)")
                continue
            self.said.add(number)
            self.lines.append(head + line_of(node))
            children = self._children(number)
            if len(indent) >= 2 * _DEEPEST and len(children) > 1:
                self.lines.append(f"{indent}… {len(children)} inputs, too deep to show")
                continue
            steps = []
            for child in children[:-1]:
                steps.append((child, f"{indent}├ ", f"{indent}│ "))
            if children:
                steps.append((children[-1], indent, indent))
            waiting += reversed(steps)


def _rest(graph, said):
    """What was not said, by source line."""
    flags = graph._model.nodes["flags"]
    left = [i for i in range(len(graph)) if i not in said and not flags[i] & _model.LEAF]
    if not left:
        return []
    lines = [f"… and {counted(len(left), 'more operation')}; to_text(lines=None) shows all"]
    counts = Counter()
    for i in left:
        node = GraphNode(graph, i)
        counts[place_of(node) or "an unknown place", one_line(node.expression)] += 1
    for (place, expression), n in counts.most_common(8):
        lines.append(f"    {n:>6} x  {expression:<28}  {place}".rstrip())
    return lines


def to_text(graph, lines=100):
    """The tree, from what the graph was asked for down to the leaves.

    lines: how many at most; None for all. An operation that several others use is shown once.
    """
    if lines is not None and (not isinstance(lines, int) or lines < 0):
        raise TypeError(
            f"Graph.to_text(): argument 'lines' must be None or an int from 0 up, not {lines!r}"
        )
    tree = _Tree(graph, float("inf") if lines is None else lines)
    for root in graph.roots():
        if len(tree.lines) < tree.most:
            tree.write(root.index)
    found = tree.lines + _rest(graph, tree.said)
    return "\n".join(found + [f"note: {note}" for note in graph.notes])
