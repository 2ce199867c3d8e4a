"""From tensors to a Model: the core walks the graph, the sites are looked up, the rest is derived.

Nothing is recorded for it while a program runs: a node keeps its Site, and the iteration of a loop
is the rank among nodes of equal Site.
"""

import ast
import dataclasses
import linecache

from rushlight import _C, _site
from rushlight.debug import _words as words
from rushlight.debug._holders import variables

from . import _model
from ._model import NONE, column

_C._add_package_globals(globals())


def roots_in(root):
    """The tensors and nodes in any nesting of lists, tuples, dicts, sets and dataclasses.

    Raises: TypeError for anything else, RuntimeError where there is none.
    """
    found, waiting, seen = [], [root], set()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, _C.Tensor | _C._NodeBase):
            found.append(item)
            continue
        if isinstance(item, dict):
            parts = list(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            parts = list(item)
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            parts = [getattr(item, field.name) for field in dataclasses.fields(item)]
        elif item is None:
            parts = []
        else:
            raise TypeError(
                f"graph(): expected a tensor, or a nesting of tensors, not {type(item).__name__}\n"
                "  fix: pass the loss, or a list, tuple or dict of outputs."
            )
        waiting += reversed(parts)
    if not found:
        raise RuntimeError(
            "graph(): there is no tensor in what was given\n"
            "  fix: pass the loss, or a list of outputs that is not empty."
        )
    return found


def named(params):
    """{name: tensor} of a dict or of pairs, as ``model.named_parameters()`` gives. Checked."""
    if params is None:
        return {}
    try:
        found = dict(params)
    except (TypeError, ValueError):
        raise TypeError(
            "graph(): argument 'params' must be a dict from names to tensors, not "
            f"{type(params).__name__}\n"
            "  fix: pass dict(model.named_parameters()), or {'w': w}."
        ) from None
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, _C.Tensor):
            raise TypeError(
                f"graph(): params[{name!r}] is a {type(value).__name__}, not a tensor under a name"
                "\n  fix: pass dict(model.named_parameters()), or {'w': w}."
            )
    return found


def check_most(function, max_bytes):
    """Raises: ValueError for a number of bytes that is none."""
    if not isinstance(max_bytes, int) or max_bytes < 0:
        raise ValueError(
            f"{function}(): argument 'max_bytes' must be at least 0 and an int, not {max_bytes!r}"
        )


class Names:
    """What a frame, and those that called it, call their tensors."""

    def __init__(self, frame, params):
        found = words.names_in(frame)
        # What is kept in `_` has a better name where it is used.
        self.by_id = {i: name for i, name in found.items() if name != "_" and name[:2] != "_["}
        for name, tensor in params.items():
            self.by_id[id(tensor)] = name
        self._frames, self._found = [], {}
        while frame is not None and len(self._frames) < 6:
            self._frames.append(frame)
            frame = frame.f_back

    def close(self):
        """Let go of the frames."""
        self._frames, self._found = [], {}

    def value(self, text):
        """What a dotted name stands for, asked without running code; None where not known."""
        if text not in self._found:
            self._found[text] = self._look_up(text)
        return self._found[text]

    def _look_up(self, text):
        first, *rest = text.split(".")
        if not first.isidentifier():
            return None
        for frame in self._frames:
            found = dict(variables(frame))
            scope = found if first in found else frame.f_globals
            if first in scope:
                value = scope[first]
                for part in rest:
                    value = words.members_of(value).get(part)
                return value
        return None


def take_columns(raw):
    """A Model with the columns that the core gave; sites are not looked up yet."""
    model = _model.Model()
    model.take_strings(raw["strs"])
    n = len(raw["flags"]) // 2
    unknown = column("u32", [NONE]) * n
    nodes = model.nodes
    for name in ("op", "site", "order", "freed"):
        nodes[name] = column("u32", raw[name])
    nodes["flags"] = column("u16", raw["flags"])
    nodes["scope"], nodes["iter"], nodes["name"] = unknown, unknown[:], unknown[:]
    model.shapes = column("u32", raw["shapes"])
    for table in ("outs", "saved", "attrs", "edges"):
        kinds = _model.TABLES[table]
        for (name, kind), data in zip(kinds.items(), raw[table], strict=True):
            getattr(model, table)[name] = column(kind, data)
    return model


class Sites:
    """Rows of the tables of sites and files."""

    def __init__(self, model):
        self._model, self._files, self._known = model, {}, {}

    def file(self, path):
        if path not in self._files:
            self._files[path] = len(self._model.files)
            linecache.checkcache(path)
            text = "".join(linecache.getlines(path)) or None
            self._model.files.append({"path": path, "text": text})
        return self._files[path]

    def row(self, code, offset):
        """The row of an instruction. Of one expression it is one, though CPython moves offsets."""
        site = _site.resolve(code, offset)
        key = (*site[:5], code.co_name) if site.column is not None else (code, offset)
        row = self._known.setdefault(key, len(self._known))
        if row == len(self._model.sites["file"]):
            self._add(site)
        return row

    def _add(self, site):
        def known(number):
            return NONE if number is None else number

        self._model.add(
            "sites",
            file=self.file(site.filename),
            line=known(site.lineno),
            col=known(site.column),
            end_line=known(site.end_lineno),
            end=known(site.end_column),
            expr=self._model.string(site.expression or None),
            name=self._model.string(site.name),
        )


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


_TITLES = {"mm": "matmul", "bmm": "matmul", "mv": "matmul", "dot": "matmul"}


