"""What differs between two graphs: before and after a fix, or early and late in a training."""

import math
import os
from collections import defaultdict, deque
from typing import NamedTuple

from rushlight import _C

from . import _summaries, _text
from ._node import GraphNode

_C._add_package_globals(globals())

_MOST = 40  # lines of a kind that are printed


class Change:
    """A node that is in both graphs and not the same. before, after: GraphNode. what: in words."""

    __slots__ = ("before", "after", "what")

    def __init__(self, before, after, what):
        self.before, self.after, self.what = before, after, what

    def __repr__(self):
        return f"<{self.before.op} {self.before.label}: {'; '.join(self.what)}>"


class Gradient(NamedTuple):
    """A node whose gradient has another size. norms: before and after."""

    node: GraphNode
    norms: tuple

    def __str__(self):
        before, after = self.norms
        times = f"  ({after / before:.3g} times)" if before and math.isfinite(after) else ""
        name = _text.one_line(self.node.label, 40)
        return f"gradient of {name}: {before:.4g} -> {after:.4g}{times}"


class GraphDiff:
    """The difference of two graphs: ``print`` it. False where their structure is the same.

    removed, added: the nodes that only one of them has. changed: a list of Change. same: how many
    nodes are alike. gradients: where both know them, a list of Gradient of the nodes in both whose
    norms differ tenfold or more, the largest ratio first.
    """

    def __init__(self, removed, added, changed, same, gradients):
        self.removed, self.added, self.changed, self.same = removed, added, changed, same
        self.gradients = gradients

    def __bool__(self):
        return bool(self.removed or self.added or self.changed)

    def __str__(self):
        lines = [f"the graphs are alike: {_text.counted(self.same, 'node')}"]
        if self:
            removed = _text.counted(len(self.removed), "node")
            added, changed = len(self.added), len(self.changed)
            lines = [f"{removed} removed, {added} added, {changed} changed, {self.same} alike"]
        for sign, nodes in (("-", self.removed), ("+", self.added)):
            lines += [f"{sign} {_text.line_of(node)}" for node in nodes[:_MOST]]
            if len(nodes) > _MOST:
                lines.append(f"{sign} … and {len(nodes) - _MOST} more")
        for change in self.changed[:_MOST]:
            lines.append(f"~ {_text.line_of(change.before)}")
            lines += [f"    {words}" for words in change.what]
        if len(self.changed) > _MOST:
            lines.append(f"~ … and {len(self.changed) - _MOST} more")
        lines += map(str, self.gradients[:_MOST])
        if len(self.gradients) > _MOST:
            lines.append(f"… and {len(self.gradients) - _MOST} more gradients")
        return "\n".join(lines)

    def __repr__(self):
        return f"<GraphDiff {str(self).splitlines()[0]}>"


def _hashes(graph):
    """(own, deep) by node: of operation and source, and of these and all that leads here.

    The line is in neither: what was written above a statement does not change it.
    """
    own, deep = [], []
    for node in graph.nodes:
        file = os.path.basename(node.file or "")
        key = hash((node.op, file, node.expression, node.iteration, node.name))
        own.append(key)
        inputs = tuple(deep[i.index] for i in node.inputs)
        deep.append(hash((key, node.shapes, node.dtypes, inputs)))
    return own, deep


def _pairs(a, b):
    """{node of a: node of b}: first those with equal histories, then those with equal sources."""
    own_a, deep_a = _hashes(a)
    own_b, deep_b = _hashes(b)
    pairs, taken = {}, set()
    for hashes_a, hashes_b in ((deep_a, deep_b), (own_a, own_b)):
        places = defaultdict(deque)
        for i, key in enumerate(hashes_b):
            if i not in taken:
                places[key].append(i)
        for i, key in enumerate(hashes_a):
            if i not in pairs and places[key]:
                pairs[i] = places[key].popleft()
                taken.add(pairs[i])
    return pairs, taken


def _inputs(graph, node):
    """The edges that lead into a node: {input number: (node, output number)}."""
    edges = graph._model.edges
    return {
        edges["in"][r]: (edges["src"][r], edges["out"][r]) for r in graph._edge_rows(node.index)
    }


def _differences(a, b, before, after, pairs):
    found = []
    for what in ("shapes", "dtypes", "attrs", "scope"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            found.append(f"{what.removesuffix('s')} was {_shown(old)}, is {_shown(new)}")
    old, new = _inputs(a, before), _inputs(b, after)
    for k in sorted(old.keys() | new.keys()):
        source, place = old.get(k), new.get(k)
        if source and place and (pairs.get(source[0]), source[1]) == place:
            continue
        was = _maker(GraphNode(a, source[0])) if source else "nothing"
        now = _maker(GraphNode(b, place[0])) if place else "nothing"
        found.append(f"input {k} came from {was}, comes from {now}")
    return found


def _maker(node):
    return f"{_text.one_line(node.label, 40)} ({node.op})"


def _shown(value):
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items()) or "nothing"
    if isinstance(value, tuple) and len(value) == 1:
        return str(value[0])
    return str(value)


def _gradients(before, after, pairs):
    old, new = (_summaries.gradient_norms(graph._model) for graph in (before, after))
    found = []
    for i, k in pairs.items():
        a, b = old.get((i, 0)), new.get((k, 0))
        if a is None or b is None or a == b:
            continue
        small, large = sorted((a, b))
        if large >= 10 * small:
            ratio = math.inf if small == 0 or large == math.inf else large / small
            found.append((-ratio, i, Gradient(before.nodes[i], (a, b))))
    return [gradient for *_, gradient in sorted(found, key=lambda item: item[:2])]


def diff(before, after):
    """GraphDiff of two graphs, matched by operation, source and history."""
    if not hasattr(after, "_model"):
        raise TypeError(f"Graph.diff(): expected a Graph, not {type(after).__name__}")
    pairs, taken = _pairs(before, after)
    removed = [node for node in before.nodes if node.index not in pairs]
    added = [node for node in after.nodes if node.index not in taken]
    changed = []
    for i, k in pairs.items():
        old, new = before.nodes[i], after.nodes[k]
        what = _differences(before, after, old, new, pairs)
        if what:
            changed.append(Change(old, new, what))
    changed.sort(key=lambda change: change.before.index)
    gradients = _gradients(before, after, pairs)
    return GraphDiff(removed, added, changed, len(pairs) - len(changed), gradients)
