"""Numbers, names and derivatives in the words of a person who reads a backward pass."""

import ast
import functools
import re

from rushlight import _C, _site

from ._holders import variables
from ._values import title_of

_C._add_package_globals(globals())

_LONGEST = 32
_FEW = 4


# --- numbers ------------------------------------------------------------------------------------


def number(value):
    """A number as ``2.0``: six digits, with a point."""
    text = f"{float(value):.6g}"
    return text if any(c in text for c in ".einf") else text + ".0"


def number_text(text):
    """A source text that is a number in the form of ``number``; other texts as they are."""
    try:
        return number(float(text))
    except ValueError:
        return text


def is_single(value):
    """Whether it is a Tensor of one element."""
    return isinstance(value, _C.Tensor) and value.numel() == 1


def summary(value):
    """A tensor in a few words: its number, its few numbers, or shape, range and mean.

    value: Tensor, number or None, an undefined gradient. Cost: one pass over a tensor.
    """
    if value is None:
        return "None, which stands for zeros"
    if not isinstance(value, _C.Tensor):
        return str(value) if isinstance(value, bool | str) else number(value)
    with _C.no_grad():
        value = value.detach()
        if value.numel() == 1:
            return number(value.item()) if value.is_floating_point() else str(value.item())
        shape = str(tuple(value.shape))
        if value.numel() == 0:
            return f"shape {shape}, empty"
        if not value.is_floating_point():
            return f"shape {shape}, {str(value.dtype).removeprefix('torch.')}"
        if value.dim() == 1 and value.numel() <= _FEW:
            return "[" + ", ".join(map(number, value.tolist())) + "]"
        finite = value.isfinite()
        bad = value.numel() - int(finite.sum().item())
        value = (value[finite] if bad else value).to(_C.float64)
        if value.numel() == 0:
            return f"shape {shape}, none finite"
        low, high = number(value.min().item()), number(value.max().item())
        words = f"all {low}" if low == high else f"{low} to {high}"
        if low != high:
            words += f", mean {number(value.mean().item())}"
        return f"shape {shape}, {words}" + (f", {bad} not finite" if bad else "")


# --- names --------------------------------------------------------------------------------------


def _is_identifier(text):
    return text.replace(".", "").isidentifier()


# No user code runs here: no __class__ of a proxy, no __repr__ of a key, no property.


def is_a(value, kinds):
    """``isinstance`` by the type alone, without asking what a proxy stands for."""
    return issubclass(type(value), kinds)


def members_of(value):
    """The attributes in the ``__dict__`` of an object; empty where it has none."""
    members = _C._object_dict(value)
    return members if type(members) is dict else {}


def named_parameters(module, prefix=""):
    """(path, parameter) for each parameter of a module and of those below it, by their dicts."""
    waiting, seen = [(prefix, module)], set()
    while waiting:
        path, module = waiting.pop(0)
        if id(module) in seen:
            continue
        seen.add(id(module))
        members = members_of(module)
        for kind in ("_parameters", "_modules"):
            parts = members.get(kind)
            for name, part in list(dict.items(parts)) if is_a(parts, dict) else ():
                if kind == "_modules" and is_a(part, _C._ModuleBase):
                    waiting.append((f"{path}.{name}", part))
                elif kind == "_parameters" and is_a(part, _C.Tensor):
                    yield f"{path}.{name}", part


def _key_text(key):
    plain = any(type(key) is kind for kind in (str, int, bool, float, bytes, type(None)))
    return repr(key) if plain else f"<{_type_name(type(key))}>"


_type_name = type.__dict__["__name__"].__get__


def _add_names(found, name, value, depth=1):
    if is_a(value, _C.Tensor):
        found.setdefault(id(value), name)
    elif is_a(value, _C._ModuleBase):
        for path, parameter in named_parameters(value, name):
            found.setdefault(id(parameter), path)
    elif (base := next((b for b in (list, tuple) if is_a(value, b)), None)) and depth:
        if base.__len__(value) <= 64:
            for i, item in enumerate(list(base.__iter__(value))):
                _add_names(found, f"{name}[{i}]", item, depth - 1)
    elif is_a(value, dict) and depth:
        if dict.__len__(value) <= 64:
            for key, item in list(dict.items(value)):
                _add_names(found, f"{name}[{_key_text(key)}]", item, depth - 1)
    elif name == "self" and depth:
        for part, item in list(members_of(value).items()):
            _add_names(found, f"self.{part}", item, depth - 1)


