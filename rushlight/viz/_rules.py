"""What each node does to a gradient: the local rule, and with numbers the product it makes."""

from rushlight import _C
from rushlight.debug import _steps
from rushlight.debug import _words as words

from . import _model, _summaries

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
    made = _steps._Pass(names)
    rows = _edges_at(model, [number for number, _ in nodes])
    own = len(nodes) == len(model)
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
