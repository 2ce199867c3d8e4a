"""The way out of an error in the terms of the statement at fault: ``y = y + 1`` for ``y += 1``.

The core calls the public functions by name with a code object and an instruction offset, while it
builds an error: they read source text, never a frame, so nothing is kept alive. An empty answer
stands for "not known"; what one of them raises is dropped, and the core's own words are used.
"""

import ast
import dis
import functools
import linecache

_LONGEST = 88  # of a line that a message repeats
_MOST_LINES = 6


@functools.lru_cache(maxsize=4)
def _parsed(text):
    return ast.parse(text)


def _span(node):
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


class _Place:
    """The statement, and the expression in it, that an instruction belongs to; None if unknown."""

    statement = expression = None

    def __init__(self, code, offset):
        line, end_line, column, end_column = list(code.co_positions())[offset // 2]
        self.lines = linecache.getlines(code.co_filename)
        # A call of a Python function stands at the cache behind its instruction.
        self.opname = [i.opname for i in dis.get_instructions(code) if i.offset <= offset][-1]
        if None in (line, end_line, column, end_column) or not self.lines:
            return
        begin, end = (line, column), (end_line, end_column)
        for node in ast.walk(_parsed("".join(self.lines))):
            if not hasattr(node, "end_lineno"):
                continue
            first, last = _span(node)
            if isinstance(node, ast.expr) and (first, last) == (begin, end):
                self.expression = node
            # Walked breadth first: the last that fits is the innermost.
            if isinstance(node, ast.stmt) and first <= begin and end <= last:
                self.statement = node
        if hasattr(self.statement, "body"):  # of `if x.add_(1) > 0:` the header alone is meant
            self.statement = None

    def text(self, node):
        """The source of a node on one line; empty where that is long."""
        text = ast.unparse(node)
        return text if len(text) <= _LONGEST else ""


def _method_call(node):
    """(receiver, name) of ``receiver.name(...)``, else (None, "")."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value, node.func.attr
    return None, ""


def _is_module(node):
    """Whether ``node.name_(x)`` calls a function of a module: ``torch.exp_(x)``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("torch", "rushlight", "rl", "F", "nn", "init")


def under_no_grad(code, offset):
    """The statement in a no_grad block, indented as the error shows it."""
    if code.co_name == "<lambda>":  # its statement is the one that defines it
        return (
            "parameters are updated outside the graph: call the lambda that does it in a "
            "`with torch.no_grad():` block."
        )
    place = _Place(code, offset)
    node = place.statement or place.expression
    if node is None:
        return ""
    lines = place.lines[node.lineno - 1 : node.end_lineno]
    begin = len(lines[0].encode()[: node.col_offset].decode())
    end = len(lines[-1].encode()[: node.end_col_offset].decode())
    lines[-1] = lines[-1][:end]
    lines = [lines[0][begin:], *(_outdented(line, begin) for line in lines[1:])]
    if len(lines) > _MOST_LINES or max(map(len, lines)) > _LONGEST:
        return ""
    body = "".join(f"\n             {line.rstrip()}" for line in lines)
    return f"parameters are updated outside the graph:\n         with torch.no_grad():{body}"


def _outdented(line, columns):
    """Without the indentation of the statement that it continues."""
    return line[min(columns, len(line) - len(line.lstrip())) :]


def out_of_place(code, offset):
    """``use `y = y + 1`, or clone `y` before changing it.``"""
    place = _Place(code, offset)
    if _method_call(place.expression)[1] == "step":
        step = place.text(place.expression)
        return (
            f"call backward() before `{step}`, or compute the loss again after it." if step else ""
        )
    found = _rewritten(place)
    if found is None:
        return ""
    target, form = found
    name = place.text(target)
    if form is None:
        return f"write into a copy: `{name} = {name}.clone()` first." if name else ""
    form = place.text(form)
    return f"use `{form}`, or clone `{name}` before changing it." if name and form else ""


def _rewritten(place):
    """(what is changed, the code that makes a new tensor instead; None for a part or a view)."""
    statement, call = place.statement, place.expression
    if isinstance(statement, ast.AugAssign) and not isinstance(call, ast.Call):
        if place.opname == "STORE_SUBSCR":
            return _written(statement.target)
        value = ast.BinOp(statement.target, statement.op, statement.value)
        return statement.target, _assign(statement.target, value)
    if isinstance(call, ast.Subscript) and place.opname == "STORE_SUBSCR":
        return _written(call)
    receiver, name = _method_call(call)
    changed, value = _new_value(receiver, name, call)
    if changed is None:
        return None
    if isinstance(changed, ast.Subscript):
        return _written(changed)
    alone = isinstance(statement, ast.Expr) and statement.value is call
    if alone and not _is_target(changed):
        return _written(changed)
    return changed, _assign(changed, value) if alone else value


def _new_value(receiver, name, call):
    """(the tensor that a call changes, the call that makes a new one); (None, None) if unknown."""
    nothing = None, None
    if not isinstance(call, ast.Call):
        return nothing
    options = {k.arg: k.value for k in call.keywords}
    left = [k for k in call.keywords if k.arg not in ("out", "inplace")]
    if isinstance(options.get("out"), ast.Name | ast.Attribute):
        return options["out"], ast.Call(call.func, call.args, left)
    if "inplace" in options and call.args:
        return call.args[0], ast.Call(call.func, call.args, left)
    if receiver is None or not name.endswith("_") or name.endswith("__"):
        return nothing
    if _is_module(receiver):
        if not call.args or not _is_function(receiver, name[:-1]):
            return nothing
        function = ast.Attribute(receiver, name[:-1])
        return call.args[0], ast.Call(function, call.args, call.keywords)
    if name == "copy_" and call.args:
        return receiver, ast.Call(ast.Attribute(call.args[0], "clone"), [], [])
    if name in ("zero_", "fill_"):
        like = ast.Attribute(ast.Name("torch"), "zeros_like" if name == "zero_" else "full_like")
        return receiver, ast.Call(like, [receiver, *call.args], call.keywords)
    from rushlight import Tensor

    if not hasattr(Tensor, name[:-1]):
        return nothing
    return receiver, ast.Call(ast.Attribute(receiver, name[:-1]), call.args, call.keywords)


def _assign(target, value):
    return ast.fix_missing_locations(ast.Assign([target], value))


def _is_function(module, name):
    """Whether the module that an expression means, by its usual name, has a function."""
    import rushlight
    from rushlight.nn import functional

    first, *rest = ast.unparse(module).split(".")
    found = {"F": functional, "nn": rushlight.nn, "init": rushlight.nn.init}.get(first, rushlight)
    for part in rest:
        found = getattr(found, part, None)
    return callable(getattr(found, name, None))


def _is_target(node):
    """Whether a result can be bound to it: no call, and no attribute that a tensor computes."""
    from rushlight import Tensor

    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute) and node.attr != "grad" and hasattr(Tensor, node.attr):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _written(node):
    """(``y``, None) of ``y[0][1]``, ``y.view(-1)`` and ``y.T``: a copy of y is to be written."""
    while not _is_target(node) or isinstance(node, ast.Subscript):
        if isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            return None
    return None if _is_module(node) else (node, None)


