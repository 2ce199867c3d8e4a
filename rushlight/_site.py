"""Where an operation came from: a code object and an instruction offset become file, line and name.

The core keeps only the pair; it comes here when somebody looks: at ``grad_fn.site``, at a picture
of the graph, or at an error.
"""

import dis
import functools
import linecache
import os
import weakref
from bisect import bisect_right
from typing import NamedTuple


class Site(NamedTuple):
    """The source expression behind a graph node.

    filename, lineno, end_lineno: its place; None where the code object does not know.
    column, end_column: characters from the start of its first and last line; None under
        ``-X no_debug_ranges``.
    name: the variable that the result was stored in, as ``loss`` or ``self.w``; None without one.
    source: the lines it stands on, whole; empty where there is no source.
    """

    filename: str
    lineno: int | None
    end_lineno: int | None
    column: int | None
    end_column: int | None
    name: str | None
    source: str

    @property
    def expression(self):
        """The expression alone; the whole lines where columns are not known."""
        lines = self.source.split("\n")
        if not self.source or self.column is None or self.end_column is None:
            return self.source
        lines[-1] = lines[-1][: self.end_column]
        lines[0] = lines[0][self.column :]
        return "\n".join(lines)

    def __str__(self):
        return f"{os.path.basename(self.filename)}:{self.lineno}"


_LOADS = ("LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLASSDEREF")
_STORES = ("STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF")
# What may stand between an operation and the store of its result.
_BETWEEN = ("CACHE", "EXTENDED_ARG", "CALL", "COPY", "NOP", "PRECALL")


def _names_of(instruction):
    """The variables of an instruction; one may stand for two since Python 3.12."""
    names = instruction.argval
    return names if isinstance(names, tuple) else (names,)


def _attribute_target(instructions, i):
    """The target of ``a.b.c = result``, whose loads begin at i; None where something else does."""
    first = instructions[i]
    if not first.opname.startswith(_LOADS):
        return None
    parts = [_names_of(first)[0]]
    for instruction in instructions[i + 1 :]:
        if instruction.opname == "EXTENDED_ARG":
            continue
        parts.append(instruction.argval)
        if instruction.opname == "STORE_ATTR":
            return ".".join(parts)
        if instruction.opname != "LOAD_ATTR":
            return None
    return None


def _augmented_target(instructions, i, attribute):
    """The target of ``a.b += x``, whose value was taken before instruction i; None as above."""
    back = (instructions[j] for j in range(i - 1, -1, -1))
    back = (instruction for instruction in back if instruction.opname != "EXTENDED_ARG")
    taken = next(back, None)
    for instruction in back:
        if instruction.opname == "COPY" and (taken.opname, taken.argval) == (
            "LOAD_ATTR",
            attribute,
        ):
            break
        taken = instruction
    parts = [attribute]
    for instruction in back:
        if instruction.opname == "LOAD_ATTR":
            parts.append(instruction.argval)
        elif instruction.opname.startswith(_LOADS):
            parts.append(_names_of(instruction)[-1])
            return ".".join(reversed(parts))
        else:
            return None
    return None


def _target(instructions, i):
    """The variable that takes the result of instruction i."""
    precall = instructions[i].opname == "PRECALL"
    for j in range(i + 1, len(instructions)):
        instruction = instructions[j]
        opname = instruction.opname
        if opname in _BETWEEN and (opname != "CALL" or precall):
            # Only COPY 1, of `a = b = result` and `(a := result)`, leaves the result on top.
            if opname == "COPY" and instruction.arg != 1:
                return None
            precall = precall and opname != "CALL"
            continue
        if opname == "SWAP":
            rest = range(j + 1, len(instructions))
            following = (instructions[k] for k in rest if instructions[k].opname != "EXTENDED_ARG")
            following = next(following, None)
            # `a.b += x` keeps the object under the result.
            if instruction.arg == 2 and following and following.opname == "STORE_ATTR":
                return _augmented_target(instructions, i, following.argval)
            return None
        if opname.startswith(_STORES):
            return _names_of(instruction)[0]
        return _attribute_target(instructions, j)
    return None


_known = {}  # by id, for hashing code reads all of it; what is looked at keeps no code alive


def _instructions(code):
    """(reference, instructions, where in that list an offset is, all positions, stores) of code.

    stores: {name: offsets at which it is stored into}, an attribute's name after a dot.
    """
    key = id(code)
    if key not in _known:
        instructions = list(dis.get_instructions(code))
        index = {instruction.offset: i for i, instruction in enumerate(instructions)}
        reference = weakref.ref(code, lambda _, pop=_known.pop: pop(key, None))
        stores = {}
        for instruction in instructions:
            if instruction.opname == "STORE_ATTR":
                stores.setdefault(f".{instruction.argval}", []).append(instruction.offset)
            elif instruction.opname.startswith(_STORES):
                for name in _names_of(instruction):
                    stores.setdefault(name, []).append(instruction.offset)
        _known[key] = reference, instructions, index, list(code.co_positions()), stores
    return _known[key]


