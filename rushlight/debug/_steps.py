"""``trace_backward``: the backward pass, one node at a time."""

import sys
from collections import deque

from rushlight import _C, _site

from . import _story
from . import _words as words

_C._add_package_globals(globals())


class Outgoing:
    """A gradient that a node passes on.

    gradient: Tensor or None. to: who gets it, in words. node: that one's node. parameter: what the
    operation calls its input; None for a custom Function. rule: the derivative in words. factor:
    the derivative as a number where both sides have one element, else None.
    """

    __slots__ = ("gradient", "to", "node", "parameter", "rule", "factor", "words", "edge")

    def __repr__(self):
        return f"{self.rule}  ->  {self.to}"


class Step:
    """One node of a backward pass that has run.

    node: the grad_fn. name: of its class. site: a Site or None, with expression and place.
    variable: what the result was stored in, the leaf's name for a leaf. grads: the incoming
    gradient of each output, after hooks. hooks: what these did, a line each. outgoing: the
    gradients passed on. leaf: the Tensor whose ``.grad`` this step changed, with before, added and
    after; None in all other steps.
    """

    __slots__ = (
        "node",
        "name",
        "site",
        "variable",
        "grads",
        "hooks",
        "hook_factor",
        "outgoing",
        "leaf",
        "before",
        "added",
        "after",
        "_text",
        "_called",
    )

    @property
    def expression(self):
        """The source expression; empty where it is not known."""
        return self.site.expression if self.site is not None else ""

    @property
    def rule(self):
        """The local rule in words, a line for each input that gets a gradient."""
        return "\n".join(out.rule for out in self.outgoing)

    def __str__(self):
        return self._text

    def __repr__(self):
        return f"<Step {self.name} {self.variable or self.expression}>".replace(" >", ">")


def _copy(t):
    return None if t is None else t.detach().clone()


def _leaf_step(step, before, names):
    leaf = step.leaf = step.node.variable
    name = step.variable = words.receiver(step.node, names)
    step.before, step.after = before, _copy(leaf.grad)
    step.added = step.grads[0]
    step.outgoing = ()
    added = words.summary(step.added)
    target = f"{name}.grad" if words._is_identifier(name.split("[")[0]) else f".grad of {name}"
    lines = [f"{step.name:<16}  {name}", *(f"  {hook}" for hook in step.hooks)]
    if step.added is None:
        lines.append(f"  {target} stays as it is: the gradient is None, which stands for zeros")
    elif before is None:
        lines.append(f"  {target} was None, is now {words.summary(step.after)}")
    elif words.is_single(step.after):
        lines.append(
            f"  {target} = {words.summary(before)} + {added} = {words.summary(step.after)}"
        )
    else:
        lines += [f"  {target}", f"    before  {words.summary(before)}"]
        lines += [f"    added   {added}", f"    after   {words.summary(step.after)}"]
    step._text = "\n".join(lines)


def _unit_factors(step, gradients):
    """The derivative by each input, where everything has one element; else None."""
    known = [None] * len(gradients)
    grad = step.grads[0]
    if len(step.grads) != 1 or not words.is_single(grad):
        return known
    if not any(map(words.is_single, gradients)):
        return known
    by_rule = _C._apply_node(step.node, (_C.ones_like(grad),))
    for i, g in enumerate(gradients):
        if not words.is_single(g):
            continue
        if by_rule is not None and words.is_single(by_rule[i]):
            known[i] = by_rule[i].item()
        elif by_rule is None and (start := grad.item()):
            known[i] = g.item() / start
    return known


def _custom_rule(node):
    function = getattr(node, "_forward_cls", None)
    if function is None:
        return f"what {node.name()} makes of it"
    line = _site.describe_function(function.backward)
    place = line.rsplit("  ", 1)[-1].strip() if line else ""
    return f"what {function.__name__}.backward() returned" + (f"  ({place})" if place else "")


def _with_values(rule, values, texts):
    """What the names in a rule hold: ``x = 3.0, y = 2.0``; summaries stand between semicolons."""
    found = []
    for symbol in dict.fromkeys(words.symbols_in(rule)):
        if symbol in values and not isinstance(values[symbol], bool):
            shown = texts.get(symbol, symbol)
            value = words.summary(values[symbol])
            if shown != value and words.number_text(shown) != value:
                found.append(f"{shown}{' =' if words.is_single(values[symbol]) else ':'} {value}")
    return ("; " if any(", " in text for text in found) else ", ").join(found)


