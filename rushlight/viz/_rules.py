"""What each node does to a gradient: the local rule, and with numbers the product it makes."""

from collections import Counter

from rushlight import _C
from rushlight.debug import _steps, _story
from rushlight.debug import _words as words

from . import _model, _summaries
from ._iterations import title
from ._model import NONE

_C._add_package_globals(globals())


class _Numbers:
    """The gradients that are known of a pass, by node and by edge."""

    def __init__(self, model, edge_grads):
        self.model, self.by_edge = model, edge_grads
        self.grads, self.users = {}, {}
        for row, node in enumerate(model.grads["node"]):
            self.grads[node, model.grads["slot"][row]] = row
        outs = model.outs
        self.outs = {key: row for row, key in enumerate(zip(outs["node"], outs["slot"]))}
        for src, out in zip(model.edges["src"], model.edges["out"], strict=True):
            self.users[src, out] = self.users.get((src, out), 0) + 1

    def incoming(self, node):
        """The gradient that comes to a node with one output, where it is one number."""
        if (node, 1) in self.grads:
            return None
        row = self.grads.get((node, 0))
        return self.number(row)

    def number(self, row):
        if row is None or self.model.grads["count"][row] != 1:
            return None
        return self.model.data[self.model.grads["data"][row]]

    def outgoing(self, edge):
        """The gradient that a node passes on along an edge, where it is one number."""
        number = self.by_edge[edge] if edge < len(self.by_edge) else float("nan")
        return number if number == number else None

    def passed_on(self, edge):
        """The same in words: known where nobody else adds to it."""
        edges = self.model.edges
        key = edges["src"][edge], edges["out"][edge]
        if key not in self.grads or self.users[key] > 1:
            return ""
        summary = _summaries.read(self.model, "grads", self.grads[key])
        row = self.outs.get(key)
        return summary.words(() if row is None else self.model.shape(self.model.outs, row))


class _Titled(_steps._Pass):
    """Calls what an expression computes inside as its card is called: ``2 addmm``.

    nodes, like: as of add_rules(). own: whether the rules are told of one node each; what is told
    of many alike names neither modules nor neighbours, which differ.
    """

    def __init__(self, model, nodes, like, names, own):
        super().__init__(names)
        self._model, self._own = model, own
        nodes = [(number, node) for number, node in nodes if not words.is_leaf_node(node)]
        self._numbers = {node._sequence_nr(): number for number, node in nodes}
        self._consumer, self._called = None, {}
        cuts = zip(model.cuts["node"], model.cuts["in"], model.cuts["name"]) if own else ()
        self._cuts = {(node, at): model.text(name) for node, at, name in cuts}
        if not own:
            self._find_inner(nodes, like)

    def _find_inner(self, nodes, like):
        """Name what is inside: the consumers that show it may not be among the nodes."""
        inside = [(number, node) for number, node in nodes if words.is_inside(node, node)]
        if inside:
            edges, site = self._model.edges, self._model.nodes["site"]
            pairs = zip(edges["src"], edges["dst"])
            used = {like[src] for src, dst in pairs if site[src] == site[dst]}
            for number, node in inside:
                if number in used:
                    key = node._sequence_nr()
                    self._inner[key] = self._short_name(key)

    def _short_name(self, key):
        number = self._numbers.get(key)  # None: a neighbour that is not named
        return "an input" if number is None else _title(self._model, number, self._own)

    def name_of(self, node, consumer):
        if self._consumer is not consumer:
            self._consumer, self._called = consumer, self._names_at(consumer)
        return self._called[_story._key_of(node)]

    def _names_at(self, consumer):
        """The names of a node's inputs: ``input 0`` where its title is not its alone."""
        found, inner = {}, {}
        for at, (node, _) in enumerate(consumer.next_functions):
            if node is not None and (key := _story._key_of(node)) not in found:
                found[key] = super().name_of(node, consumer)
                if key in self._inner:
                    inner[key] = f"input {at}"
        used = Counter([*found.values(), self._inner.get(consumer._sequence_nr())])
        for key, other in inner.items():
            if not self._own or used[found[key]] > 1:
                found[key] = other
        return found

    def _input_name(self, node, at, next_node):
        if next_node is None:  # no gradient goes to it
            return self._cuts.get((self._numbers[node._sequence_nr()], at))
        return super()._input_name(node, at, next_node)


def _title(model, number, own):
    """Its variable, or ``2 addmm``: the modules around it, but the outermost, and its operation.

    own: else the operation alone.
    """
    if own and (name := model.text(model.nodes["name"][number])):
        return name
    op, path = title(model.strs[model.nodes["op"][number]]), []
    scope = model.nodes["scope"][number] if own else NONE
    while scope != NONE and model.scopes["parent"][scope] != NONE:
        path.append(model.strs[model.scopes["name"][scope]])
        scope = model.scopes["parent"][scope]
    return f"{'.'.join(reversed(path))} {op}".lstrip()


def _edges_at(model, wanted):
    """{node: {input number: row of the edge}} for some nodes."""
    rows = {number: {} for number in wanted}
    for row, dst in enumerate(model.edges["dst"]):
        if dst in rows:
            rows[dst][model.edges["in"][row]] = row
    return rows


def _links(made, number, node, rows, numbers):
    """(input, rule, sentence) of each gradient that a node passes on."""
    step = _steps.Step()
    step.node, step.site, step.name = node, node.site, node.name().rsplit("::", 1)[-1]
    rule = _C._node_rule(node)
    if rule is not None and numbers is None:
        values = {k: v for k, v in rule[4].items() if not isinstance(v, _C.Tensor)}
        rule = (*rule[:4], values)
    incoming = None if numbers is None else numbers.incoming(number)
    step.grads = (incoming,)
    for i, (next_node, _) in enumerate(node.next_functions):
        if next_node is None or i not in rows:
            continue
        out = _steps.Outgoing()
        out.node, out.to = next_node, made.name_of(next_node, node)
        out.gradient = None if numbers is None else numbers.outgoing(rows[i])
        out.factor = out.parameter = None
        if incoming and out.gradient is not None:
            out.factor = out.gradient / incoming
        made._explain(step, out, rule, i)
        sentence = ""
        if out.factor is not None:
            sentence = (
                f"{words.number(incoming)} * {words.number(out.factor)} = "
                f"{words.number(out.gradient)}  ->  {out.to}"
            )
        elif numbers is not None and (passed := numbers.passed_on(rows[i])):
            sentence = f"{passed}  ->  {out.to}"
        yield i, out.rule, sentence


def add_rules(model, nodes, like, names, edge_grads=None):
    """Fill in the table of rules.

    nodes: [(number, grad_fn)] of those whose rules are told; like: for each node, the one of these
    whose rules are also its own. edge_grads: of a pass, by row of an edge; None: without numbers.
    """
    own = len(nodes) == len(model)
    made = _Titled(model, nodes, like, names, own)
    rows = _edges_at(model, [number for number, _ in nodes])
    numbers = _Numbers(model, edge_grads) if edge_grads is not None and own else None
    flags, found = model.nodes["flags"], {}
    with _C.no_grad():
        for number, node in sorted(nodes, key=lambda item: -item[0]):
            if not flags[number] & _model.LEAF:
                links = _links(made, number, node, rows[number], numbers)
                found[number] = [
                    (i, model.string(text), model.string(sentence)) for i, text, sentence in links
                ]
    columns = model.rules
    for number, kind in enumerate(like):
        for row in found.get(kind, ()):
            columns["node"].append(number)
            for name, value in zip(("in", "text", "sentence"), row, strict=True):
                columns[name].append(value)
