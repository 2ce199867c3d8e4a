"""What of a graph a picture shows: operations, closed groups, chips, ghosts, merged edges."""

from dataclasses import dataclass, field
from math import isfinite, log2, log10

from rushlight import _C

from . import _summaries
from ._iterations import title
from ._model import LEAF, NONE, ROOT, VIEW_EDGE

_C._add_package_globals(globals())

GHOSTS = 20  # more cuts than these are chips, not boxes


@dataclass(eq=False)
class Unit:
    """One box. ``frames`` are the open modules and functions around it, outermost first."""

    kind: str  # "op", "leaf", "group" or "ghost"
    nodes: list
    frames: tuple = ()
    group: object = None
    cut: object = None
    chips: dict = field(default_factory=dict)  # {words: how many uses}
    ghosts: dict = field(default_factory=dict)  # the same for inputs that no gradient goes to
    loops: int = 0  # edges from the group to itself


@dataclass(eq=False)
class Flow:
    """All edges between two units. ``norm`` is the largest gradient norm.

    inf where a gradient is not finite, None where none is known.
    """

    source: Unit
    target: Unit
    count: int = 0
    norm: float | None = None
    dashed: bool = False


class View:
    """The units of a graph and the flows between them.

    most: units at most, where groups can be closed; None shows every operation, without frames.
    leaves: whether a leaf is a box, not a chip on each operation that uses it.
    """

    def __init__(self, graph, most, leaves=False):
        self.graph, self.model = graph, graph._model
        self.units, self.flows = [], {}
        self.unit_of = [None] * len(graph)
        self.frame_labels = {}
        ops = {}  # of each site
        for site, op in zip(self.model.nodes["site"], self.model.nodes["op"]):
            ops.setdefault(site, set()).add(op)
        self._shared = {site for site, names in ops.items() if len(names) > 1}
        self._show_operations() if most is None else self._show_groups(most)
        for i, flag in enumerate(self.model.nodes["flags"]):
            if flag & LEAF and (flag & ROOT or (leaves and self._users_are_open(i))):
                self._add(Unit("leaf", [i], self._frames_of_leaf(i)))
        self._add_edges()
        self._add_cuts()

    def _add(self, unit):
        self.units.append(unit)
        for i in unit.nodes:
            self.unit_of[i] = unit

    def _show_operations(self):
        for i, flag in enumerate(self.model.nodes["flags"]):
            if not flag & LEAF:
                self._add(Unit("op", [i]))

    def _show_groups(self, most):
        from ._groups import group_tree

        tree = _in_chunks(group_tree(self.graph), most)
        opened = _opened(self.model, tree, most)
        if id(tree) not in opened:
            self._add(Unit("group", tree.nodes, (), tree))
            return
        waiting = [(child, ()) for child in reversed(tree.children)]
        while waiting:
            group, frames = waiting.pop()
            if group.kind == "op":
                self._add(Unit("op", group.nodes, frames))
            elif id(group) in opened:
                if group.kind in ("module", "function"):
                    frames = (*frames, id(group))
                    self.frame_labels[id(group)] = group
                waiting += [(child, frames) for child in reversed(group.children)]
            else:
                self._add(Unit("group", group.nodes, frames, group))

    def _users_are_open(self, leaf):
        users = self.graph._user_lists().get(leaf, ())
        return all(self.unit_of[i].kind == "op" for i in users)

    def _frames_of_leaf(self, leaf):
        """Inside the frame of its only user, else outside."""
        users = self.graph._user_lists().get(leaf, ())
        units = {id(self.unit_of[i]): self.unit_of[i] for i in users}
        return next(iter(units.values())).frames if len(units) == 1 else ()

    def _add_edges(self):
        model = self.model
        edges, flags = model.edges, model.nodes["flags"]
        norms = _summaries.gradient_norms(model)
        words = {}
        for src, dst, out, kind in zip(edges["src"], edges["dst"], edges["out"], edges["kind"]):
            target = self.unit_of[dst]
            source = self.unit_of[src]
            if source is None and flags[src] & LEAF:
                if src not in words:
                    words[src] = self.graph.nodes[src].label
                    if words[src] == "AccumulateGrad":
                        words[src] = f"leaf {self.graph.nodes[src].shape}"
                name = self._inside(words[src], target)
                target.chips[name] = target.chips.get(name, 0) + 1
            elif source is target:
                target.loops += 1
            elif source is not None:
                self._flow(source, target, norms.get((src, out)), kind == VIEW_EDGE)

    def _inside(self, name, unit):
        """A parameter's name without the modules that its frames or its group say already."""
        labels = [self.frame_labels[frame].label for frame in unit.frames]
        labels += [unit.group.label] if unit.group else []
        for k in range(len(labels)):
            prefix = ".".join(labels[k:]) + "."
            if name.startswith(prefix):
                return name[len(prefix) :]
        return name

    def _flow(self, source, target, norm=None, dashed=False):
        flow = self.flows.setdefault((id(source), id(target)), Flow(source, target, dashed=dashed))
        flow.count += 1
        flow.dashed &= dashed
        if norm is not None:
            flow.norm = norm if flow.norm is None else max(flow.norm, norm)

    def _add_cuts(self):
        cuts = self.model.cuts
        boxes = []
        for row, node in enumerate(cuts["node"]):
            unit = self.unit_of[node]
            reason = self.model.strs[cuts["reason"][row]]
            if unit.kind == "op" and reason != "requires_grad=False":
                boxes.append((row, unit))
                continue
            name = self.model.text(cuts["name"][row]) or f"input {cuts['in'][row]}"
            unit.ghosts[name] = unit.ghosts.get(name, 0) + 1
        for row, unit in boxes:
            if len(boxes) <= GHOSTS:
                cut = next(
                    c for c in self.graph.nodes[unit.nodes[0]].cuts if c.input == cuts["in"][row]
                )
                ghost = Unit("ghost", [], unit.frames, cut=cut)
                self._add(ghost)
                self._flow(ghost, unit, dashed=True)
            else:
                name = self.model.text(cuts["name"][row]) or f"input {cuts['in'][row]}"
                unit.ghosts[name] = unit.ghosts.get(name, 0) + 1

    def words(self, node):
        """(what a node is called, what else is known of it): expression or operation first.

        The expression does not name a node where a call recorded several, as of a module.
        """
        short = title(node.op)
        shared = self.model.nodes["site"][node.index] in self._shared
        label = node.name or ("" if shared else node.expression) or short
        return label, node.expression if label == short else node.op

    def thickness(self):
        """A function from a Flow to its line's width: the logarithm of its gradient's norm."""
        logs = [log10(f.norm) for f in self.flows.values() if f.norm and isfinite(f.norm)]
        high = max(logs, default=0)
        range_ = max(2.0, high - min(logs, default=0))  # equal ones do not look different

        def width(flow):
            if flow.norm is None:
                return min(4.0, 1 + 0.5 * log2(flow.count))
            if flow.norm == 0:
                return 0.75
            return 5 - 4 * (high - log10(flow.norm)) / range_ if isfinite(flow.norm) else 5.0

        return width


