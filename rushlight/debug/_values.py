"""The values of a recorded graph: as saved where they are, computed again where they are not."""

from rushlight import _C, empty_like, full_like, isfinite, where

_C._add_package_globals(globals())

HEALED = 0.5  # in the domain of every function, and no zero of any


def is_bad(tensor):
    """Whether a value that may be None has an infinity or nan."""
    return tensor is not None and _C._first_nonfinite(tensor) >= 0


def first_bad(tensor):
    """The index of the first infinity or nan, as a tuple."""
    return unravel(_C._first_nonfinite(tensor), tensor.shape)


def unravel(flat, shape):
    index = []
    for size in reversed(shape):
        flat, rest = divmod(flat, size)
        index.append(rest)
    return tuple(reversed(index))


def bad_at(tensor, index):
    return not bool(isfinite(tensor[index]))


def title_of(name):
    """``Log`` of ``LogBackward0``, the name of a node; the class's name of a custom Function."""
    name = name.rsplit("::", 1)[-1]
    head, backward, tail = name.rpartition("Backward")
    return head if backward and (tail.isdigit() or tail in ("", "s")) else name


def title(node):
    """The operation of a node, as title_of() has it."""
    return title_of(node.name())


class Input:
    """A tensor that went into an operation.

    name: the parameter's. value: None where not known. edge: the (node, output) that it came from,
    None for a tensor without history. argument, item: its place in the call. saved: the gradient
    reads it. lost: why the value is not known.
    """

    def __init__(self, name, value, edge, argument, item=None, saved=False, lost=None):
        self.name = name if item is None else f"{name}[{item}]"
        self.value, self.edge = value, edge
        self.argument, self.item, self.saved = argument, item, saved
        self.lost = lost