def names_in(frame):
    """What a frame, and those that called it, call their tensors: a dict by id."""
    found = {}
    for _ in range(6):
        if frame is None:
            break
        for name, value in (*variables(frame), *list(dict.items(frame.f_globals))):
            if type(name) is str and name.isidentifier() and not name.startswith("__"):
                _add_names(found, name, value)
        frame = frame.f_back
    return found


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else ""


# Nodes of a write into a view, which no expression computes.
_PLUMBING = {"CopySlices": "what the view looks at", "AsStridedBackward0": "the view"}


def is_leaf_node(node):
    return node.name() == "torch::autograd::AccumulateGrad"


def op_name(node):
    """``exp`` of ExpBackward0; the class of a custom Function."""
    function = getattr(node, "_forward_cls", None)
    if function is not None:
        return function.__name__
    text = node.name().rsplit("::", 1)[-1]
    if text in _PLUMBING:
        return _PLUMBING[text]
    rule = _C._node_rule(node)
    if rule is not None:
        return rule[0].strip("_")
    return title_of(text).lower()


def result_of(node):
    """What a node computed: its expression where that is short, its variable, or the operation."""
    site = node.site
    if site is not None:
        text = _short(site.expression)
        if text and "=" not in text:
            return text
        if site.name:
            return site.name
    name = op_name(node)
    return name if node.name().rsplit("::", 1)[-1] in _PLUMBING else f"{name}(...)"


def receiver(node, names):
    """Who a gradient for a node belongs to: the leaf's name, or what the node computed."""
    if not is_leaf_node(node):
        site = node.site
        return site.name if site is not None and site.name else result_of(node)
    leaf = node.variable
    return names.get(id(leaf)) or f"a leaf of shape {tuple(leaf.shape)}"


def is_inside(node, consumer):
    """Whether a node is a part of the expression that its consumer computed: a module's, say.

    The Site of both is the user's expression; in a loop it is also that of the round before,
    unless the expression is not the node's operation itself.
    """
    if is_leaf_node(node) or (site := node.site) is None or site != consumer.site:
        return False
    rule = _C._node_rule(node)
    op, parameters = (rule[0], rule[2]) if rule is not None else ("apply", ("input",))
    return not arguments(site.expression, op, parameters)


_PLAIN = re.compile(r"[\w.]+(\[[^\[\]]*\])?")


def in_formula(text):
    """Brackets around what is no single word, number or call."""
    return text if _PLAIN.fullmatch(text) or _is_call(text) else f"({text})"


@functools.lru_cache(512)
def _is_call(text):
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.Call)
    except (SyntaxError, ValueError):
        return False


def bracketed(text):
    """Brackets around what is no word, as in d(a + b) and d(m.weight)."""
    return text if text.isidentifier() else f"({text})"


# --- the arguments of an expression -------------------------------------------------------------

_OPERATORS = {
    ast.Add: ("add",),
    ast.Sub: ("sub", "rsub"),
    ast.Mult: ("mul",),
    ast.Div: ("div",),
    ast.Pow: ("pow",),
    ast.MatMult: ("matmul", "mm", "mv", "dot", "bmm"),
    ast.Mod: ("remainder",),
    ast.FloorDiv: ("floor_divide",),
}
_FUNCTION_MODULES = {"torch", "rushlight", "F", "functional", "special", "linalg", "nn"}


@functools.lru_cache(maxsize=256)
def _parsed(expression):
    for text, mode in ((f"({expression}\n)", "eval"), (expression, "exec")):
        try:
            tree = ast.parse(text, mode=mode)
        except SyntaxError:
            continue
        if mode == "eval":
            return tree.body
        return tree.body[0] if len(tree.body) == 1 else None
    return None


def _called(tree, op):
    """The arguments of a call of the op, as a function or as a method."""
    function = tree.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name != op and name.strip("_") != op.strip("_") and op not in ("apply", ""):
        return [], {}
    values = list(tree.args)
    if isinstance(function, ast.Attribute) and op != "apply":
        owner = function.value
        last = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if last not in _FUNCTION_MODULES:
            values.insert(0, owner)
    if any(isinstance(value, ast.Starred) for value in values):
        return [], {}
    return values, {k.arg: k.value for k in tree.keywords if k.arg}


