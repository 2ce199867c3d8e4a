"""``explain``: the chain of rules that made a gradient, as text. A story keeps no tensor alive."""

import contextlib
import math
import sys
import threading
import weakref
from collections import deque

from rushlight import _C

from . import _words as words

_C._add_package_globals(globals())

_MOST_PATHS = 8
_UNUSED = "One of the differentiated Tensors appears to not have been used in the graph."


class _Record:
    """What one node did: the line that made it, and a rule for each gradient that it passed on."""

    __slots__ = ("line", "incoming", "hooks", "hook_factor", "out")


class _Link:
    """A gradient on its way: to the record ``key``, or to the leaf of that key."""

    __slots__ = ("key", "rule", "factor", "gradient", "to")


class _Leaf:
    """A leaf that a pass reached, without a reference that would keep it."""

    __slots__ = ("tensor", "name", "before", "added", "after", "hooks")


def _key_of(node):
    if words.is_leaf_node(node):
        return ("leaf", id(node.variable))
    return node._sequence_nr()


class Story:
    """The records of one backward pass."""

    def __init__(self):
        self.records = {}
        self.leaves = {}
        self.complete = True  # False: rules without numbers, the graph being freed

    def add(self, step, line):
        """Take over what a Step says, and the line of its node."""
        if step.leaf is not None:
            leaf = _Leaf()
            leaf.tensor, leaf.name = weakref.ref(step.leaf), step.variable
            leaf.before = None if step.before is None else words.summary(step.before)
            leaf.hooks = step.hooks
            leaf.added, leaf.after = words.summary(step.added), words.summary(step.after)
            self.leaves["leaf", id(step.leaf)] = leaf
            return
        record = _Record()
        record.line, record.hooks, record.hook_factor = line, step.hooks, step.hook_factor
        record.incoming = words.summary(step.grads[0]) if len(step.grads) == 1 else ""
        record.out = []
        for out in step.outgoing:
            link = _Link()
            link.key, link.rule, link.factor = _key_of(out.node), out.rule, out.factor
            link.gradient, link.to = words.summary(out.gradient), out.to
            record.out.append(link)
        self.records[_key_of(step.node)] = record

    def key_of(self, x):
        """Where the tensor is in this story; None where it is not."""
        if x.grad_fn is not None:
            key = x.grad_fn._sequence_nr()
            links = (link.key for record in self.records.values() for link in record.out)
            return key if key in self.records or key in links else None
        leaf = self.leaves.get(("leaf", id(x)))
        return ("leaf", id(x)) if leaf is not None and leaf.tensor() is x else None


class _Kept(threading.local):
    """The last passes of a thread that were traced or kept, newest first."""

    def __init__(self):
        self.stories = deque(maxlen=16)


_kept = _Kept()


def keep(story):
    """Let ``explain(x)`` know of a pass that has ended."""
    _kept.stories.appendleft(story)


@contextlib.contextmanager
def keep_story():
    """Keep in words what the backward passes of this thread do inside, so that explain(x) works.

    Costs a look at every gradient; no tensor is kept alive by it.
    """
    from ._steps import _Pass

    passes = {}

    def node_ended(node, grads, gradients, before):
        run = _C._current_graph_task_id()
        if run not in passes:
            if len(passes) == _kept.stories.maxlen:
                del passes[next(iter(passes))]
            passes[run] = _Pass(words.names_in(sys._getframe(1)))
            keep(passes[run].story)
        passes[run](node, grads, gradients, before)
        passes[run].ready.clear()

    outer = _C._watch_nodes(node_ended)
    try:
        yield
    finally:
        _C._watch_nodes(outer)


