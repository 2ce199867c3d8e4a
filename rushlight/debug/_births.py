"""Where an infinity or nan was born in a forward pass: back from it to the node that made it."""

import math
from typing import NamedTuple

from rushlight import _C
from rushlight._site import line_of

from ._values import bad_at, carrier, first_bad, is_bad, title, value_at

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


def number_at(t, index):
    return t[index].item()


def shown_inputs(inputs, index, shape):
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


def constants_of(values, node):
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
        constants = constants_of(values, place) if values.kind(place) == "op" else ()
        at = number_at(out, index)
        steps.append(
            Step(
                "forward",
                title(place),
                place.name(),
                place.site or node.site,
                index,
                at,
                shown_inputs(inputs, index, out.shape) + constants,
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
                notes.append(first_seen(steps[-1]))
            notes += [f"{i.name} of {title(place)} is not known: {i.lost}" for i in unknown]
            break
        item, index = floats[found[0]], found[1]
        if item.edge is None:
            kind, source = "data", item.value
            break
        if what == "slices" and item.edge == node.next_functions[values.parts(node)[1]]:
            index = outside_index(index, part_strides, offset, sizes, strides)
        node, nr = item.edge
    steps.reverse()
    if kind == "data" and source is not None:
        steps.insert(0, data_step(source, index))
    if any(id(n) in values.assumed for n in values.nodes):
        notes.append("what a buffer held before it was written into is taken to be 0")
    steps, extra = _without_deliberate(kind, steps, source)
    if extra:
        kind = "forward"
        notes += extra
    source = source if kind == "data" else None
    return Birth(kind, steps, source, (*notes, *values.notes), _before(node))


def first_seen(step):
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


def data_step(source, index):
    site = _C._last_writer(source)
    return Step("forward", "", "", site, index, number_at(source.detach(), index), ())


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


def outside_index(index, part_strides, offset, sizes, strides):
    """The index in the whole tensor of an element of the written part."""
    flat = offset + sum(i * s for i, s in zip(index, part_strides))
    return _inside([flat], [1], sizes, strides, 0)
