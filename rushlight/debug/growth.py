"""A warning where graphs pile up: nodes of one line that outlive many backward passes.

``csrc/python/graph_growth.cpp`` counts the nodes every few passes and asks here, where their number
has grown for long, which line it is.
"""

import ast
import textwrap
import warnings
from collections import deque

from rushlight import _C
from rushlight._site import line_of, resolve
from rushlight.debug._holders import take_heap
from rushlight.debug.memory import format_size, group_name

__all__ = ["warn_growth"]

_C._add_package_globals(globals())

# A line that is to blame has left at least one node in so many passes.
_SLOWEST = 8
# What is searched for a container of containers: list, exception, traceback, frame.
_MOST_LEVELS = 6
_MOST_HOLDERS = 4096
_warned = set()


def warn_growth(on=True):
    """Switch the warning about graphs that pile up on or off; it is on at first.

    It looks at the number of live nodes every 32 backward passes. Where that has grown for 192
    passes, it searches for a variable or container that holds nodes of all these passes, as
    ``total_loss += loss`` makes it, and warns once for each line. Graphs that no pass has gone
    through, which wait for theirs, and passes with ``create_graph`` do not count.

    Returns: bool, what it was.
    """
    return _C._set_growth_watch(on)


def look(bounds, passes):
    """Warn if something holds nodes from each stretch between two of these sequence numbers.

    bounds: tuple of int, ascending. passes: backward passes between the first and the last.
    """
    heap = take_heap()
    rows, groups, _ = _C._graph_report(heap.objects, heap.frames, bounds)
    stretches, sizes = {}, {}
    for _, _, _, group, _, node_bytes, saved_bytes, ages in rows:
        counts = stretches.setdefault(group, [0] * (len(bounds) - 1))
        for i in range(len(counts)):
            counts[i] += ages[i] - ages[i + 1]
        sizes[group] = sizes.get(group, 0) + node_bytes + saved_bytes
    least = passes // (len(bounds) - 1) // _SLOWEST
    blamed = False
    for group in sorted(sizes, key=sizes.get, reverse=True):
        if min(stretches[group]) >= least and not _is_bounded(groups[group]):
            blamed = True
            _warn(heap, groups[group], sum(stretches[group]), sizes[group], passes)
    if blamed:
        return
    lines = {}
    for group in sizes:
        lines.setdefault(groups[group][4:6], []).append(group)
    for members in sorted(lines.values(), key=len, reverse=True):
        counts = [sum(column) for column in zip(*map(stretches.get, members), strict=True)]
        if len(members) == 1 or min(counts) < least:
            continue
        outer = _outer_group(heap, [groups[i] for i in members])
        if outer is not None and not _is_bounded(outer):
            _warn(heap, outer, sum(counts), sum(map(sizes.get, members)), passes)


def _outer_group(heap, groups):
    """These groups as that of the nearest container whose items hold most of them, or None.

    Such are the tuples in a list, dicts in a dict, and the exceptions whose frames keep a loss.
    """
    newest = groups[-1]
    level = {id(g[3][0][0]): (g[3][0][0], set()) for g in groups if g[3]}
    for i, group in enumerate(groups):
        if group[3]:
            level[id(group[3][0][0])][1].add(i)
    seen = set(level)
    for _ in range(_MOST_LEVELS):
        if not 0 < len(level) <= _MOST_HOLDERS:
            return None
        inner, level = list(level.values()), {}
        last = {}
        for place, holder, _ in _C._holders(heap.objects, heap.frames, [o for o, _ in inner]):
            if id(holder) in seen:
                continue
            level.setdefault(id(holder), (holder, set()))[1].update(inner[place][1])
            last[id(holder)] = max(place, last.get(id(holder), 0))
        for holder, members in level.values():
            if 2 * len(members) > len(groups) and heap.is_container(holder):
                child = inner[last[id(holder)]][0]
                return (child, "", len(members), [(holder, None)], *newest[4:])
        seen |= set(level)
    return None


def _is_bounded(group):
    """Whether a deque that lets go of its oldest items holds the group."""
    holders = group[3]
    return bool(holders) and type(holders[0][0]) is deque and holders[0][0].maxlen is not None


def _warn(heap, group, nodes, size, passes):
    target, _, count, holders, code, offset, one = group
    site = resolve(code, offset) if code is not None else None
    found = heap.names([(target, holder, name) for holder, name in holders])
    name = found[0] if found else "a value without a name"
    key = (site.filename, site.lineno) if site else name
    if key in _warned:
        return
    _warned.add(key)
    container = count > 1 and bool(holders) and heap.is_container(holders[0][0])
    held = group_name(name, group)
    lines = [
        f"The graphs of the last {passes} backward passes are still alive, {nodes} nodes and "
        f"{format_size(size)}, kept by {held}.",
    ]
    if site:
        lines.append(f"  made by  {line_of(site)}")
    lines.append(f"  fix: {_advice(site, name, container, one)}")
    lines.append(
        "  rushlight.debug.memory_report() shows what is alive; rushlight.debug.warn_growth(False) "
        "ends these warnings."
    )
    warnings.warn("\n".join(lines), UserWarning, stacklevel=_C._user_stack_level())


def _advice(site, name, container, one):
    """What to write instead, for the statement that made the newest tensor held."""
    variable = name.partition(" in ")[0]
    if container:
        place = variable.rpartition("[")[0] or variable
        value = _value_text(site)
        item, detached = (f", as `{value}.{end}()`" if value else "" for end in ("item", "detach"))
        number = f"a number into `{place}`{item}, or " if one else ""
        where = "" if one else f" into `{place}`"
        return f"put {number}a tensor without history{where}{detached}."
    better = _sum_without_graph(site.source) if site else None
    if better and not one:
        return f"write `{better.format('.detach()')}`."
    if better:
        return (
            f"write `{better.format('.item()')}`, or `{better.format('.detach()')}` for a tensor."
        )
    return (
        f"cut the history between passes: `{variable} = {variable}.detach()`; keep it only as far "
        "as gradients are to flow."
    )


def _value_text(site):
    """The code of what a statement made; empty where that is long or no expression."""
    if site is None or site.name:
        return site.name if site else ""
    try:
        body = ast.parse(site.expression.strip(), mode="eval").body
    except SyntaxError:
        return ""
    text = _operand(body).format("")
    return text if len(text) <= _LONGEST else ""


_LONGEST = 40


def _sum_without_graph(source):
    """``total += loss`` or ``total = total + loss`` with a ``{}`` behind what is added; or None."""
    try:
        body = ast.parse(textwrap.dedent(source).strip()).body
    except SyntaxError:  # a part of a statement
        return None
    return next(filter(None, map(_rewritten, body)), None)


def _rewritten(statement):
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        return f"{ast.unparse(statement.target)} += {_operand(statement.value)}"
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.BinOp):
        return None
    target, value = ast.unparse(statement.targets[0]), statement.value
    if isinstance(value.op, ast.Add) and ast.unparse(value.left) == target:
        return f"{target} = {target} + {_operand(value.right)}"
    return None


def _operand(node):
    text = ast.unparse(node).replace("{", "{{").replace("}", "}}")
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return (text if simple else f"({text})") + "{}"