def _name(code, offset):
    _, instructions, index, *_ = _instructions(code)
    i = index.get(offset)
    return None if i is None else _target(instructions, i)


def is_stored_between(code, start, end, text):
    """Whether a variable or attribute is stored into between two instructions of code.

    start, end: offsets in bytes; where the end is not after the start, anywhere counts.
    text: ``y``, or ``self.y``, of which each part counts.
    """
    first, *rest = text.split(".")
    _, _, _, _, stores = _instructions(code)
    for name in (first, *(f".{part}" for part in rest)):
        offsets = stores.get(name, ())
        at = bisect_right(offsets, start) if start < end else 0
        if at < len(offsets) and (offsets[at] < end or start >= end):
            return True
    return False


def _characters(line, column):
    """Count characters where the code object counts UTF-8 bytes."""
    if column is None or line.isascii():
        return column
    return len(line.encode()[:column].decode(errors="replace"))


def resolve(code, offset):
    """Return the Site of an instruction.

    code: a code object. offset: in bytes, of one of its instructions.
    Returns: Site.
    Raises: nothing; what is not known is None or empty.
    """
    positions, at = _instructions(code)[3], offset // 2
    lineno, end_lineno, column, end_column = positions[at] if at < len(positions) else (None,) * 4
    lines = []
    if lineno is not None:
        linecache.checkcache(code.co_filename)  # the file may have been edited and reloaded
        last = lineno if end_lineno is None else end_lineno
        lines = [linecache.getline(code.co_filename, n) for n in range(lineno, last + 1)]
        lines = [line.rstrip("\n") for line in lines]
    if any(lines):
        column = _characters(lines[0], column)
        if column and lines[0][:column].rstrip().endswith("."):
            # A method on a line of its own: code objects say where its name is.
            column = lines[0].rindex(".", 0, column)
        end_column = _characters(lines[-1], end_column)
    return Site(
        code.co_filename,
        lineno,
        end_lineno,
        column,
        end_column,
        _name(code, offset),
        "\n".join(lines) if any(lines) else "",
    )


_LONGEST = 60


def _one_line(text):
    """The text with its white space folded, cut where it is too long for a message."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


@functools.lru_cache(512)
def _is_assignment(text):
    import ast

    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError):
        return False
    return len(body) == 1 and isinstance(body[0], ast.Assign | ast.AugAssign | ast.AnnAssign)


def stored(name, expression, whole=False):
    """``y = w * x``: an expression under the variable that its result is stored in.

    name: None without one. expression: may be empty, and ``y += x`` as it is one operation itself.
    whole: it is the line that the operation stands on. Before a method that stands on a line of
    its own there is more: ``z = ….sum()``.
    """
    if not name or not expression:
        return expression or name or ""
    if whole or ("=" in expression and _is_assignment(expression)):
        return expression
    return f"{name} = {'…' if expression.startswith('.') else ''}{expression}"


def describe(code, offset):
    """Return the line that an error shows of an instruction, as ``line_of`` does."""
    return line_of(resolve(code, offset))


def line_of(site):
    """Return the line an error shows: ``y = torch.exp(x)          train.py:12``.

    site: a Site, or None.
    Returns: str, the statement's line where the expression is all of it, else the expression; only
        name and place where there is no source.
    """
    if site is None or site.lineno is None:
        return ""
    if not site.source:
        return f"{site.name} = …  {site}" if site.name else str(site)
    line = _one_line(site.source)
    expression = _one_line(site.expression)
    alone = "\n" not in site.source and len(line) < _LONGEST
    text = line if alone and not line.endswith(":") else expression or line
    return f"{text:<24}  {site}"


def describe_function(function):
    """Return the line on which a function begins: ``def hook(g):          train.py:7``.

    function: any callable; partials, bound methods and decorated functions are looked through.
    Returns: str, empty where it is not written in Python.
    """
    while True:
        inner = getattr(function, "__wrapped__", None) or getattr(function, "func", None)
        inner = inner or getattr(function, "__func__", None)
        if inner is None:
            break
        function = inner
    code = getattr(function, "__code__", None)
    if code is None:
        call = vars(type(function)).get("__call__")  # of an object that can be called
        code = getattr(call, "__code__", None)
    if code is None:
        return ""
    number = code.co_firstlineno
    line = linecache.getline(code.co_filename, number).strip()
    while line.startswith("@"):  # the code object begins at its decorators
        number += 1
        line = linecache.getline(code.co_filename, number).strip()
    place = f"{os.path.basename(code.co_filename)}:{number}"
    return f"{_one_line(line or code.co_qualname):<24}  {place}"
