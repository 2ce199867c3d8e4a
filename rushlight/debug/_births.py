"""Where an infinity or nan was born: back from a bad value to the node that made it."""

import math
from typing import NamedTuple

from rushlight import _C, isfinite
from rushlight._site import line_of

from ._values import Values, bad_at, carrier, first_bad, is_bad, title, value_at

_C._add_package_globals(globals())


class Step(NamedTuple):
    """One operation that made or passed on a bad value.

    direction: "forward" or "backward". op: "Log". node: "LogBackward0". site: its Site.
    index, value: the place and value of what it gave. inputs: (name, value) of what it was given at
    that place, where that can be said. birth: the value was made here.
    """

    direction: str
    op: str
    node: str
    site: object
    index: tuple
    value: float
    inputs: tuple
    gave: str = "output"
    put: bool = False  # it is a number that the operation was given


class Birth(NamedTuple):
    """What was found.

    kind: as in NonfiniteReport. steps: list of Step from the birth on. source: the tensor, for
    "data". notes: what is not known, or was taken for granted.
    """

    kind: str
    steps: list
    source: object = None
    notes: tuple = ()
    before: tuple = ()  # operations shortly before a forward birth
    path: tuple = ()  # operations that the gradient came through before a backward one


def _number(t, index):
    return t[index].item()


def _shown_inputs(inputs, index, shape):
    shown = []
    for item in inputs:
        if item.value is None or not item.value.is_floating_point():
            continue
        at = value_at(item.value, index, shape)
        if at is not None:
            shown.append((item.name, at))
        elif item.value.numel():
            low, high = item.value.min().item(), item.value.max().item()
            shown.append((f"{item.name} from", low))
            shown.append(("to", high))
    return tuple(shown)


def _constants(values, node):
    """Numbers among the arguments of a node's call: (name, number)."""
    return tuple(
        (name, value)
        for name, state, value, *_ in values.arguments(node)
        if state == "known" and isinstance(value, int | float) and not isinstance(value, bool)
    )


def forward_birth(values, node, nr, index):
    """The birth of the bad value that output `nr` of `node` has at `index`. Returns: Birth."""
    steps, notes = [], []
    kind, source = "forward", None
    while True:
        out = values.value(node, nr)
        what = values.kind(node)
        if what == "leaf":
            kind, source = "data", node.variable
            break
        if out is None:
            kind = "unknown"
            notes.append(values.lost[id(node), nr])
            break
        place, runs = node, None
        if what == "slices":
            write, inputs, (sizes, strides, part_sizes, part_strides, offset, base) = values.slices(
                node
            )
            inside = _inside(index, strides, part_sizes, part_strides, offset)
            if inside is None:
                target = values.parts(node)[1]
                node, nr = node.next_functions[target]
                if node is None:
                    kind, source = "data", base
                    notes.append("it is in a part of the tensor that this write left as it was")
                    break
                continue
            index, place = inside, write
            out = out.as_strided(part_sizes, part_strides, offset)
        else:
            inputs = values.inputs(node)
        constants = _constants(values, place) if values.kind(place) == "op" else ()
        at = _number(out, index)
        steps.append(
            Step(
                "forward",
                title(place),
                place.name(),
                place.site or node.site,
                index,
                at,
                _shown_inputs(inputs, index, out.shape) + constants,
                put=any(number == at for _, number in constants),
            )
        )
        unknown = [item for item in inputs if item.value is None]
        floats = [i for i in inputs if i.value is not None and i.value.is_floating_point()]
        if values.kind(place) == "op":
            runs = _runner(values, place, inputs, floats, nr, index)
        found = None
        if runs is not None and not unknown:
            found = carrier([i.value for i in floats], runs, index, out.shape)
        elif any(is_bad(i.value) for i in floats):
            at = next(k for k, i in enumerate(floats) if is_bad(i.value))
            found = at, first_bad(floats[at].value)
            what = title(place)
            notes.append(f"{what} cannot be computed again: its first bad input is followed")
        if found is None:
            if unknown:
                kind = "unknown"
                notes.append(_first_seen(steps[-1]))
            notes += [f"{i.name} of {title(place)} is not known: {i.lost}" for i in unknown]
            break
        item, index = floats[found[0]], found[1]
        if item.edge is None:
            kind, source = "data", item.value
            break
        if what == "slices" and item.edge == node.next_functions[values.parts(node)[1]]:
            index = _outside(index, part_strides, offset, sizes, strides)
        node, nr = item.edge
    steps.reverse()
    if kind == "data" and source is not None:
        steps.insert(0, _data_step(source, index))
    if any(id(n) in values.assumed for n in values.nodes):
        notes.append("what a buffer held before it was written into is taken to be 0")
    steps, extra = _without_deliberate(kind, steps, source)
    if extra:
        kind = "forward"
        notes += extra
    source = source if kind == "data" else None
    return Birth(kind, steps, source, (*notes, *values.notes), _before(node))


