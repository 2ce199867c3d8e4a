"""From what the core gives to a Graph: all that its columns say beside the structure."""

import weakref

from rushlight import _C

from . import _collect, _rules, _summaries
from ._model import NONE, column
from .graph import Graph

_C._add_package_globals(globals())


def _take_scopes(model, raw):
    """The scopes that nodes are in, and those around them, in the order of first use."""
    scopes, numbers = raw["scopes"], {NONE: NONE}
    given = column("u32", raw["scope"])
    for scope in given:
        path = []
        while scope not in numbers:
            path.append(scope)
            scope = scopes[scope][0]
        for scope in reversed(path):
            parent, name, kind = scopes[scope]
            numbers[scope] = len(model.scopes["name"])
            row = {"parent": numbers[parent], "name": model.string(name), "kind": kind}
            model.add("scopes", **row)
    model.nodes["scope"] = column("u32", [numbers[scope] for scope in given])


def make(raw, frame, params, fill=None, values=()):
    """The Graph. fill(model, sites) adds more; values: [(node, output, summary)] beside raw's."""
    names = _collect.Names(frame, params)
    try:
        model = _collect.take_columns(raw)
        if "scopes" in raw:
            _take_scopes(model, raw)
        sites = _collect.complete(model, raw, names, params)
        for table in ("values", "grads"):
            rows = [*raw.get(table, ()), *(values if table == "values" else ())]
            known = set()
            for node, slot, summary in sorted(rows, key=lambda row: row[:2]):
                if (node, slot) not in known:
                    known.add((node, slot))
                    _summaries.add(model, table, node, slot, summary)
        grads = column("f64", raw["edge_grads"]) if "edge_grads" in raw else None
        _rules.add_rules(model, raw["nodes"], column("u32", raw["like"]), names.by_id, grads)
        if fill is not None:
            fill(model, sites)
    finally:
        names.close()
    leaves = [(number, weakref.ref(tensor)) for number, tensor in raw["leaves"]]
    return Graph(model, column("u64", raw["sequence"]), leaves)
