"""Which node of a graph has a wrong derivative.

When an entry of a leaf moves, each value y of the forward pass moves by some dy, which two more
forward passes show. A right node keeps what the gradients say of that: the sum of g * dy over its
outputs is that over its inputs. A node that does not is the one.
"""

from rushlight import _C, _site

from . import _words as words

_C._add_package_globals(globals())

# Of the whole error, and of the largest that a node makes: what it must make to be named.
_SHARE, _OF_LARGEST = 0.02, 0.5


def _values_of(check):
    """The loss, and by node and output the values that operations used, as copies."""
    values = {}

    def used(node, nr, tensor):
        if (node, nr) not in values:
            with _C.no_grad():
                values[node, nr] = tensor.detach().clone()

    outer = _C._watch_tensors(used)
    try:
        loss = check.loss()
    finally:
        _C._watch_tensors(outer)
    if loss.grad_fn is not None:
        values.setdefault((loss.grad_fn, 0), loss.detach().clone())
    return loss, values


def _matching(*roots):
    """By node of the first graph, those at its place in the others; None if the graphs differ."""
    found, waiting = {}, [roots]
    while waiting:
        nodes = waiting.pop()
        first = nodes[0]
        if first is None or first in found:
            continue
        if any(n is None or n.name() != first.name() for n in nodes):
            return None
        found[first] = nodes[1:]
        edges = [n.next_functions for n in nodes]
        if len({len(e) for e in edges}) > 1:
            return None
        waiting += [tuple(node for node, _ in places) for places in zip(*edges, strict=True)]
    return found


class _Motion:
    """How far each value moves with one entry of a leaf, and what gradients say of that."""

    def __init__(self, entry, nodes, above, below, step):
        self.leaf, self.i = entry._tensor, entry._flat[1]
        self.nodes, self.above, self.below, self.step = nodes, above, below, step

    def product(self, gradient, node, nr):
        """The gradient times how its value moves; None where nobody saw that."""
        if gradient is None or gradient is False:
            return 0.0
        if words.is_leaf_node(node):
            same = node.variable is self.leaf
            return gradient.reshape(-1)[self.i].item() if same else 0.0
        up, down = self.nodes[node]
        if (up, nr) not in self.above or (down, nr) not in self.below:
            return None
        moved = (self.above[up, nr] - self.below[down, nr]).to(_C.float64) / (2 * self.step)
        if moved.shape != gradient.shape:
            return None
        return (gradient.to(_C.float64) * moved).sum().item()


def _defect(motion, node, grads, gradients):
    """By how much a node's outputs and inputs disagree; None where a value is not known."""
    outputs = [motion.product(g, node, nr) for nr, g in enumerate(grads)]
    edges = zip(gradients, node.next_functions, strict=True)
    inputs = [motion.product(g, n, nr) for g, (n, nr) in edges if n is not None]
    if any(p is None for p in outputs + inputs):
        return None
    return sum(outputs) - sum(inputs)


def _by_hooks(steps, loss, entry):
    """A node, or the leaf, that got another gradient than was sent to it."""
    sent = {}
    for node, (_, gradients) in steps.items():
        for g, (n, nr) in zip(gradients, node.next_functions, strict=True):
            if n is not None and isinstance(g, _C.Tensor):
                sent[n, nr] = sent[n, nr] + g if (n, nr) in sent else g
    for (node, nr), g in sent.items():
        if words.is_leaf_node(node):
            if node.variable is not entry._tensor:
                continue
            got = entry.analytic
            g = g.reshape(-1)[entry._flat[1]]
        elif node not in steps:
            continue
        else:
            got = steps[node][0][nr]
        if isinstance(got, _C.Tensor):
            if got.shape != g.shape:
                continue  # the engine has summed it to the shape of its tensor
            got = got.to(_C.float64)
        elif got is not None:
            got = _C.tensor(got, dtype=_C.float64)
        if got is None or not _C.allclose(g.to(_C.float64), got, equal_nan=True):
            return node
    return None


def describe(node):
    """The node in the words of a report: an own Function with the line of its backward."""
    function = getattr(node, "_forward_cls", None)
    line = _site.line_of(node.site)
    if function is None:
        return f"{words.line_of(node)}"
    where = _site.describe_function(function.backward)
    return f"{function.__name__}.backward, called for  {line}\n          {where}".rstrip()


def find_culprit(check, entry, step):
    """(words, node) of what made an entry of a gradient wrong; (None, None) where none stands out.

    Cost: three calls of the function and one backward pass, with copies of all values between.
    """
    loss, _ = _values_of(check)
    flat, i, _ = entry._flat
    here = flat[i].clone()
    try:
        flat[i] = here + step
        up, above = _values_of(check)
        flat[i] = here - step
        down, below = _values_of(check)
    finally:
        flat[i] = here
    nodes = _matching(loss.grad_fn, up.grad_fn, down.grad_fn)
    if nodes is None:
        return "a graph that is another one a step further: the function branches here", None
    steps = {}

    def ended(node, grads, gradients, before):
        if gradients is not None:
            steps[node] = (grads, gradients)

    # Captured and not accumulated: of all leaves, as the path to this one may be cut.
    edges = (n for node in nodes for n, _ in node.next_functions if n is not None)
    leaves = tuple({id(n.variable): n.variable for n in edges if words.is_leaf_node(n)}.values())
    run = _C._BackwardSteps(loss, None, True, False, leaves, False, ended)
    while run.next():
        pass
    hooked = _by_hooks(steps, loss, entry)
    if hooked is not None:
        who = words.receiver(hooked, {id(entry._tensor): entry.name})
        return f"a hook that changes the gradient of {who}", hooked
    motion = _Motion(entry, nodes, above, below, step)
    defects = {}
    for node, (grads, gradients) in steps.items():
        defect = _defect(motion, node, grads, gradients)
        if defect is not None:
            defects[node] = abs(defect)
    whole = abs(entry.analytic - entry.numeric)
    largest = max(defects.values(), default=0.0)
    least = max(_SHARE * whole, _OF_LARGEST * largest)
    wrong = [node for node, defect in defects.items() if not defect < least]
    if not wrong:
        return None, None
    # What runs first backward: the others may only pass on what it broke.
    return describe(wrong[0]), wrong[0]
