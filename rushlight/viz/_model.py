"""The columns of a Graph, and the JSON they are written as: ``rushlight-graph``, version 1.

A table is a dict of columns of one length. Ids hold no addresses, so two runs of one program give
the same text.
"""

import base64
import json
import sys
from array import array

from rushlight import _C
from rushlight._version import __version__

_C._add_package_globals(globals())

NONE = 0xFFFFFFFF  # in a column of u32: not known

LEAF, ROOT, VIEW, FREED, CUSTOM = 1, 2, 4, 8, 16
VALUE_NAN, VALUE_INF, GRAD_NAN, GRAD_INF, GHOST = 32, 64, 128, 256, 512
FLAG_NAMES = {
    LEAF: "leaf",
    ROOT: "root",
    VIEW: "view",
    FREED: "freed",
    CUSTOM: "custom",
    VALUE_NAN: "value has nan",
    VALUE_INF: "value has inf",
    GRAD_NAN: "grad has nan",
    GRAD_INF: "grad has inf",
    GHOST: "ghost",
}
FLOW, VIEW_EDGE, CUT_EDGE = 0, 1, 2

_CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "f32": "f", "f64": "d"}
_SUMMARY = {
    "node": "u32",
    "slot": "u8",
    "min": "f64",
    "max": "f64",
    "mean": "f64",
    "norm": "f64",
    "nan": "u32",
    "inf": "u32",
    "count": "f64",
    "hist": "u32",
    "data": "u32",
}
_TENSOR = {"dims": "u32", "rank": "u8", "dtype": "u32", "bytes": "f64"}

TABLES = {
    "sites": {
        "file": "u32",
        "line": "u32",
        "col": "u32",
        "end_line": "u32",
        "end": "u32",
        "expr": "u32",
        "name": "u32",
    },
    "scopes": {"parent": "u32", "name": "u32", "kind": "u8"},
    "nodes": {
        "op": "u32",
        "site": "u32",
        "scope": "u32",
        "iter": "u32",
        "order": "u32",
        "name": "u32",
        "flags": "u16",
        "freed": "u32",
    },
    "outs": {"node": "u32", "slot": "u8", **_TENSOR},
    "saved": {"node": "u32", "name": "u32", **_TENSOR, "source": "u32", "version": "u32"},
    "attrs": {"node": "u32", "name": "u32", "value": "u32"},
    "edges": {"src": "u32", "dst": "u32", "in": "u16", "out": "u16", "kind": "u8"},
    "values": _SUMMARY,
    "grads": _SUMMARY,
    "rules": {"node": "u32", "in": "u16", "text": "u32", "sentence": "u32"},
    "cuts": {"node": "u32", "in": "u16", "site": "u32", "reason": "u32", "name": "u32"},
    "steps": {"step": "u32", "name": "u32", "norm": "f64"},
    "lines": {"file": "u32", "line": "u32", "us": "f64", "bytes": "f64", "calls": "u32"},
}
_COLUMNS = {"shapes": "u32", "bins": "u32", "data": "f64"}
# Columns that hold numbers of rows: of which table.
_ROWS = {
    "nodes": {"site": "sites", "freed": "sites", "scope": "scopes"},
    "scopes": {"parent": "scopes"},
    "outs": {"node": "nodes"},
    "saved": {"node": "nodes", "source": "nodes"},
    "attrs": {"node": "nodes"},
    "edges": {"src": "nodes", "dst": "nodes"},
    "values": {"node": "nodes"},
    "grads": {"node": "nodes"},
    "rules": {"node": "nodes"},
    "cuts": {"node": "nodes", "site": "sites"},
}
_STRINGS = {
    "sites": ("expr", "name"),
    "scopes": ("name",),
    "nodes": ("op", "name"),
    "outs": ("dtype",),
    "saved": ("name", "dtype"),
    "attrs": ("name", "value"),
    "rules": ("text", "sentence"),
    "cuts": ("reason", "name"),
    "steps": ("name",),
}
# Per node, or empty where nothing was recorded.
_PER_NODE = {"us": {"fwd": "f32", "bwd": "f32"}, "mem": {"alive": "f64"}}


def column(kind, values=()):
    """An array of one of the kinds; values: numbers, or the bytes of a column of the core's."""
    if isinstance(values, bytes):
        made = array(_CODES[kind])
        made.frombytes(values)
        return made
    return array(_CODES[kind], values)


def _packed(kind, values):
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return {"t": kind, "b": base64.b64encode(values.tobytes()).decode()}


def _unpacked(kind, packed, where):
    if not isinstance(packed, dict) or packed.get("t") != kind:
        raise ValueError(f"Graph.from_json(): {where} is no column of {kind}")
    values = array(_CODES[kind])
    try:
        values.frombytes(base64.b64decode(packed["b"], validate=True))
    except ValueError as error:
        raise ValueError(f"Graph.from_json(): {where} is damaged: {error}") from None
    if sys.byteorder == "big":
        values.byteswap()
    return values