class Path:
    """One way from the loss to the tensor.

    lines: (source line, rule, gradient) of each node. factors: their derivatives as numbers, None
    where one is no number. hooks: what hooks made of the gradient of each node, in words. product:
    of the factors, the gradient that the pass began with, and what hooks multiplied it by.
    """

    __slots__ = ("lines", "factors", "hooks", "start", "product", "_parts")

    def __init__(self, story, keys, links):
        records = [story.records[key] for key in keys]
        self.lines = [
            (r.line, link.rule, link.gradient) for r, link in zip(records, links, strict=True)
        ]
        # What the pass began with is what hooks of the root made of it.
        self.hooks = [r.hooks for r in records]
        self.start, self.product = records[0].incoming if records else "", None
        self.factors = [link.factor for link in links]
        if not records or any(f is None for f in self.factors):
            self.factors = None
            return
        try:
            self.product = float(self.start)
        except ValueError:
            return
        self._parts = [self.start]
        for i, (record, factor) in enumerate(zip(records, self.factors, strict=True)):
            by = 1.0 if i == 0 else record.hook_factor
            if by is None:  # it made something of a zero
                self.product = None
                return
            if by != 1.0:
                self._parts.append(f"{words.number(by)} (hook)")
            self._parts.append(words.number(factor))
            self.product *= by * factor

    def __str__(self):
        lines = []
        for (line, rule, gradient), hooks in zip(self.lines, self.hooks, strict=True):
            lines.append(f"  {line}")
            lines += [f"      {hook}" for hook in hooks]
            lines += [f"      {part}" for part in rule.split("\n")]
            if self.factors is None and gradient:
                lines.append(f"      gradient: {gradient}")
        if self.product is not None:
            lines.append(f"  product  {' * '.join(self._parts)} = {words.number(self.product)}")
        return "\n".join(lines)


class Explanation:
    """The chain of rules that made a gradient: ``print`` it.

    name: of the tensor. paths: from the loss to it, at most 8. n_paths: how many there are.
    """

    def __init__(self, name, paths, n_paths, story, key, hooked):
        self.name, self.paths, self.n_paths = name, paths, n_paths
        self._leaf = story.leaves.get(key)
        known = self._leaf or story.records.get(key)
        self._hooks = known.hooks if known else ()
        if hooked and known is None:
            self._hooks = [f"and hooks of {name} change the result: this is what they are given"]
        self._complete = story.complete

    def __str__(self):
        many = self.n_paths != 1
        count = _count_text(self.n_paths)
        head = f"{self.name} gets its gradient along {count} path{'s' if many else ''}"
        lines = [head + (", whose products add up" if many else "")]
        if not self._complete:
            lines.append(
                "  without numbers: a backward pass has freed what the graph saved; "
                "call explain() before it, or run it under `with rushlight.debug.keep_story():`"
            )
        for i, path in enumerate(self.paths):
            if many:
                lines.append(f"path {i + 1}")
            lines.append(str(path))
        if self.n_paths > len(self.paths):
            lines.append(f"and {_count_text(self.n_paths - len(self.paths))} more paths")
        elif many and all(path.product is not None for path in self.paths):
            total = sum(path.product for path in self.paths)
            parts = " + ".join(words.number(path.product) for path in self.paths)
            lines.append(f"sum  {parts} = {words.number(total)}")
        lines += self._hooks
        if self._leaf is not None:
            lines.append(self._accumulated())
        return "\n".join(lines)

    def _accumulated(self):
        leaf = self._leaf
        if leaf.before is None:
            return f"{self.name}.grad was None, became {leaf.after}"
        return f"{self.name}.grad was {leaf.before}, got {leaf.added}, became {leaf.after}"

    __repr__ = __str__


def _count_text(n):
    """A count in digits; its order alone where these are more than int agrees to write."""
    return str(n) if n < 10**20 else f"about 10^{round(math.log10(n))}"