def _first_seen(step):
    where = f": {line_of(step.site)}" if step.site else ""
    return f"{step.op} is the first that could be looked at{where}"


def _before(node, levels=4):
    """The operations that a node's arguments came from, the nearest first."""
    found, nodes = [], [node]
    for _ in range(levels):
        nodes = [n for at in nodes if at is not None for n, _ in at.next_functions if n is not None]
        nodes = nodes[:16]
        found += [title(n) for n in nodes if not hasattr(n, "variable")]
    return tuple(found)


def _data_step(source, index):
    site = _C._last_writer(source)
    return Step("forward", "", "", site, index, _number(source.detach(), index), ())


# What puts a given value in chosen places.
_PUTS = ("Where", "MaskedFill", "MaskedScatter", "IndexFill", "IndexPut", "Fill", "Scatter")


def _without_deliberate(kind, steps, source):
    """A -inf that was put in on purpose, to mask, is not the birth of the nan that came of it."""
    first = steps[0] if steps else None
    if kind == "unknown" or first is None or not math.isinf(first.value):
        return steps, []
    deliberate = first.put or (kind == "data" and _is_mask(steps, source))
    turn = next((i for i, s in enumerate(steps) if math.isnan(s.value)), None)
    if not deliberate or turn is None:
        return steps, []
    where = f" by {first.op}" if first.op else ""
    line = f": {line_of(first.site)}" if first.site else ""
    return steps[turn:], [f"the {first.value} was put in{where} on purpose{line}"]


def _is_mask(steps, source):
    """Whether a -inf that a tensor without history has masks: beside zeros, or where one is chosen.

    Alone it may as well be the logarithm of a tensor without history.
    """
    if steps[0].value > 0:
        return False
    if len(steps) > 1 and steps[1].op in _PUTS:
        return True
    source = source.detach()
    masked = source == -math.inf
    return not bool(masked.all()) and bool((masked | (source == 0)).all())


def _runner(values, node, inputs, floats, nr, index):
    """still_bad() of carrier(): the node's operation for other values of its float inputs."""

    def still_bad(tensors):
        changed = {id(item): t for item, t in zip(floats, tensors)}
        given = []
        for item in inputs:
            copy = type(item)(
                item.name, changed.get(id(item), item.value), item.edge, item.argument
            )
            copy.item = item.item
            given.append(copy)
        outputs, _ = values.run(node, given)
        return outputs is not None and bad_at(outputs[nr], index)

    outputs, _ = values.run(node, inputs)
    if outputs is None or not bad_at(outputs[nr], index):
        return None
    return still_bad