class Values:
    """What every output in the graph under some nodes was.

    A value is taken from a node that saved it, else computed again from the values before it. What
    users wrote themselves, custom Functions and hooks, never runs: what these packed is not known.
    """

    def __init__(self, roots):
        self.nodes = []  # also keeps their ids
        self._known = {}  # (id(node), output) -> tensor
        self.lost = {}  # (id(node), output) -> why it is not known
        self._parts = {}
        self.notes = []
        self._arguments = {}
        self._kinds = {}
        self.assumed = set()  # ids of nodes whose values take something for granted
        pending = [node for node in roots if node is not None]
        seen = set()
        while pending:
            node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            self.nodes.append(node)
            self._kinds[id(node)] = _C._node_kind(node)
            pending += [after for after, _ in node.next_functions if after is not None]
        for node in self.nodes:
            self._harvest(node)

    def kind(self, node):
        kind = self._kinds.get(id(node))
        return _C._node_kind(node) if kind is None else kind

    def give(self, node, nr, value):
        """The value of an output, from somebody who has it."""
        self._known.setdefault((id(node), nr), value.detach())

    def parts(self, node):
        """Of a write into a view what _C._slices_parts() tells; the write's node keeps its id."""
        if id(node) not in self._parts:
            self._parts[id(node)] = _C._slices_parts(node)
        return self._parts[id(node)]

    def _harvest(self, node):
        kind = self.kind(node)
        if kind == "op":
            edges = node.next_functions
            for _, state, value, first, n, _, _ in _C._node_arguments(node):
                if state != "edge" or value is None:
                    continue
                for i, entry in enumerate(value if isinstance(value, tuple) else (value,)[:n]):
                    after, nr = edges[first + i]
                    if entry is not None and after is not None:
                        self.give(after, nr, entry)
        if kind in ("op", "function"):
            for nr, value in _C._node_results(node).items():
                if nr >= 0:
                    self.give(node, nr, value)
                else:
                    after, after_nr = node.next_functions[-1 - nr]
                    if after is not None:
                        self.give(after, after_nr, value)

    def arguments(self, node):
        """The call that a node recorded: tuples of _C._node_arguments()."""
        if id(node) not in self._arguments:
            self._arguments[id(node)] = _C._node_arguments(node)
        return self._arguments[id(node)]

    def _needs(self, node):
        kind = self.kind(node)
        if kind == "slices":
            write, target, *_ = self.parts(node)
            edges = [
                (after, nr)
                for i, (after, nr) in enumerate(write.next_functions)
                if after is not None and i != target
            ]
            base = node.next_functions[target]
            return edges + ([base] if base[0] is not None else [])
        if kind == "op":
            return [edge for edge in node.next_functions if edge[0] is not None]
        return []

    def value(self, node, nr):
        """The value of a node's output; None where it is not known, and `lost` says why."""
        pending = [(node, nr)]
        while pending:
            node_now, nr_now = pending[-1]
            key = (id(node_now), nr_now)
            if key in self._known or key in self.lost:
                pending.pop()
                continue
            missing = [
                (after, n)
                for after, n in self._needs(node_now)
                if (id(after), n) not in self._known and (id(after), n) not in self.lost
            ]
            if missing:
                pending += missing
                continue
            pending.pop()
            self._compute(node_now, nr_now)
        return self._known.get((id(node), nr))

    def _compute(self, node, nr):
        kind = self.kind(node)
        outputs, why = None, None
        if kind == "leaf":
            outputs = (node.variable.detach(),)
        elif kind == "op":
            outputs, why = self.run(node, self.inputs(node))
        elif kind == "slices":
            outputs, why = self._write(node)
        elif kind == "function":
            why = f"forward() of {title(node)} is not run again"
        else:
            why = f"{node.name()} cannot be computed again"
        for i, output in enumerate(outputs or ()):
            if output is not None:
                self._known.setdefault((id(node), i), output)
        if (id(node), nr) not in self._known:
            self.lost[id(node), nr] = why or "it has no such output"

    def inputs(self, node):
        """The tensors that went into a node's operation: list of Input."""
        kind = self.kind(node)
        if kind == "function":
            return self._function_inputs(node)
        if kind != "op":
            return []
        found = []
        edges = node.next_functions
        for at, (name, state, value, first, n, changed, saved) in enumerate(self.arguments(node)):
            entries = value if isinstance(value, tuple) else None
            if state == "edge":
                for i in range(n):
                    after, nr = edges[first + i]
                    item = i if n > 1 or entries is not None else None
                    own = entries[i] if entries is not None and i < len(entries) else None
                    if after is None:
                        if own is not None:
                            found.append(Input(name, own, None, at, item, saved))
                        continue
                    known, lost = None, None
                    if changed:
                        lost = "the leaf has been changed since"
                    else:
                        known = self.value(after, nr)
                        lost = self.lost.get((id(after), nr))
                    found.append(Input(name, known, (after, nr), at, item, saved, lost))
            elif state == "known" and entries is not None:
                for i, entry in enumerate(entries):
                    if hasattr(entry, "grad_fn"):
                        found.append(Input(name, entry, None, at, i, saved))
            elif state == "known" and hasattr(value, "grad_fn"):
                found.append(Input(name, value, None, at, None, saved))
        return found

    def _function_inputs(self, node):
        given = {-1 - nr: t for nr, t in _C._node_results(node).items() if nr < 0}
        found = []
        for i, (after, nr) in enumerate(node.next_functions):
            value = given.get(i)
            if value is None and after is not None:
                value = self.value(after, nr)
            edge = None if after is None else (after, nr)
            lost = None if value is not None else "not kept"
            found.append(Input(f"input {i}", value, edge, i, None, True, lost))
        return found

    def run(self, node, inputs):
        """The operation for these inputs: (outputs, None) or (None, why not)."""
        arguments = self.arguments(node)
        values = [None] * len(arguments)
        for item in inputs:
            if item.value is None:
                if item.argument == 0 and title(node) in ("Copy", "Zero", "Fill"):
                    continue  # the old value does not matter
                return None, f"{item.name} of {title(node)} is not known: {item.lost}"
            if item.item is None:
                values[item.argument] = item.value
            else:
                full = values[item.argument] or ()
                full += (None,) * (item.item + 1 - len(full))
                values[item.argument] = full[: item.item] + (item.value,) + full[item.item + 1 :]
        try:
            outputs = _C._recompute(node, tuple(values))
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            return None, f"{title(node)} refuses to run again: {str(error).splitlines()[0]}"
        if outputs is None:
            packed = [name for name, state, *_ in arguments if state == "packed"]
            if packed:
                return None, (
                    f"{', '.join(packed)} of {title(node)} is packed by saved_tensors_hooks, "
                    "which are not called"
                )
            gone = [name for name, state, *_ in arguments if state == "gone"]
            if gone:
                return None, (
                    f"{', '.join(gone)} of {title(node)} was not kept: the graph was recorded "
                    "before watch_nonfinite(), or it has been changed since"
                )
            return None, f"{title(node)} draws random numbers"
        return outputs, None

    def slices(self, node):
        """Of a write into a view: (write's node, the written part's inputs, geometry)."""
        write, target, sizes, strides, view_sizes, view_strides, offset = self.parts(node)
        before, nr = node.next_functions[target]
        base = None if before is None else self.value(before, nr)
        part = None
        if base is not None:
            part = spread(base, sizes, strides).as_strided(view_sizes, view_strides, offset)
        if self.kind(write) != "op":
            return write, [], (sizes, strides, view_sizes, view_strides, offset, base)
        inputs = []
        edges = write.next_functions
        for item in self.inputs(write):
            if item.edge is not None and item.edge == edges[target]:
                lost = None if part is not None else "what the write replaced is not known"
                item = Input(item.name, part, item.edge, item.argument, item.item, item.saved, lost)
            inputs.append(item)
        return write, inputs, (sizes, strides, view_sizes, view_strides, offset, base)

    def _write(self, node):
        write, inputs, (sizes, strides, view_sizes, view_strides, offset, base) = self.slices(node)
        if self.kind(write) == "op":
            outputs, why = self.run(write, inputs)
        else:
            outputs = (_C._node_results(write).get(0),)
            why = "the write's result was not kept"
        if outputs is None or outputs[0] is None:
            return None, why
        if base is None:
            # A buffer without history: what is not written is taken to be 0.
            self.assumed.add(id(node))
            base = outputs[0].new_zeros(sizes)
        out = spread(base, sizes, strides)
        out.as_strided(view_sizes, view_strides, offset).copy_(outputs[0])
        return (out,), None


