"""Which round of a loop made a node: the rank among nodes of equal Site, found when asked for."""

import ast
import functools

from rushlight import _C
from rushlight.debug import _words as words

from . import _model
from ._model import NONE

_C._add_package_globals(globals())


def _period(items):
    """The length of the shortest part that the list repeats, a whole number of times."""
    fail = [0] * len(items)
    k = 0
    for i in range(1, len(items)):
        while k and items[i] != items[k]:
            k = fail[k - 1]
        k += items[i] == items[k]
        fail[i] = k
    period = len(items) - fail[-1]
    return period if len(items) % period == 0 else len(items)


TITLES = {"mm": "matmul", "bmm": "matmul", "mv": "matmul", "dot": "matmul"}


def title(op):
    """``mul`` of MulBackward0, ``Mine`` of MineBackward, the node of a class of the program."""
    head, backward, tail = op.rpartition("Backward")
    return head.lower() if backward and tail.isdigit() else head if backward and not tail else op


@functools.lru_cache(512)
def _slices(expression):
    """How many slices an index takes one after the other: 2 for ``x[1:4, ::2]``; 1 for others."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        return 1
    if not isinstance(tree, ast.Subscript) or not isinstance(tree.slice, ast.Tuple):
        return 1
    items = [item for item in tree.slice.elts if isinstance(item, ast.Slice)]
    return max(1, sum(any((i.lower, i.upper, i.step)) for i in items))


def _is_direct(expression, op):
    """Whether an expression is one operation, and not a call that consists of several."""
    text = title(op)
    texts = words.arguments(expression, text, ("input", "other"))
    return bool(texts or words.arguments(expression, TITLES.get(text, text), ("input",)))


def _parts(model, nodes, ranks):
    """The nodes of one site by the times that it ran."""
    op, scope = model.nodes["op"], model.nodes["scope"]
    period = _period([(op[i], scope[i]) for i in nodes])
    if period == 1:
        site = model.nodes["site"][nodes[0]]
        expression = model.text(model.sites["expr"][site]) or ""
        if _is_direct(expression, model.strs[op[nodes[0]]]):
            n = _slices(expression)
            n = 1 if len(nodes) % n else n
            return [nodes[i : i + n] for i in range(0, len(nodes), n)]
    # A call that consists of several operations: between its runs other statements may have run.
    runs = [[nodes[0]]]
    for before, i in zip(nodes, nodes[1:], strict=False):
        if ranks[i] == ranks[before] + 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    if period == len(nodes):
        return runs if len({len(run) for run in runs}) == 1 or len(runs) > 2 else [nodes]
    if len(runs) > 1 and len(runs) <= len(nodes) // period:
        return runs
    return [nodes[i : i + period] for i in range(0, len(nodes), period)]


def find_iterations(model):
    """Fill in the iteration of each node, and the variable of the node that made its value."""
    by_site, ranks, rank = {}, [0] * len(model), 0
    flags, names = model.nodes["flags"], model.nodes["name"]
    for i, site in enumerate(model.nodes["site"]):
        if flags[i] & _model.LEAF:
            continue
        ranks[i] = rank
        rank += 1
        if site != NONE:
            by_site.setdefault(site, []).append(i)
    iteration, stored = model.nodes["iter"], model.sites["name"]
    for site, nodes in by_site.items():
        parts = [nodes] if len(nodes) == 1 else _parts(model, nodes, ranks)
        if len(parts) > 1:
            for k, part in enumerate(parts):
                for i in part:
                    iteration[i] = k
        if stored[site] != NONE:
            for part in parts:
                names[part[-1]] = stored[site]
