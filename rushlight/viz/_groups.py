"""The groups that pictures open and close: module, function, source line, iteration, operation."""

import os
from functools import partial

from rushlight import _C

from . import _model
from ._model import NONE

_C._add_package_globals(globals())

_MOST = 24  # children of a group of iterations before they are put into buckets


class Group:
    """Some operations of a graph under one head.

    kind: "graph", "module", "function", "line", "iterations", "iteration" or "op". label: its
    words. children: groups, in the order of recording; empty for a single operation. nodes: the
    numbers of all operations in it.
    """

    __slots__ = ("kind", "label", "nodes", "_children")

    def __init__(self, kind, label, nodes, children=()):
        """children: a list, or a function that makes it when the group is opened."""
        self.kind, self.label, self.nodes, self._children = kind, label, nodes, children

    @property
    def children(self):
        if callable(self._children):
            self._children = self._children()
        return self._children

    def __repr__(self):
        return f"<{self.kind} {self.label}: {len(self.nodes)} nodes>"


def _split(nodes, key):
    """{key of a node: its nodes}, in the order of first use."""
    parts = {}
    for i in nodes:
        parts.setdefault(key(i), []).append(i)
    return parts


class _Builder:
    def __init__(self, model):
        self.model = model
        n, scopes = model.nodes, model.scopes
        self.site, self.iteration, self.scope = n["site"], n["iter"], n["scope"]
        self.paths = []  # of each scope: itself and those around it, outermost first
        for number, parent in enumerate(scopes["parent"]):
            above = self.paths[parent] if parent != NONE else ()
            self.paths.append((*above, number))

    def scoped(self, nodes, depth):
        """The children of a group of nodes that share their first scopes."""

        def scope_at(i):
            path = self.paths[self.scope[i]] if self.scope[i] != NONE else ()
            return path[depth] if depth < len(path) else None

        made = []
        for scope, part in _split(nodes, scope_at).items():
            if scope is None:
                made += self.lines(part)
                continue
            children = self.scoped(part, depth + 1)
            if len(children) == 1 and children[0].kind in ("module", "function"):
                made += children
                continue
            kind = "function" if self.model.scopes["kind"][scope] else "module"
            name = self.model.strs[self.model.scopes["name"][scope]]
            made.append(Group(kind, name, part, children))
        made.sort(key=lambda group: group.nodes[0])
        return made

    def line_at(self, i):
        site, sites = self.site[i], self.model.sites
        return None if site == NONE else (sites["file"][site], sites["line"][site])

    def lines(self, nodes):
        made = []
        for line, part in _split(nodes, self.line_at).items():
            if line is None or len(part) == 1:
                made += map(self.op, part)
                continue
            path = os.path.basename(self.model.files[line[0]]["path"])
            label = f"{path}:{line[1]}" if line[1] != NONE else path
            made.append(Group("line", label, part, partial(self.iterations, part)))
        return made

    def iterations(self, nodes):
        made = []
        for iteration, part in _split(nodes, self.iteration.__getitem__).items():
            if iteration == NONE or len(part) == 1:
                made += map(self.op, part)
            else:
                label = f"iteration {iteration}"
                made.append(Group("iteration", label, part, partial(self.ops, part)))
        made.sort(key=lambda group: group.nodes[0])
        return self.buckets(made)

    def buckets(self, groups):
        """At most 24 groups that hold these."""
        if len(groups) <= _MOST:
            return groups
        size = -(-len(groups) // _MOST)
        made = []
        for at in range(0, len(groups), size):
            part = groups[at : at + size]
            nodes = [i for group in part for i in group.nodes]
            label = self.range_of(part)
            bucket = Group("iterations", label, nodes, partial(self.buckets, part))
            made.append(part[0] if len(part) == 1 else bucket)
        return made

    def range_of(self, groups):
        first, last = self.iteration[groups[0].nodes[0]], self.iteration[groups[-1].nodes[-1]]
        if NONE in (first, last):
            return f"{len(groups)} operations"
        return f"iterations {first} to {last}"

    def ops(self, nodes):
        return [self.op(i) for i in nodes]

    def op(self, i):
        return Group("op", self.model.strs[self.model.nodes["op"][i]], [i])


def group_tree(graph):
    """The Group of all operations of a graph. Levels with a single child are left out.

    Leaves are in none: a picture shows them as chips on the operations that use them.
    """
    model = graph._model
    flags = model.nodes["flags"]
    nodes = [i for i in range(len(model)) if not flags[i] & _model.LEAF]
    children = _Builder(model).scoped(nodes, 0) if nodes else []
    while len(children) == 1 and children[0].children:
        children = children[0].children
    return Group("graph", repr(graph), nodes, children)
