"""What keeps graphs alive: live nodes by source line, what they take, and who holds them."""

from typing import NamedTuple

from rushlight import _C
from rushlight._site import resolve
from rushlight.debug._holders import take_heap

__all__ = ["MemoryReport", "MemoryRow", "memory_report"]

_C._add_package_globals(globals())

_HOLDERS_TOLD = 3  # of one line
_SOURCE = 44  # characters of a statement in the table


class MemoryRow(NamedTuple):
    """The live nodes that one source line made.

    filename, lineno: the line; None for the nodes at leaves, which no statement makes.
    names: the variables that its results were stored in.
    source: its text, without the white space around it; empty where there is none.
    ops: what the nodes are, as ``("Mul", "Sum")``.
    nodes: how many live. node_bytes: what they take themselves. saved_bytes: what the tensors take
        that they saved first; bytes that several saved are counted once.
    holders: what keeps them alive, those with most bytes first.
    """

    filename: str | None
    lineno: int | None
    names: tuple
    source: str
    ops: tuple
    nodes: int
    node_bytes: int
    saved_bytes: int
    holders: tuple

    @property
    def bytes(self):
        return self.node_bytes + self.saved_bytes

    @property
    def place(self):
        """As ``train.py:12``; empty where no statement made the nodes."""
        return (
            f"{self.filename.replace(chr(92), '/').rpartition('/')[2]}:{self.lineno}"
            if self.filename
            else ""
        )


class MemoryReport:
    """The rows of ``memory_report()``, most bytes first; printed, a table.

    rows: list of MemoryRow.
    nodes, node_bytes, saved_bytes: their sums.
    leaf_bytes: of the parameters among the saved tensors, which live anyway and are not counted.
    elsewhere: live nodes that no Python object leads to.
    """

    def __init__(self, rows, leaf_bytes, elsewhere):
        self.rows = rows
        self.nodes = sum(row.nodes for row in rows)
        self.node_bytes = sum(row.node_bytes for row in rows)
        self.saved_bytes = sum(row.saved_bytes for row in rows)
        self.leaf_bytes = leaf_bytes
        self.elsewhere = elsewhere

    @property
    def bytes(self):
        return self.node_bytes + self.saved_bytes

    def to_dict(self):
        """Return all of it as dicts, lists and numbers: ``json.dumps`` takes it."""
        rows = [
            {
                **row._asdict(),
                "names": list(row.names),
                "ops": list(row.ops),
                "holders": list(row.holders),
                "bytes": row.bytes,
            }
            for row in self.rows
        ]
        return {
            "rows": rows,
            "nodes": self.nodes,
            "node_bytes": self.node_bytes,
            "saved_bytes": self.saved_bytes,
            "bytes": self.bytes,
            "leaf_bytes": self.leaf_bytes,
            "elsewhere": self.elsewhere,
        }

    def __str__(self):
        head = ("nodes", "graph", "saved", "line", "statement", "kept alive by")
        table = [head, *(_cells(row) for row in self.rows)]
        table.append(
            (
                str(self.nodes),
                format_size(self.node_bytes),
                format_size(self.saved_bytes),
                "total",
                "",
                "",
            )
        )
        widths = [max(len(line[i]) for line in table) for i in range(5)]
        lines = []
        for line in table:
            cells = [cell.rjust(width) for cell, width in zip(line[:3], widths, strict=False)]
            cells += [cell.ljust(width) for cell, width in zip(line[3:5], widths[3:], strict=False)]
            lines.append("  ".join((*cells, line[5])).rstrip())
        if self.leaf_bytes:
            size = format_size(self.leaf_bytes)
            lines.append(f"{size} of saved parameters, which live anyway, are not counted.")
        if self.elsewhere:
            lines.append(f"{self.elsewhere} more nodes are held by no object that can be seen.")
        return "\n".join(lines)

    __repr__ = __str__