def spread(t, sizes, strides):
    """A copy with exactly these strides."""
    reach = 1 + sum((n - 1) * s for n, s in zip(sizes, strides)) if 0 not in sizes else 0
    out = t.new_zeros((reach,)).as_strided(sizes, strides, 0)
    out.copy_(t)
    return out


def with_healed(t, keep=None, positions=None):
    """A copy whose infinities and nan are HEALED.

    keep: (start, stop) in `positions`, the flat places of the bad ones that stay.
    """
    healed = where(isfinite(t), t, t.new_full((), HEALED)).contiguous()
    if keep is not None:
        chosen = positions[keep[0] : keep[1]]
        healed.view(-1)[chosen] = t.reshape(-1)[chosen]
    # As it lay: as_strided() would see other elements.
    return healed if t.is_contiguous() else empty_like(t).copy_(healed)


def carrier(tensors, still_bad, index, shape):
    """Which entry of which tensor made a result bad.

    tensors: values, some of them bad. still_bad(tensors): whether the result is bad for these.
    index, shape: the result's place, for a guess. Returns: (which, index), or None where the result
    is bad without any of them. Cost: about log2(n) runs for n bad entries.
    """
    bad = [i for i, t in enumerate(tensors) if is_bad(t)]

    def replaced(i, t):
        return [*tensors[:i], t, *tensors[i + 1 :]]

    def healed_all():
        return [with_healed(t) if i in bad else t for i, t in enumerate(tensors)]

    if not bad:
        return None
    if still_bad(healed_all()):
        # inf / 0 is bad for two reasons: was it by itself, with harmless numbers beside it?
        for i in bad if len(tensors) > 1 else ():
            place = _same_place(tensors[i].shape, index, shape)
            if place is None or not bad_at(tensors[i], place):
                continue
            beside = [t if k == i else full_like(t, HEALED) for k, t in enumerate(tensors)]
            if still_bad(beside):
                return i, place
        return None
    chosen = next((i for i in bad if not still_bad(replaced(i, with_healed(tensors[i])))), None)
    others = tensors
    if chosen is None:  # several, each of which is enough
        chosen = bad[0]
        others = healed_all()
        chosen = next(
            (i for i in bad if still_bad([*others[:i], tensors[i], *others[i + 1 :]])), bad[0]
        )
    t = tensors[chosen]
    positions = (~isfinite(t)).reshape(-1).nonzero().reshape(-1)
    low, high = 0, positions.shape[0]

    def alone(start, stop):
        part = with_healed(t, (start, stop), positions)
        return still_bad([*others[:chosen], part, *others[chosen + 1 :]])

    guess = _same_place(t.shape, index, shape)
    if guess is not None and bad_at(t, guess):
        flat = 0
        for i, size in zip(guess, t.shape):
            flat = flat * size + i
        at = int((positions < flat).sum())
        if high == 1 or alone(at, at + 1):
            return chosen, guess
    while high - low > 1:
        middle = (low + high) // 2
        if alone(low, middle):
            high = middle
        elif alone(middle, high):
            low = middle
        else:
            break
    return chosen, unravel(int(positions[low]), t.shape)


def _same_place(shape, index, whole):
    """The index of a broadcast operand for the result's index; None where it is not one."""
    if len(shape) > len(whole) or len(index) != len(whole):
        return None
    place, lead = [], len(whole) - len(shape)
    for size, i, n in zip(shape, index[lead:], whole[lead:]):
        if size not in (1, n):
            return None
        place.append(0 if size == 1 else i)
    return tuple(place)


def value_at(t, index, shape):
    """What a broadcast operand has at the result's index, a number; None where that is no place."""
    place = None if t is None else _same_place(t.shape, index, shape)
    if place is not None and any(i >= n for i, n in zip(index, shape)):
        place = None
    return None if place is None else t[place].item()
