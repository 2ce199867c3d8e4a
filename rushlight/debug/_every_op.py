"""What is told of an operation that made the first infinity or nan, where each is watched."""

from rushlight import _C
from rushlight._site import line_of

_C._add_package_globals(globals())


def _index(tensor):
    """The first place of the tensor that is not finite, as a tuple of ints."""
    flat, index = _C._first_nonfinite(tensor), []
    for size in reversed(tensor.shape):
        index.append(flat % size)
        flat //= size
    return tuple(reversed(index))


def _at(tensor, index):
    """The element that a broadcast operand has for an index of the result; None without one."""
    if tensor.dim() > len(index):
        return None
    own = index[len(index) - tensor.dim() :]
    own = tuple(0 if size == 1 else i for i, size in zip(own, tensor.shape, strict=True))
    if any(i >= size for i, size in zip(own, tensor.shape, strict=True)):
        return None
    return tensor[own].item()


def _named(tensor, index):
    """``-inf at [2, 0]``, the place left out for a single number."""
    place = f" at {list(index)}" if index else ""
    return f"{tensor.detach()[index].item()}{place}"


def _operands(arguments, index, in_place):
    """One line per argument: its number, or its element at the index, or its shape."""
    for name, value in arguments:
        if not isinstance(value, _C.Tensor):
            yield name, f"{value}"
        elif in_place and name == "input":
            yield name, "overwritten; it was finite"
        else:
            element = _at(value.detach(), index)
            shape = f"of shape {tuple(value.shape)}, finite"
            yield name, shape if element is None else f"{element}{' there' if index else ''}"


def story(kind, name, node, site, tensor, position, arguments):
    """Return the message about a result that is not finite, where all that it came from is.

    kind: "op", "node", "hook" or "root"; name: of the operation or the node; node: None for an
        operation; site: where it was computed or recorded; tensor: the result, which is output or
        gradient number `position`; arguments: pairs of a name and a Tensor or number.
    Returns: str.
    """
    with _C.no_grad():
        index = _index(tensor)
        bad = _named(tensor, index)
        lines = []
        if kind == "op":
            title = f"{name}() gave {bad} from finite values"
            lines.append(("computed by", line_of(site)))
            lines.extend(_operands(arguments, index, name.endswith("_")))
        elif kind == "node":
            title = f"Function '{name}' gave a gradient with {bad} from finite values"
            lines.append(("gradient of", line_of(site)))
            lines.append(("for", _receiver(node, position)))
        elif kind == "hook":
            title = f"a hook made a gradient of '{name}' have {bad}"
            lines.append(("gradient of", line_of(site)))
        else:
            title = f"the backward pass begins with a gradient that has {bad}"
            lines.append(("given to", line_of(site)))
    return "\n".join([title, *(f"  {label:<13} {text}" for label, text in lines if text)])


def _receiver(node, position):
    """Whose gradient a node's result is: the variable of the statement behind it, or a leaf."""
    target = node.next_functions[position][0]
    if target is None:
        return ""
    if hasattr(target, "variable"):
        return f"a leaf of shape {tuple(target.variable.shape)}"
    return line_of(target.site)