def _paths(story, key):
    """The first paths from a root to the key, and how many there are. No recursion."""
    counts = {key: 1}
    order, state = [], {}
    targets = {link.key for record in story.records.values() for link in record.out}
    roots = [k for k in story.records if k not in targets]
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        at, done = stack.pop()
        if done:
            order.append(at)
        elif at not in state and at in story.records and at != key:
            state[at] = True
            stack.append((at, True))
            stack += [(link.key, False) for link in reversed(story.records[at].out)]
    for at in order:
        counts[at] = sum(counts.get(link.key, 0) for link in story.records[at].out)
    total = sum(counts.get(root, 0) for root in roots)
    found = []
    # A way is (key, link, the way on from there), so that ways share what they have in common.
    walk = [(root, None) for root in reversed(roots) if counts.get(root)]
    while walk and len(found) < _MOST_PATHS:
        at, way = walk.pop()
        if at == key:
            found.append(_path(story, way))
            continue
        for link in reversed(story.records[at].out):
            if counts.get(link.key):
                walk.append((link.key, (at, link, way)))
    return found, total


def _path(story, way):
    keys, links = [], []
    while way is not None:
        key, link, way = way
        keys.append(key)
        links.append(link)
    return Path(story, keys[::-1], links[::-1])


@contextlib.contextmanager
def no_grad_kept():
    """Passes of this thread change no ``.grad`` of tensors with retain_grad()."""
    before = _C._pause_retained(True)
    try:
        yield
    finally:
        _C._pause_retained(before)


def _recorded(x, loss, gradient, names):
    """The story of a pass from loss to x that changes no ``.grad``."""
    from ._steps import _Pass

    made = _Pass(names)
    steps = _C._BackwardSteps(loss, gradient, True, False, (x,), False, made)
    with no_grad_kept():
        while steps.next():
            pass
    return made.story


def _without_numbers(loss, names):
    """The story of a freed graph: its nodes, and their rules in words."""
    from ._steps import _Pass, symbolic_links

    story, made = Story(), _Pass(names)
    story.complete = False
    waiting = [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or words.is_leaf_node(node) or _key_of(node) in story.records:
            continue
        record = _Record()
        record.line, record.incoming = made.line_of(node), ""
        record.hooks, record.hook_factor = (), 1.0
        record.out = []
        for target, rule, to in symbolic_links(node, made):
            link = _Link()
            link.key, link.rule, link.factor = _key_of(target), rule, None
            link.gradient, link.to = "", to
            record.out.append(link)
            waiting.append(target)
        story.records[_key_of(node)] = record
    return story


def explain(x, loss=None, gradient=None):
    """Return the chain of rules that makes, or made, x.grad; print it.

    x: a Tensor that requires grad. loss: what to differentiate, with ``gradient`` as in
        ``loss.backward(gradient)``; the graph stays and no ``.grad`` changes, though hooks run.
        After ``loss.backward()`` has freed the graph the rules come without numbers. None: the last
        pass that reached x inside ``keep_story()`` or through ``trace_backward``.
    Raises: RuntimeError where x does not require grad or loss does not depend on it, and without
        loss where no such pass is known.
    """
    names = words.names_in(sys._getframe(1))
    if not isinstance(x, _C.Tensor):
        raise TypeError(f"explain(): argument 'x' must be Tensor, not {type(x).__name__}")
    if not x.requires_grad:
        raise RuntimeError(
            "One of the differentiated Tensors does not require grad\n"
            "  fix: x.requires_grad_() before computing with it."
        )
    name = names.get(id(x)) or "x"
    key = ("leaf", id(x)) if x.grad_fn is None else x.grad_fn._sequence_nr()
    if loss is None:
        story = next((s for s in _kept.stories if s.key_of(x) is not None), None)
        if story is None:
            raise RuntimeError(
                "explain(): no backward pass that reached this tensor was recorded\n"
                f"  fix: explain({name}, loss) before loss.backward(), or run the pass under "
                "`with rushlight.debug.keep_story():`."
            )
    else:
        try:
            story = _recorded(x, loss, gradient, names)
        except RuntimeError as error:
            if not str(error).startswith("Trying to backward through the graph a second time"):
                raise
            story = _without_numbers(loss, names)
    paths, total = _paths(story, key)
    if not total:
        raise RuntimeError(f"{_UNUSED}\n  {name} has no part in what the pass went through.")
    hooked = bool(x._backward_hooks)
    return Explanation(name, paths, total, story, key, hooked)