class Model:
    """Tables, strings and files of one graph. All that a Graph shows comes from here."""

    def __init__(self):
        self.strs, self._string_at = [], {}
        self.files = []  # {"path": str, "text": str or None}
        for name, columns in TABLES.items():
            setattr(self, name, {c: column(kind) for c, kind in columns.items()})
        for name, kind in _COLUMNS.items():
            setattr(self, name, column(kind))
        self.us, self.mem = {}, {}
        self.params, self.overlays = {}, {}
        self.notes = []  # sentences about what is missing

    def string(self, text):
        """The number of a string; None has none."""
        if text is None:
            return NONE
        at = self._string_at.get(text)
        if at is None:
            at = self._string_at[text] = len(self.strs)
            self.strs.append(text)
        return at

    def take_strings(self, strs):
        """Begin with these, whose numbers columns of the core hold."""
        self.strs = strs
        self._string_at = {text: i for i, text in enumerate(strs)}

    def text(self, number):
        return None if number == NONE else self.strs[number]

    def add(self, table, **row):
        """Append a row to a table."""
        columns = getattr(self, table)
        for name, values in columns.items():
            values.append(row[name])

    def __len__(self):
        return len(self.nodes["op"])

    def shape(self, table, row):
        at = table["dims"][row]
        return tuple(self.shapes[at : at + table["rank"][row]])

    def to_json(self):
        """The text, compact and in one order."""
        made = {"v": 1, "kind": "rushlight-graph", "made": {"rushlight": __version__}}
        made["strs"], made["files"] = self.strs, self.files
        for name, kinds in TABLES.items():
            table = getattr(self, name)
            made[name] = {"n": len(table[next(iter(kinds))])}
            for c, kind in kinds.items():
                made[name][c] = _packed(kind, table[c])
        for name, kind in _COLUMNS.items():
            made[name] = _packed(kind, getattr(self, name))
        for name, kinds in _PER_NODE.items():
            table = getattr(self, name)
            made[name] = {c: _packed(kind, table[c]) for c, kind in kinds.items() if c in table}
        made["params"] = self.params
        made["overlays"] = {name: _packed("f64", v) for name, v in self.overlays.items()}
        made["notes"] = self.notes
        return json.dumps(made, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """The model of a text that to_json() wrote, checked. Raises: ValueError."""
        try:
            read = json.loads(text)
        except ValueError as error:
            raise ValueError(f"Graph.from_json(): this is no JSON: {error}") from None
        if not isinstance(read, dict) or read.get("kind") != "rushlight-graph":
            raise ValueError("Graph.from_json(): this is not what Graph.to_json() writes")
        if read.get("v") != 1:
            raise ValueError(
                f"Graph.from_json(): version {read.get('v')} is newer than this rushlight, which "
                "reads version 1\n  fix: read it with the rushlight that wrote it, or a newer one."
            )
        model = cls()
        try:
            model._fill(read)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"Graph.from_json(): the text is damaged: {error!r}") from None
        return model

    def _check(self):
        """Raises: ValueError where a number leads to what is not there."""

        def check(values, n, where):
            if any(i >= n and i != NONE for i in values):
                raise ValueError(f"Graph.from_json(): {where} leads to what is not there")

        texts = [*self.strs, *self.notes, *(file["path"] for file in self.files)]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("Graph.from_json(): a string is none")
        sizes = {name: len(getattr(self, name)[next(iter(c))]) for name, c in TABLES.items()}
        for name, columns in _ROWS.items():
            for c, target in columns.items():
                check(getattr(self, name)[c], sizes[target], f"{name}.{c}")
        for name, columns in _STRINGS.items():
            for c in columns:
                check(getattr(self, name)[c], len(self.strs), f"{name}.{c}")
        for name in ("sites", "lines"):
            check(getattr(self, name)["file"], len(self.files), f"{name}.file")
        for name in ("outs", "saved"):
            table = getattr(self, name)
            ends = map(sum, zip(table["dims"], table["rank"], strict=True))
            check(ends, len(self.shapes) + 1, f"{name}.dims")
        for name in ("values", "grads"):
            table = getattr(self, name)
            check(table["hist"], len(self.bins) - 31, f"{name}.hist")
            check(table["data"], len(self.data) + 1, f"{name}.data")
        for values in (*self.us.values(), *self.mem.values(), *self.overlays.values()):
            if len(values) != len(self):
                raise ValueError("Graph.from_json(): there is not one number for each node")
        if list(self.edges["dst"]) != sorted(self.edges["dst"]):
            raise ValueError("Graph.from_json(): edges.dst is not in order")
        check(self.params.values(), len(self), "params")

    def _fill(self, read):
        self.take_strings(list(read["strs"]))
        self.files = read["files"]
        for name, kinds in TABLES.items():
            table = {c: _unpacked(k, read[name][c], f"{name}.{c}") for c, k in kinds.items()}
            if any(len(values) != read[name]["n"] for values in table.values()):
                raise ValueError(f"Graph.from_json(): columns of {name} differ in length")
            setattr(self, name, table)
        for name, kind in _COLUMNS.items():
            setattr(self, name, _unpacked(kind, read[name], name))
        for name, kinds in _PER_NODE.items():
            table = read[name]
            setattr(
                self, name, {c: _unpacked(k, table[c], c) for c, k in kinds.items() if c in table}
            )
        self.params = dict(read["params"])
        self.overlays = {n: _unpacked("f64", c, n) for n, c in read["overlays"].items()}
        self.notes = list(read.get("notes", ()))
        self._check()