def without_out(code, offset):
    """``torch.add(x, 1, out=y)`` as ``torch.add(x, 1)``."""
    place = _Place(code, offset)
    call = place.expression
    if not isinstance(call, ast.Call) or not any(k.arg == "out" for k in call.keywords):
        return ""
    text = place.text(ast.Call(call.func, call.args, [k for k in call.keywords if k.arg != "out"]))
    return f"use the result of `{text}`, or write under torch.no_grad()." if text else ""


def detached(code, offset):
    """``y.requires_grad_(False)`` and ``y.requires_grad = False`` as ``y = y.detach()``."""
    place = _Place(code, offset)
    receiver, name = _method_call(place.expression)
    if name != "requires_grad_":
        target = place.expression or getattr(place.statement, "targets", [None])[0]
        if not isinstance(target, ast.Attribute) or target.attr != "requires_grad":
            return ""
        receiver = target.value
    name = place.text(receiver)
    return f"take the values without the history: `{name} = {name}.detach()`." if name else ""


def numpy(code, offset):
    """``y.numpy()`` as ``y.detach().numpy()``."""
    place = _Place(code, offset)
    receiver, name = _method_call(place.expression)
    if name != "numpy":
        return ""
    detached = ast.Call(ast.Attribute(receiver, "detach"), [], [])
    form = place.text(ast.Call(ast.Attribute(detached, "numpy"), [], []))
    return f"use `{form}`." if form else ""


def scalar_root(code, offset):
    """Both ways out of ``y.backward()`` for a ``y`` with several elements."""
    place = _Place(code, offset)
    receiver, name = _method_call(place.expression)
    if name != "backward" or _is_module(receiver):
        return ""
    y = ast.unparse(receiver)
    if len(y) > _LONGEST // 3:
        return ""
    of = (
        y if isinstance(receiver, ast.Name | ast.Attribute | ast.Call | ast.Subscript) else f"({y})"
    )
    return (
        f"reduce it first, as in `{of}.sum().backward()`, or pass the gradient: "
        f"`{of}.backward(torch.ones_like({y}))`."
    )


def carried(code, offset):
    """How a state that a loop carries on is cut off from the last round."""
    from rushlight._site import resolve

    name = resolve(code, offset).name
    if name is None:
        return ""
    return f"cut the carried value off between the passes: `{name} = {name}.detach()`."


def made_non_leaf(code, offset):
    """``w = torch.ones(2, requires_grad=True) * 0.1``: whose .grad stays None."""
    from rushlight._site import resolve

    name = resolve(code, offset).name
    if name is None:
        return ""
    return (
        f"`{name}` is a result, whose .grad stays None: call `{name}.retain_grad()` before "
        "backward(), or change a leaf in place under torch.no_grad() instead of binding its name "
        "to a result."
    )


def input_names(code, offset):
    """The inputs of ``grad(loss, [w, b])``, a line each; ``*params`` of ``grad(loss, params)``."""
    call = _Place(code, offset).expression
    if not isinstance(call, ast.Call):
        return ""
    given = {k.arg: k.value for k in call.keywords}.get("inputs")
    if given is None and len(call.args) > 1:
        given = call.args[1]
    if given is None or any(isinstance(a, ast.Starred) for a in call.args[:2]):
        return ""
    if not isinstance(given, ast.List | ast.Tuple):
        return "*" + ast.unparse(given)
    if any(isinstance(part, ast.Starred) for part in given.elts):
        return ""
    return "\n".join(ast.unparse(part) for part in given.elts)