def _inside(index, strides, part_sizes, part_strides, offset):
    """The index in the written part of a view, None for an element beside it."""
    flat = sum(i * s for i, s in zip(index, strides)) - offset
    place = [0] * len(part_sizes)
    for d in sorted(range(len(part_sizes)), key=lambda d: -part_strides[d]):
        if part_strides[d] and part_sizes[d] > 1:
            place[d] = min(max(flat, 0) // part_strides[d], part_sizes[d] - 1)
            flat -= place[d] * part_strides[d]
    return None if flat else tuple(place)


def _outside(index, part_strides, offset, sizes, strides):
    """The index in the whole tensor of an element of the written part."""
    flat = offset + sum(i * s for i, s in zip(index, part_strides))
    return _inside([flat], [1], sizes, strides, 0)


class Pass:
    """A backward pass played again, on the values of the first time; users' code is not run.

    roots: (node, output, value, gradient). seen: (node, what, gradients) where users' code ran:
        "arrived" there, "made" by the node, "sent" on by its hooks; "finite": a leaf's .grad was so
        before the hooks that see it.
    """

    def __init__(self, roots, seen):
        self.values = Values([node for node, *_ in roots])
        for node, nr, value, _ in roots:
            if value is not None:
                self.values.give(node, nr, value)
        self.notes = []
        self.sent = {}  # (id(node), output) -> [(from node, its edge, gradient)]
        self.arrived = {}  # id(node) -> gradients after hooks
        self._outputs = {}  # id(node) -> 1 + the last output that something was sent to
        self._outgoing = {}
        self._changed = {}  # id(node) -> gradients that its hooks made of what it sends
        self._made = {}  # id(node) -> what it made, before those hooks
        self.finite = set()
        places = {"arrived": self.arrived, "made": self._outgoing, "sent": self._changed}
        for node, what, grads in seen:
            if what == "finite":
                self.finite.add(id(node))
            else:
                places[what][id(node)] = grads
        self.hooked = set(self.arrived)
        for node, nr, _, grad in roots:
            self._send(None, 0, node, nr, grad)
        inner = [n for n in self.values.nodes if self.values.kind(n) != "leaf"]
        for node in sorted(inner, key=lambda n: -n._sequence_nr()):
            self._play(node)

    def _send(self, source, edge, node, nr, grad):
        if grad is not None and node is not None:
            grad = _fitting(grad, node, nr)
            self.sent.setdefault((id(node), nr), []).append((source, edge, grad))
            self._outputs[id(node)] = max(nr + 1, self._outputs.get(id(node), 0))

    def total(self, node, nr):
        """The sum of the gradients that were sent to an output; None without any."""
        parts = self.sent.get((id(node), nr), ())
        whole = None
        for _, _, grad in parts:
            grad = grad.detach()
            whole = grad if whole is None else whole + grad
        return whole

    def _play(self, node):
        n = len(node._input_metadata) or 1
        outputs = range(max(n, self._outputs.get(id(node), 0)))
        if id(node) not in self.hooked:
            grads = [self.total(node, nr) for nr in outputs]
            if all(g is None for g in grads):
                return
            self.arrived[id(node)] = grads
        given = self._outgoing.get(id(node))
        if given is None and self.values.kind(node) != "function":
            given = self.derivative(node, self.arrived[id(node)])
        if id(node) in self._changed:
            self._made[id(node)] = given
            given = self._changed[id(node)]
        if given is None:
            return
        for edge, ((after, nr), grad) in enumerate(zip(node.next_functions, given)):
            self._send(node, edge, after, nr, grad)

    def derivative(self, node, grads):
        """The gradients that a node sends for those that reach it; None where that fails."""
        grads = tuple(grads)
        if self.values.kind(node) == "slices":
            write = self.values.parts(node)[0]
            if self.values.kind(write) == "function":
                self.notes.append(f"backward() of {title(write)} is not run again")
                return None
        try:
            return _C._node_backward(node, grads)
        except (RuntimeError, ValueError, TypeError) as error:
            note = f"the derivative of {title(node)} cannot be computed again: {error}"
            self.notes.append(note.split("\n")[0])
            return None

    def birth(self, node, nr, index, steps=()):
        """The birth of the bad gradient that reaches output `nr` of a node at `index`."""
        steps = list(steps)  # the last first
        while True:
            parts = self.sent.get((id(node), nr), [])
            whole = self.total(node, nr)
            if not parts:
                return self._end("unknown", steps, ["no gradient that was sent there is known"])
            if not bad_at(whole, index):
                kind = "hook" if id(node) in self.hooked else "before"
                return self._end(kind, steps, [])
            bad = next((p for p in parts if bad_at(p[2], index)), None)
            if bad is None:
                return self._end("sum", steps, [])
            source, edge, grad = bad
            if source is None:
                return self._end("gradient", steps, [])
            arrived = self.arrived.get(id(source)) or []
            shown = tuple(
                (f"gradient[{k}]" if len(arrived) > 1 else "gradient", at)
                for k, g in enumerate(arrived)
                if (at := value_at(g, index, grad.shape)) is not None
            )
            place, _ = self._operation(source)
            steps.append(
                Step(
                    "backward",
                    title(place),
                    place.name(),
                    place.site or source.site,
                    index,
                    _number(grad.detach(), index),
                    shown + self._forward_inputs(source, index, grad.shape),
                    "gradient",
                )
            )
            if id(source) in self._changed:
                made = self._made[id(source)]
                if made is None:
                    return self._end(
                        "unknown", steps, ["what the hooks of a node got is not known"]
                    )
                if made[edge] is None or not bad_at(made[edge], index):
                    got = () if made[edge] is None else (("before", _number(made[edge], index)),)
                    steps[-1] = steps[-1]._replace(inputs=got)
                    return self._end("hook", steps, [])
            found = self._carrier(source, edge, arrived, index, grad.shape)
            if found is None:
                return self._born(source, edge, index, grad, steps)
            node, (nr, index) = source, found

    def _operation(self, node):
        """The node whose derivative it is, inside a write into a view, and what that was given."""
        if self.values.kind(node) == "slices":
            return self.values.slices(node)[:2]
        return node, self.values.inputs(node) if self.values.kind(node) == "op" else []

    def _forward_inputs(self, node, index, shape):
        place, inputs = self._operation(node)
        if self.values.kind(place) != "op":
            return ()
        if place is not node:
            return _constants(self.values, place)
        known = [i for i in inputs if i.saved or i.value is not None]
        shown = _shown_inputs(known, index, shape) + _constants(self.values, node)
        for nr, t in _C._node_results(node).items():
            at = value_at(t, index, shape)
            if nr == 0 and at is not None:
                shown += (("result", at),)
        return shown

    def _carrier(self, node, edge, arrived, index, shape):
        """(output, index) of the bad gradient that a node passed on; None where it made it."""
        places = [k for k, g in enumerate(arrived) if g is not None]
        grads = [arrived[k].detach() for k in places]
        if not any(is_bad(g) for g in grads):
            return None
        if id(node) in self._outgoing:
            at = next(k for k, g in enumerate(grads) if is_bad(g))
            if self.values.kind(node) == "function":
                self.notes.append(f"backward() of {title(node)} is not run again")
            same = grads[at].shape == shape and bad_at(grads[at], index)
            return places[at], index if same else first_bad(grads[at])

        def still_bad(tensors):
            given = list(arrived)
            for k, t in zip(places, tensors):
                given[k] = t
            out = self.derivative(node, given)
            return out is not None and out[edge] is not None and bad_at(out[edge], index)

        found = carrier(grads, still_bad, index, shape)
        return None if found is None else (places[found[0]], found[1])

    def _born(self, node, edge, index, grad, steps):
        """A node made a bad gradient of good ones: of bad values, or by its derivative."""
        values = self.values
        candidates, unknown = [], []
        place, inputs = self._operation(node)
        if values.kind(place) == "op":
            for item in inputs:
                if item.saved and item.value is None:
                    unknown.append(f"{item.name} of {title(place)} is not known: {item.lost}")
                elif item.saved and item.value.is_floating_point():
                    candidates.append((item.value, item.edge))
            unknown += [
                f"{name} of {title(place)} is packed by saved_tensors_hooks, which are not called"
                for name, state, *_ in values.arguments(place)
                if state == "packed"
            ]
            for nr, t in _C._node_results(place).items():
                if nr >= 0 and t.is_floating_point() and place is node:
                    candidates.append((t, (node, nr)))
        for t, origin in candidates:
            if not is_bad(t):
                continue
            at = index if t.shape == grad.shape else first_bad(t)
            if not bad_at(t, at):
                continue
            if origin is None:
                steps.append(_data_step(t, at))
                birth = Birth("data", steps[::-1], t)
            else:
                if place is not node and origin == node.next_functions[values.parts(node)[1]]:
                    _, _, sizes, strides, _, part_strides, offset = values.parts(node)
                    at = _outside(at, part_strides, offset, sizes, strides)
                birth = forward_birth(values, *origin, at)
                birth = birth._replace(steps=birth.steps + steps[::-1])
            return birth._replace(notes=(*birth.notes, *self.notes), path=self._path(node, index))
        if unknown:
            return self._end("unknown", steps, [_first_seen(steps[-1]), *unknown])
        birth = self._end("backward", steps, [])
        return birth._replace(path=self._path(node, index))

    def _path(self, node, index):
        """The operations that the gradient came through on its way to a node, from the root on."""
        path = []
        while len(path) < 64:
            arrived = self.arrived.get(id(node)) or []
            parts = [p for k in range(len(arrived)) for p in self.sent.get((id(node), k), ())]
            source = next((s for s, _, _ in parts if s is not None), None)
            if source is None:
                break
            came = self.arrived.get(id(source)) or []
            sent = next(g for s, _, g in parts if s is source)
            zero_here = value_at(sent, index, sent.shape) == 0
            before = [value_at(g, index, sent.shape) for g in came if g is not None]
            path.append((title(source), source.site, zero_here and any(b for b in before)))
            node = source
        return tuple(path[::-1])

    def _end(self, kind, steps, notes):
        return Birth(kind, steps[::-1], None, (*notes, *self.notes))


def _fitting(grad, node, nr):
    """A gradient as the engine hands it to a node: users' code may have given another shape."""
    metas = node._input_metadata
    meta = metas[nr] if nr < len(metas) else None
    if meta is None:
        return grad
    grad = grad.detach()
    if grad.shape != meta.shape:
        grad = grad.sum_to_size(meta.shape)
    return grad if grad.dtype == meta.dtype else grad.to(meta.dtype)


def leaf_birth(played, node, grad):
    """The birth of the bad entry of a leaf's .grad: (Birth, index)."""
    index = _worth_explaining(played, node, 0, grad)
    arrived = played.arrived.get(id(node))
    added = arrived[0] if arrived else played.total(node, 0)
    if id(node) in played.finite:
        step = Step(
            "backward", "AccumulateGrad", node.name(), None, index, _number(grad, index), ()
        )
        return Birth("hook", [step], notes=("a post-accumulate hook of the leaf made it",)), index
    if added is None or not bad_at(added.detach(), index):
        value = None if added is None else added.detach()[index].item()
        known = () if value is None else (("added", value),)
        at = _number(grad, index)
        step = Step("backward", "AccumulateGrad", node.name(), None, index, at, known)
        return Birth("before", [step], notes=tuple(played.notes)), index
    return played.birth(node, 0, index), index


def _worth_explaining(played, node, nr, grad):
    """The index of a bad entry, one that this pass sent if there is one."""
    grad = grad.detach()
    sent = played.total(node, nr)
    arrived = played.arrived.get(id(node))
    if arrived and nr < len(arrived) and arrived[nr] is not None:
        sent = arrived[nr].detach()
    if sent is not None and sent.shape == grad.shape:
        both = ~isfinite(grad) & ~isfinite(sent)
        if bool(both.any()):
            return tuple(int(i) for i in both.nonzero()[0])
    return first_bad(grad)


def captured_birth(played, node, nr, grad):
    """The birth of the bad entry of a gradient that autograd.grad() returns: (Birth, index)."""
    index = _worth_explaining(played, node, nr, grad)
    sent = played.total(node, nr)
    if sent is not None and not bad_at(sent, index):
        at = _number(grad.detach(), index)
        step = Step("backward", title(node), node.name(), node.site, index, at, ())
        return Birth("hook", [step], notes=tuple(played.notes)), index
    return played.birth(node, nr, index), index