class _Pass:
    """Makes the steps of a pass from what the core tells of its nodes."""

    def __init__(self, names):
        self.names = names
        self._taken = frozenset(names.values())
        self.ready = deque()
        self.story = _story.Story()
        self._inner = {}  # by sequence number: short names of what an expression computes inside
        self._n_names = 0
        self._sent = {}  # by node and output: what has come for those with hooks, added up

    def __call__(self, node, grads, gradients, before):
        with _C.no_grad():
            step = Step()
            step.node, step.grads = node, grads
            step.name = node.name().rsplit("::", 1)[-1]
            step.site = node.site
            self._find_hooks(step)
            step.leaf = step.before = step.added = step.after = None
            if gradients is None:
                _leaf_step(step, before, self.names)
            else:
                step.variable = step.site.name if step.site is not None else None
                self._node_step(step, gradients)
                self._send(step)
        self.ready.append(step)
        self.story.add(step, "" if step.leaf is not None else self.line_of(node))

    def _send(self, step):
        """Add up what nodes get before their hooks; of others nothing is kept."""
        after = _C._node_hooks(step.node)[1]
        edges = step.node.next_functions
        for out in step.outgoing:
            if out.gradient is not None and (after or _C._node_hooks(out.node)[0]):
                key = _story._key_of(out.node), edges[out.edge][1]
                known = self._sent.get(key)
                # A copy, which hooks that write in place do not reach.
                gradient = out.gradient.detach()
                self._sent[key] = gradient.clone() if known is None else known + gradient

    def _find_hooks(self, step):
        """Say where what the node got is not what was sent to it."""
        step.hooks, step.hook_factor = [], 1.0
        for i, got in enumerate(step.grads):
            sent = self._sent.pop((_story._key_of(step.node), i), None) if self._sent else None
            if sent is None or got is None or got.shape != sent.shape:
                continue
            if bool(((got == sent) | (got.isnan() & sent.isnan())).all()):
                continue
            step.hooks.append(f"a hook made {words.summary(sent)} into {words.summary(got)}")
            single = words.is_single(got) and sent.item()
            step.hook_factor = got.item() / sent.item() if single else None

    def name_of(self, node, consumer):
        """Who gets a gradient: short names for what an expression computes inside."""
        key = None if words.is_leaf_node(node) else node._sequence_nr()
        if key is not None and key not in self._inner and words.is_inside(node, consumer):
            self._inner[key] = self._short_name(key)
        return self._inner.get(key) or words.receiver(node, self.names)

    def _input_name(self, node, at, next_node):
        """What an input of a node is called; None where that is not known."""
        return None if next_node is None else self.name_of(next_node, node)

    def _short_name(self, key):
        """A name for the node of a sequence number, of which an expression shows nothing."""
        self._n_names += 1
        while f"h{self._n_names}" in self._taken:
            self._n_names += 1
        return f"h{self._n_names}"

    def line_of(self, node):
        """The line of a node, with the short name of its result."""
        name = self._inner.get(node._sequence_nr())
        return words.line_of(node) + (f"  (makes {name})" if name else "")

    def _node_step(self, step, gradients):
        node = step.node
        rule = _C._node_rule(node)
        factors = _unit_factors(step, gradients)
        outgoing = []
        for i, (next_node, _) in enumerate(node.next_functions):
            if gradients[i] is False:
                continue
            out = Outgoing()
            out.gradient, out.node, out.factor = gradients[i], next_node, factors[i]
            out.to = self.name_of(next_node, node)
            out.parameter, out.edge = None, i
            self._explain(step, out, rule, i)
            outgoing.append(out)
        step.outgoing = tuple(outgoing)
        lines = [self.line_of(node)]
        many = len(step.grads) > 1
        for i, g in enumerate(step.grads):
            lines.append(f"  {f'in[{i}]' if many else 'in':<5}  {words.summary(g)}")
        lines += [f"  hook   {hook}" for hook in step.hooks]
        lines += [f"  out    {out.words}" for out in outgoing]
        step._text = "\n".join(lines)

    def _explain(self, step, out, rule, i):
        """Fill in the rule of one outgoing gradient, and the line that shows it."""
        node, factor = step.node, out.factor
        if rule is None:
            out.rule = f"{out.to} gets {_custom_rule(node)}"
        else:
            out.parameter = rule[3][i]
            out.rule = self._op_rule(step, out, *rule)
        if factor is not None:
            product = f"{words.summary(step.grads[0])} * {words.number(factor)}"
            out.words = f"{out.rule};  {product} = {words.summary(out.gradient)}  ->  {out.to}"
        else:
            out.words = f"{out.rule}\n         {words.summary(out.gradient)}  ->  {out.to}"

    def _texts(self, step, op, parameters, by_edge, values):
        """What the source calls each parameter, and y, the result; numbers as they are."""
        texts = words.arguments(step.expression, op, parameters)
        for at, (next_node, _) in enumerate(step.node.next_functions):
            if by_edge[at] not in texts and (name := self._input_name(step.node, at, next_node)):
                texts[by_edge[at]] = name if len(name) <= 32 else by_edge[at]
        for symbol, value in values.items():
            if not isinstance(value, bool | _C.Tensor):
                texts[symbol] = f"{value:g}"
        if by_edge:
            texts.setdefault("x", texts.get(by_edge[0], "x"))
        inner = self._inner.get(step.node._sequence_nr())
        if inner:
            texts.setdefault("y", inner)
        elif step.site is not None and step.site.name and "=" not in step.expression:
            name = step.site.name
            texts.setdefault("y", f"new {name}" if name in texts.values() else name)
        elif "y" in words.symbols_in(step.expression):  # a y of the program's own
            texts.setdefault("y", words.result_of(step.node))
        return texts

    def _op_rule(self, step, out, op, derivative, parameters, by_edge, values):
        node, parameter = step.node, out.parameter
        texts = getattr(step, "_called", None)
        if texts is None:  # once for all inputs, of which a stack() has many
            texts = step._called = self._texts(step, op, parameters, by_edge, values)
        if not words.is_leaf_node(out.node) or out.to.startswith("a leaf"):
            out.to = texts.get(parameter.split("[")[0], out.to)
        text, formula = words.rule_for(derivative, parameter, parameter == by_edge[0])
        if by_edge[0] in values:
            values = {**values, "x": values[by_edge[0]]}
        slices = "the rest passes; in the part written, " if step.name == "CopySlices" else ""
        if not formula:
            return f"{slices}{out.to}{':' if ' gets ' in text else ' gets'} {text}"
        shown = words.with_names(text, texts)
        of_gradient = "g" in words.symbols_in(text)  # what is made of it, and no derivative alone
        if of_gradient:
            left = f"{slices}{out.to} gets {shown}"
        else:
            inner = self._inner.get(node._sequence_nr())
            result = inner or words.result_of(node)
            if result == out.to:  # h = h.tanh()
                result = f"new {result}"
            left = f"{slices}d{words.bracketed(result)}/d{words.bracketed(out.to)} = {shown}"
        if out.factor is not None:
            last = words.number(out.factor)
            if of_gradient:
                return f"{left}, here g times {last}"
            return left if words.number_text(shown) == last else f"{left} = {last}"
        known = _with_values(text, values, texts)
        return f"{left},  {known}" if known else left