def _loops(model, group):
    """Whether a source line ran more than once."""
    iterations = model.nodes["iter"]
    return any(iterations[i] != NONE for i in group.nodes)


def _stays_closed(model, group):
    """Whether a group is opened only where all operations fit.

    The rounds of a loop say less than its lines, and the one line of a module less than its name.
    """
    if group.kind in ("chunk", "iterations", "iteration"):
        return True
    if group.kind == "line":
        return _loops(model, group)
    return [child.kind for child in group.children] == ["line"]


def _opened(model, tree, most):
    """ids of the groups that are open: level by level, small ones first, while there is room."""
    shown = len(tree.children)
    if shown > most:
        return set()
    whole = len(tree.nodes) <= most
    opened, level = {id(tree)}, tree.children
    while level:
        below, sizes = [], {}
        for group in level:
            if group.kind != "op" and (whole or not _stays_closed(model, group)):
                sizes.setdefault(len(group.children), []).append(group)
        # Groups of one size are most often alike: all of them or none.
        for size, alike in sorted(sizes.items()):
            more = len(alike) * (size - 1)
            if shown + more <= most:
                shown += more
                opened.update(map(id, alike))
                below += [child for group in alike for child in group.children]
        level = below
    return opened


def _in_chunks(tree, most):
    """A group with its children, or with chunks of neighbours where there are more than ``most``.

    No arrow leads back from one chunk to another.
    """
    from ._groups import Group

    if len(tree.children) <= most:
        return tree
    size = -(-len(tree.children) // min(most, 24))
    chunks = []
    for at in range(0, len(tree.children), size):
        part = tree.children[at : at + size]
        nodes = [i for group in part for i in group.nodes]
        chunks.append(Group("chunk", f"{len(nodes):,} operations", nodes, part))
    return Group(tree.kind, tree.label, tree.nodes, chunks)