def arguments(expression, op, parameters):
    """The source of each argument by its parameter, as far as the expression shows the op itself.

    >>> arguments("2 * b", "mul", ("input", "other"))
    {'input': 'b', 'other': '2'}
    """
    tree = _parsed(expression) if expression else None
    op = op.removesuffix("_number")
    named = {}
    if isinstance(tree, ast.BinOp | ast.AugAssign):
        if op.strip("_") not in _OPERATORS.get(type(tree.op), ()):
            return {}
        if isinstance(tree, ast.BinOp):
            values = [tree.left, tree.right]
            constant = isinstance(tree.left, ast.Constant) and op in ("_mul", "mul", "_add", "add")
            if op == "rsub" or constant:
                values.reverse()
        else:
            values = [tree.target, tree.value]
    elif isinstance(tree, ast.UnaryOp) and op == "neg":
        values = [tree.operand]
    elif isinstance(tree, ast.Subscript | ast.Attribute):
        values = [tree.value]
        parameters = parameters[:1]
    elif isinstance(tree, ast.Call):
        values, named = _called(tree, op)
    else:
        return {}
    found = {p: ast.unparse(v) for p, v in zip(parameters, values, strict=False)}
    found.update((p, ast.unparse(v)) for p, v in named.items())
    return {p: short for p, text in found.items() if (short := _short(text))}


# --- derivatives --------------------------------------------------------------------------------

_PART = re.compile(r"\b(?:d[yL]/d|d)(\w+) = ")


@functools.cache
def _derivatives():
    """By op: the derivatives of its overloads that say more than "as another"."""
    found = {}
    for op in _C._op_table():
        if not op["derivative"].startswith("as "):
            found.setdefault(op["name"], op["derivative"])
    return found


def _looked_up(derivative):
    for _ in range(4):
        if not derivative.startswith("as "):
            break
        derivative = _derivatives().get(derivative[3:].strip("_"), "that of " + derivative[3:])
    return derivative


def _negative(formula):
    """Minus a formula, whose words follow it: ``d / beta, cut at -1 and 1``."""
    formula, comma, rest = formula.partition(",")
    formula, where, condition = formula.partition(" where ")
    return f"-({formula}){where}{condition}{comma}{rest}"


def rule_for(derivative, parameter, first):
    """The part of an op's derivative that is about one parameter, and whether it is a formula.

    first: it is the first one that a gradient goes to, which formulas may call x.
    """
    derivative = _looked_up(derivative)
    starts = list(_PART.finditer(derivative))
    by_name = {}
    for at, match in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(derivative)
        text = derivative[match.end() : end].rstrip(" ,;")
        # "dy/da = -dy/db = F" gives both: F for a, and -(F) for b.
        if text == "-":
            following = starts[at + 1]
            last = starts[at + 2].start() if at + 2 < len(starts) else len(derivative)
            text = derivative[following.end() : last].rstrip(" ,;")
            by_name[following[1]] = _negative(text)
        by_name.setdefault(match[1], text)
    if parameter in by_name:
        return by_name[parameter], True
    if "x" in by_name and first:
        return by_name["x"], True
    return derivative, False


# What the formulas of some ops call a parameter.
_SHORT_NAMES = {"p": "exponent", "b": "self"}
# Words that follow a number which is no factor.
_NO_FACTOR = re.compile(r" (?!(?:where|at|in|for|on|with|and|below|above)\b)(?=[A-Za-z(])")


def with_names(rule, texts):
    """A rule with the source of the arguments in the place of the op's parameters."""

    def named(match):
        symbol, space = match[1], match[2]
        text = texts.get(symbol) or texts.get(_SHORT_NAMES.get(symbol))
        before, after = rule[: match.start()], rule[match.end(1) :]
        if not text or before.endswith("that "):
            return match[0]
        if text == "1" and _NO_FACTOR.match(after):
            return ""
        alone = before.endswith("(") and after.startswith(")")
        return (text if alone else in_formula(text)) + space

    def power(match):
        exponent = float(match[1]) - 1
        return "" if exponent == 1 else f"^{exponent:g}"

    return re.sub(r"\^\(([\d.]+)-1\)", power, re.sub(r"([A-Za-z_]\w*)( ?)", named, rule))


def symbols_in(rule):
    return re.findall(r"[A-Za-z_]\w*", rule)


def line_of(node):
    """``MulBackward0  y = b * x    fit.py:3``, without a place where none is known."""
    name = node.name().rsplit("::", 1)[-1]
    line = _site.line_of(node.site)
    return f"{name:<16}  {line}".rstrip()
