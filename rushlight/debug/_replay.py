"""A backward pass played again, and where in it an infinity or nan was born."""

from rushlight import _C, isfinite

from ._births import (
    Birth,
    Step,
    constants_of,
    data_step,
    first_seen,
    forward_birth,
    number_at,
    outside_index,
    shown_inputs,
)
from ._values import Values, bad_at, carrier, first_bad, is_bad, title, value_at

_C._add_package_globals(globals())


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
                    number_at(grad.detach(), index),
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
                    got = () if made[edge] is None else (("before", number_at(made[edge], index)),)
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
            return constants_of(self.values, place)
        known = [i for i in inputs if i.saved or i.value is not None]
        shown = shown_inputs(known, index, shape) + constants_of(self.values, node)
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
                steps.append(data_step(t, at))
                birth = Birth("data", steps[::-1], t)
            else:
                if place is not node and origin == node.next_functions[values.parts(node)[1]]:
                    _, _, sizes, strides, _, part_strides, offset = values.parts(node)
                    at = outside_index(at, part_strides, offset, sizes, strides)
                birth = forward_birth(values, *origin, at)
                birth = birth._replace(steps=birth.steps + steps[::-1])
            return birth._replace(notes=(*birth.notes, *self.notes), path=self._path(node, index))
        if unknown:
            return self._end("unknown", steps, [first_seen(steps[-1]), *unknown])
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
            "backward", "AccumulateGrad", node.name(), None, index, number_at(grad, index), ()
        )
        return Birth("hook", [step], notes=("a post-accumulate hook of the leaf made it",)), index
    if added is None or not bad_at(added.detach(), index):
        value = None if added is None else added.detach()[index].item()
        known = () if value is None else (("added", value),)
        at = number_at(grad, index)
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
        at = number_at(grad.detach(), index)
        step = Step("backward", title(node), node.name(), node.site, index, at, ())
        return Birth("hook", [step], notes=tuple(played.notes)), index
    return played.birth(node, nr, index), index