def title(op):
    """``mul`` of MulBackward0, ``Mine`` of MineBackward, the node of a class of the program."""
    head, backward, tail = op.rpartition("Backward")
    return head.lower() if backward and tail.isdigit() else head if backward and not tail else op


def _is_direct(expression, op):
    """Whether an expression is one operation, and not a call that consists of several."""
    text = title(op)
    texts = words.arguments(expression, text, ("input", "other"))
    return bool(texts or words.arguments(expression, _TITLES.get(text, text), ("input",)))


def _parts(model, nodes, ranks):
    """The nodes of one site by the times that it ran."""
    op, scope = model.nodes["op"], model.nodes["scope"]
    period = _period([(op[i], scope[i]) for i in nodes])
    if period == 1:
        site = model.nodes["site"][nodes[0]]
        expression = model.text(model.sites["expr"][site]) or ""
        if _is_direct(expression, model.strs[op[nodes[0]]]):
            return [[i] for i in nodes]
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


_NO_TENSOR = object()


class Arguments:
    """What the source calls the inputs of operations."""

    def __init__(self, model):
        self._model, self._known = model, {}

    def text(self, node, at):
        """The source of an argument; None where the expression does not show it."""
        model = self._model
        site, op = model.nodes["site"][node], model.nodes["op"][node]
        if site == NONE:
            return None
        key = site, op, at
        if key not in self._known:
            expression = model.text(model.sites["expr"][site]) or ""
            text = title(model.strs[op])
            found = {}
            for name in (text, _TITLES.get(text, text)):
                found = found or words.arguments(expression, name, (0, 1, 2))
            found = found.get(at)
            self._known[key] = None if found is None or _is_number(found) else found
        return self._known[key]


class Cuts:
    """Inputs without a history: which they are, and why."""

    def __init__(self, model, names, sites, arguments):
        self._model, self._names, self._sites = model, names, sites
        self._arguments = arguments
        self.seen = set()  # ids of the tensors that were told of

    def add(self, node, at, site, reason, tensor):
        self.seen.add(id(tensor))
        name = self._names.by_id.get(id(tensor)) if tensor is not None else None
        if tensor is None or name is None:
            text = self._arguments.text(node, at)
            if tensor is None and reason in ("", "tensor"):
                found = _NO_TENSOR if text is None else self._names.value(text)
                if isinstance(found, _C.Tensor):
                    self.seen.add(id(found))
                    cut = _C._cut_of(found)
                    if cut is None:
                        return
                    reason, code, offset = cut
                    site = NONE if code is None else self._sites.row(code, offset)
                elif reason == "tensor":
                    reason = "requires_grad=False"
                else:
                    return  # as far as one can tell, a number
            name = text
        row = {"node": node, "in": at, "site": site}
        row["reason"], row["name"] = self._model.string(reason), self._model.string(name)
        self._model.add("cuts", **row)


def _is_number(text):
    try:
        return isinstance(ast.literal_eval(text), int | float | complex)
    except (ValueError, SyntaxError):
        return False


def name_leaves(model, raw, names, params, arguments):
    """Write down what leaves are called, and which node each of the parameters is."""
    leaves, given = dict(raw["leaves"]), {id(tensor) for tensor in params.values()}
    by_id = {id(tensor): node for node, tensor in leaves.items()}
    # As they were called when the pass began, unless somebody said how to.
    for node, name in raw.get("named", ()):
        if not name.startswith("a leaf of ") and id(leaves[node]) not in given:
            names.by_id[id(leaves[node])] = name
    unknown = {node for node, tensor in leaves.items() if id(tensor) not in names.by_id}
    edges = model.edges
    for src, dst, at in zip(edges["src"], edges["dst"], edges["in"]) if unknown else ():
        if src in unknown:  # else as it is called where it is used first
            unknown.remove(src)
            text = arguments.text(dst, at)
            if text is not None and text.replace(".", "").isidentifier():
                names.by_id[id(leaves[src])] = text
    for node, tensor in leaves.items():
        model.nodes["name"][node] = model.string(names.by_id.get(id(tensor)))
    for name, tensor in params.items():
        if id(tensor) in by_id:
            model.params[name] = by_id[id(tensor)]


_NAMED = 6  # in a note; the rest is counted


def note_unreached(model, params, cuts):
    """Say of which params a graph has neither a leaf nor a cut, and why."""
    found = {}
    for name, tensor in params.items():
        if name in model.params or id(tensor) in cuts.seen:
            continue
        if not tensor.requires_grad:
            why = "with requires_grad=False, which get no gradient"
        elif tensor.grad_fn is not None:
            why = "that are no leaves, whose names are not used"
        else:
            why = "that the graph does not reach, which get no gradient"
        found.setdefault(why, []).append(" ".join(name.split()))
    for why, given in found.items():
        more = len(given) - _NAMED
        shown = ", ".join(given[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        model.notes.append(f"params {why}: {shown}")


def complete(model, raw, names, params):
    """Look sites up, and find names, iterations and cuts. Returns: Sites."""
    sites = Sites(model)
    rows = [sites.row(code, offset) for code, offset in raw["sites"]]
    if rows != list(range(len(rows))):
        for name in ("site", "freed"):
            values = model.nodes[name]
            model.nodes[name] = column("u32", [NONE if i == NONE else rows[i] for i in values])
    find_iterations(model)
    arguments = Arguments(model)
    name_leaves(model, raw, names, params, arguments)
    cuts = Cuts(model, names, sites, arguments)
    for node, at, site, reason, tensor in raw["cuts"]:
        cuts.add(node, at, NONE if site == NONE else rows[site], reason, tensor)
    note_unreached(model, params, cuts)
    return sites