def memory_report():
    """Return what the live graphs take, by the source line that made them, and who holds them.

    A node lives while a tensor that was computed from it does, or its ``grad_fn``. ``holders``
    names the variable, attribute or place in a container with the nearest such tensor:
    ``total_loss``, ``losses[17]``, ``self.h in step()``, ``x.grad`` that has a graph, a closure,
    a suspended generator, the frame of a traceback.

    Returns: MemoryReport. It holds no tensor, node or frame.
    Cost: a look at every object of the program and every live node: a second for a million nodes.
    Differs from PyTorch: it has nothing like it.
    """
    live = _C._live_nodes()
    heap = take_heap()
    found, groups, leaf_bytes = _C._graph_report(heap.objects, heap.frames, ())
    lines = {}
    for code, offset, op, group, nodes, node_bytes, saved_bytes, _ in found:
        key, site = _line_of(code, offset)
        line = lines.get(key)
        if line is None:
            line = lines[key] = _Line(key, site)
        line.add(site, op, group, nodes, node_bytes, saved_bytes)
    holders = _name_groups(heap, groups, lines.values())
    rows = [line.row(holders) for line in lines.values()]
    rows.sort(key=lambda row: (-row.bytes, row.filename or "", row.lineno or 0))
    return MemoryReport(rows, leaf_bytes, max(0, live - sum(row.nodes for row in rows)))


class _Line:
    """What adds up to one row."""

    def __init__(self, key, site):
        self.key = key
        self.source = site.source if site else ""
        self.names = {}
        self.ops = {}
        self.nodes = self.node_bytes = self.saved_bytes = 0
        self.groups = {}

    def add(self, site, op, group, nodes, node_bytes, saved_bytes):
        if site and site.name:
            self.names[site.name] = True
        op = op.rpartition("::")[2]
        self.ops[op] = self.ops.get(op, 0) + nodes
        self.nodes += nodes
        self.node_bytes += node_bytes
        self.saved_bytes += saved_bytes
        self.groups[group] = self.groups.get(group, 0) + node_bytes + saved_bytes

    def told_groups(self):
        order = sorted(self.groups, key=lambda group: (-self.groups[group], group))
        return order[:_HOLDERS_TOLD]

    def row(self, holders):
        told = dict.fromkeys(name for group in self.told_groups() for name in holders[group])
        names = tuple(told)
        more = len(self.groups) - _HOLDERS_TOLD
        if more > 0:
            names += (f"{more} more",)
        filename, lineno = self.key
        source = " ".join(self.source.split())
        ops = tuple(sorted(self.ops, key=self.ops.get, reverse=True))
        sizes = self.nodes, self.node_bytes, self.saved_bytes
        return MemoryRow(filename, lineno, tuple(self.names), source, ops, *sizes, names)


def _line_of(code, offset):
    if code is None:
        return (None, None), None
    site = resolve(code, offset)
    return (site.filename, site.lineno), site


def _name_groups(heap, groups, lines):
    """Return the names of the holders of each group that a line tells of."""
    wanted = dict.fromkeys(group for line in lines for group in line.told_groups())
    holdings, of_group = [], []
    for group in wanted:
        target, _, _, holders, *_ = groups[group]
        for holder, name in holders:
            holdings.append((target, holder, name))
            of_group.append(group)
    names = {group: [] for group in wanted}
    for group, name in zip(of_group, heap.names(holdings), strict=True):
        # The first holder is the one that has all of the group.
        names[group].append(group_name(name, groups[group], alone=bool(names[group])))
    for group, told in names.items():
        if not told:
            told.append("a value without a name" + groups[group][1])
    return {g: list(dict.fromkeys(told)) for g, told in names.items()}


def group_name(name, group, alone=False):
    """Return a name of one tensor as that of the group: how it leads there, and how many.

    alone: whether the holder that the name is from has only this tensor of the group.
    """
    _, through, count, *_ = group
    front, separator, where = name.partition(" in ")
    text = front + through + separator + where
    return text if alone or count == 1 else f"{text} and {count - 1} more there"


def format_size(n):
    for unit in ("B", "KB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return f"{n} B" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return ""


def _cells(row):
    source = row.source or f"({', '.join(row.ops)})"
    if len(source) > _SOURCE:
        source = source[: _SOURCE - 1] + "…"
    sizes = str(row.nodes), format_size(row.node_bytes), format_size(row.saved_bytes)
    return *sizes, row.place, source, ", ".join(row.holders)
