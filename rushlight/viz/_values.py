"""``graph(loss, values=True)``: what can be known of values and gradients afterwards."""

import contextlib

from rushlight import _C
from rushlight.debug import _values as debug_values
from rushlight.debug._holders import variables
from rushlight.debug._story import no_grad_kept

from . import _graph_of, _record
from ._model import LEAF, column

_C._add_package_globals(globals())

FEW = 2000  # nodes of a graph whose values are computed again, and whose rules have numbers
_AGAIN = "Trying to backward through the graph a second time"


@contextlib.contextmanager
def _undisturbed():
    """Nobody raises for a nan here, which is what is looked for; no recording takes part."""
    from rushlight.autograd import set_detect_anomaly

    before = _C._pause_nonfinite(True)
    blind = _C._Tape(False, 0, _unnamed, True)
    blind.start()
    try:
        with set_detect_anomaly(False), no_grad_kept():
            yield
    finally:
        blind.stop()
        _C._pause_nonfinite(before)


def _check_size(raw, max_bytes):
    """Raises: RuntimeError where the outputs of all nodes have more bytes."""
    total = sum(column("f64", raw["outs"][5]))
    if total > max_bytes:
        n = len(raw["flags"]) // 2
        raise RuntimeError(
            f"graph(): the values of {n} nodes have {total:,.0f} bytes, more than max_bytes="
            f"{max_bytes}\n  fix: pass a larger max_bytes, leave values=True out, or run the pass "
            "under `with rushlight.record() as tape:`."
        )


def _unnamed(leaves):
    return ["a leaf of no name"] * len(leaves)  # the caller's frame is asked afterwards


def _pass(roots, leaves, max_bytes):
    """(what a tape tells of a pass that changes no .grad, None), or (None, why not)."""
    from rushlight.autograd import grad

    tape = _C._Tape(True, max_bytes, _unnamed, True)
    ones = [_C.ones_like(root) for root in roots]
    tape.start()
    try:
        grad(roots, leaves, ones, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        if not str(error).startswith(_AGAIN):
            raise
        return None, error
    finally:
        tape.stop()
        raw = tape.result()
        tape.forget()
    return raw, None


def _tensors_of(frame):
    """The tensors in the variables of a frame and of those that called it."""
    for _ in range(6):
        if frame is None:
            return
        for _, value in (*variables(frame), *list(dict.items(frame.f_globals))):
            if type(value) is _C.Tensor:  # of a class of its own, attributes may run code
                yield value
        frame = frame.f_back


def _forward_values(raw, roots, frame):
    """[(node, output, summary)] of what is known of values.

    Results that a variable holds, what nodes saved, and what can be computed again from both.
    """
    nodes = raw["nodes"]
    known = debug_values.Values([root.grad_fn for root in roots if root.grad_fn is not None])
    for tensor in (*roots, *_tensors_of(frame)):
        if tensor.requires_grad and tensor.grad_fn is not None:
            known.give(tensor.grad_fn, tensor.output_nr, tensor)
    found, flags = [], column("u16", raw["flags"])
    slots = {}
    for node, slot in zip(column("u32", raw["outs"][0]), raw["outs"][1], strict=True):
        slots.setdefault(node, []).append(slot)
    with _C.no_grad():
        for number, node in nodes:
            if flags[number] & LEAF:
                continue
            for slot in slots.get(number, ()):
                value = known.value(node, slot)
                if value is not None:
                    found.append((number, slot, _C._tensor_summary(value.detach())))
    return found


def _freed_note(raw, error):
    place = next((line for line in str(error).split("\n") if "freed by" in line), "")
    place = " ".join(place.split()).removeprefix("freed by ")
    by = f" ({place})" if place else ""
    return (
        f"values and gradients inside the graph are not known: a backward pass has freed it{by}; "
        "ask before it, pass retain_graph=True to it, or run it under rushlight.record()"
    )


def graph_with_values(roots, params, frame, max_bytes):
    """The Graph of tensors, with values and gradients. Raises: as graph()."""
    for root in roots:
        if not isinstance(root, _C.Tensor):
            raise TypeError(
                "graph(): values=True needs tensors, not grad_fn objects\n"
                "  fix: pass the tensors that were computed."
            )
    raw = _C._graph_columns(roots, FEW)
    _check_size(raw, max_bytes)
    few = len(raw["flags"]) // 2 <= FEW
    with _undisturbed():
        tape, error = _pass(roots, [leaf for _, leaf in raw["leaves"]], max_bytes)
        if few and error is None:
            values = _forward_values(raw, roots, frame)
        else:
            values = _C._graph_columns(roots, 0, True)["saved_values"]
    if error is not None:
        rows = [(number, 0, leaf) for number, leaf in raw["leaves"]]
        values += [(n, slot, _C._tensor_summary(leaf.detach())) for n, slot, leaf in rows]
        graph = _graph_of.make(raw, frame, params, values=values)
        graph._model.notes.append(_freed_note(raw, error))
        return graph
    # Of the same graph. Nothing was accumulated: leaves have their turns as in backward().
    tape["order"] = raw["order"]
    graph = _record.made_graph(tape, frame, params, timed=False, values=values)
    if not few:
        graph._model.notes.append(
            f"of a graph of more than {FEW} nodes, the values inside that no node saved are known "
            "only under rushlight.record()"
        )
    return graph
