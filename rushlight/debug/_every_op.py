"""watch_nonfinite(every_op=True): the report of an operation whose result is not finite."""

from rushlight import _C, Tensor

from ._births import Birth, Step
from ._report import NonfiniteReport
from ._values import first_bad, title_of, value_at

_C._add_package_globals(globals())


def _inputs(pairs, index, shape):
    """(name, number) of what was given at the place of the result."""
    shown = []
    for name, value in pairs:
        if isinstance(value, Tensor):
            if not value.is_floating_point():
                continue
            value = value_at(value.detach(), index, shape)
        if value is not None:
            shown.append((name, value))
    return tuple(shown)


def _saved(node):
    """What the derivative of an operation's node was computed from, but not what is packed."""
    rule = _C._node_rule(node)
    for name, value in rule[4].items() if rule else ():
        if name != "n" and isinstance(value, Tensor | int | float) and not isinstance(value, bool):
            yield "result" if name == "y" else name, value


_KINDS = {
    "op": "forward",
    "pass": "backward",
    "node": "backward",
    "hook": "hook",
    "root": "gradient",
}


def report_of(kind, name, node, site, tensor, position, arguments):
    """Return the NonfiniteReport about a result, where all that it came from is finite.

    kind: "op", "pass" for an operation while a backward pass runs, as of a custom Function's
        backward(), "node", "hook" or "root"; name: of the node that records the operation; node:
        None for an operation; site: where it was computed or recorded; tensor: the result, which is
        output or gradient number `position`; arguments: pairs of a name and a Tensor or number.
    """
    index = first_bad(tensor)
    value = tensor.detach()[index].item()
    if kind == "node":
        arguments = _saved(node)
    direction = "forward" if kind == "op" else "backward"
    inputs = _inputs(arguments, index, tensor.shape)
    gave = "output" if kind in ("op", "pass") else "gradient"
    step = Step(direction, title_of(name), name, site, index, value, inputs, gave)
    subject = site and site.name
    if kind in ("op", "pass"):
        subject = subject or "the result"
    elif kind == "node":
        subject = f"gradient {position} of {title_of(name)}"
    else:
        subject = f"the gradient of {subject or title_of(name)}"
    return NonfiniteReport(subject, index, value, Birth(_KINDS[kind], [step]))