def symbolic_links(node, made):
    """(next node, rule, receiver) for each edge, without numbers: what a freed graph tells."""
    step = Step()
    step.node, step.site, step.name, step.grads = node, node.site, node.name(), ()
    rule = _C._node_rule(node)
    for i, (next_node, _) in enumerate(node.next_functions):
        if next_node is None:
            continue
        out = Outgoing()
        out.gradient = out.factor = out.parameter = None
        out.node, out.to = next_node, made.name_of(next_node, node)
        made._explain(step, out, rule, i)
        yield next_node, out.rule, out.to


class BackwardTrace:
    """The iterator that ``trace_backward`` returns: each step runs the pass on to its next node."""

    def __init__(self, made, steps):
        self._pass = made
        self._steps = steps

    def __iter__(self):
        return self

    def __next__(self):
        ready = self._pass.ready
        while not ready:
            if not self._steps.next():
                _story.keep(self._pass.story)
                raise StopIteration
        return ready.popleft()

    def close(self):
        """End the pass as an exception would."""
        self._steps.close()


def trace_backward(loss, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Run the backward pass of loss, node by node, and yield a Step for each.

    It is the pass of ``loss.backward(...)``, with the same arguments and the same bits in every
    ``.grad``: printing a step shows its source, the incoming gradient, the local rule with its
    numbers, and who gets what. A leaf's step, which says what was added to its ``.grad``, follows
    the step that led to it. Nothing runs before the first step is asked for; where the loop is
    left, the pass ends as by an exception: leaves that were reached keep what they got, and the
    graph is not freed.

    loss: a Tensor, or a sequence of them.
    Raises: at the call, what backward() raises for its arguments; in the loop, what nodes raise;
        RuntimeError for a step, or close(), inside a step of the same pass.
    """
    made = _Pass(words.names_in(sys._getframe(1)))
    request = (loss, gradient, retain_graph, create_graph, inputs)
    return BackwardTrace(made, _C._BackwardSteps(*request, True, made))
