"""What the names of a script stand for, as far as its text alone says: the scopes of ``check``."""

import ast

UNKNOWN = None

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_GUARDS = {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException"}


class _Scope:
    """The names bound in one function, class or module, each with all that it is bound to."""

    __slots__ = ("node", "parent", "bindings", "outer")

    def __init__(self, node, parent):
        self.node = node
        self.parent = parent
        self.bindings = {}
        self.outer = {}

    def bind(self, name, meaning):
        scope = self.outer.get(name, self)
        scope.bindings.setdefault(name, []).append(meaning)


class Scopes:
    """A walk over a script's tree, without recursion: generated code nests deeply.

    imports: the import statements. attributes: all attribute nodes. stored: those assigned to.
    guarded: nodes that the script itself expects to fail or skips.
    """

    def __init__(self, tree):
        self.imports = []
        self.attributes = []
        self.stored = set()
        self.guarded = set()
        self._scope_of = {}
        self._resolving = set()
        self._module = _Scope(tree, None)
        self._walk(tree)
        self._stored_names = {self._written(node) for node in self.stored}

    def meaning(self, node):
        """What a Name stands for where it is read.

        Returns: a full name such as "torch.nn", a Call whose result it is, or UNKNOWN.
        """
        scope = self._scope_of[node]
        first = True
        while scope is not None:
            # A class's names are not seen from the functions inside it.
            if first or not isinstance(scope.node, ast.ClassDef):
                if node.id in scope.outer:
                    scope = scope.outer[node.id]
                if node.id in scope.bindings:
                    return self._agreed(scope.bindings[node.id])
            scope, first = scope.parent, False
        return UNKNOWN

    def full_name(self, node):
        """The dotted name of torch that an expression spells, or None."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        meaning = self.meaning(node) if isinstance(node, ast.Name) else UNKNOWN
        return ".".join([meaning, *reversed(parts)]) if isinstance(meaning, str) else None

    def is_stored(self, node):
        """Whether the script assigns to this very attribute somewhere."""
        return self._written(node) in self._stored_names

    def _agreed(self, meanings):
        """The one meaning of a name; ``torch = None`` in an except clause takes none away."""
        told = [m for m in meanings if not (isinstance(m, ast.Constant) and m.value is None)]
        if not told or any(m is UNKNOWN for m in told):
            return UNKNOWN
        first = told[0]
        if isinstance(first, str):
            return first if all(m == first for m in told) else UNKNOWN
        if len(told) > 1:
            return UNKNOWN
        if isinstance(first, ast.Call):
            return first
        # `F = torch.nn.functional` is one more name for the chain; a name may also lead to itself.
        if first in self._resolving or len(self._resolving) > 50:
            return UNKNOWN
        self._resolving.add(first)
        try:
            return self.full_name(first) or UNKNOWN
        finally:
            self._resolving.discard(first)

    def _written(self, node):
        parts = [node.attr]
        while isinstance(node.value, ast.Attribute):
            node = node.value
            parts.append(node.attr)
        start = node.value
        name = self.full_name(start) or (start.id if isinstance(start, ast.Name) else "")
        return (name, *reversed(parts))

    def _walk(self, tree):
        stack = [(tree, self._module, False)]
        while stack:
            node, scope, guarded = stack.pop()
            self._note(node, scope, guarded)
            stack.extend(reversed(list(self._children(node, scope, guarded))))

    def _note(self, node, scope, guarded):
        self._scope_of[node] = scope
        if guarded:
            self.guarded.add(node)
        if isinstance(node, ast.Attribute):
            self.attributes.append(node)
            if isinstance(node.ctx, ast.Store | ast.Del):
                self.stored.add(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.imports.append(node)
            self._bind_import(node, scope)
        elif isinstance(node, ast.Global):
            scope.outer.update(dict.fromkeys(node.names, self._module))
        elif isinstance(node, ast.Nonlocal) and scope.parent is not None:
            scope.outer.update(dict.fromkeys(node.names, scope.parent))
        elif isinstance(node, ast.Assign) and _is_name(node.targets):
            scope.bind(node.targets[0].id, node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope.bind(node.name, UNKNOWN)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            scope.bind(node.name, UNKNOWN)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.bind(node.rest, UNKNOWN)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            scope.bind(node.id, UNKNOWN)

    def _bind_import(self, node, scope):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            if isinstance(node, ast.Import):
                full = alias.name if alias.asname else name
            else:
                full = f"{node.module}.{alias.name}" if not node.level else ""
            scope.bind(name, full if full.partition(".")[0] == "torch" else UNKNOWN)

    def _children(self, node, scope, guarded):
        """The parts of a node, each with the scope it is read in and whether it is guarded."""
        if isinstance(node, ast.Assign) and _is_name(node.targets):
            yield node.value, scope, guarded
        elif isinstance(node, _FUNCTIONS):
            inner = _Scope(node, scope)
            arguments = node.args
            outside = [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
            outside += [a.annotation for a in every if a.annotation is not None]
            if not isinstance(node, ast.Lambda):
                outside += node.decorator_list + ([node.returns] if node.returns else [])
            yield from ((part, scope, guarded) for part in outside)
            for argument in every:
                inner.bind(argument.arg, UNKNOWN)
            body = [node.body] if isinstance(node, ast.Lambda) else node.body
            yield from ((part, inner, guarded) for part in body)
        elif isinstance(node, ast.ClassDef):
            outside = node.decorator_list + node.bases + node.keywords
            yield from ((part, scope, guarded) for part in outside)
            inner = _Scope(node, scope)
            yield from ((part, inner, guarded) for part in node.body)
        elif isinstance(node, _COMPREHENSIONS):
            inner = _Scope(node, scope)
            yield from ((part, inner, guarded) for part in ast.iter_child_nodes(node))
        elif isinstance(node, ast.Try | ast.TryStar):
            inside = guarded or any(_catches_missing(h) for h in node.handlers)
            yield from ((part, scope, inside) for part in node.body)
            others = [*node.handlers, *node.orelse, *node.finalbody]
            yield from ((part, scope, guarded) for part in others)
        elif isinstance(node, ast.If | ast.IfExp):
            body = node.body if isinstance(node.body, list) else [node.body]
            orelse = node.orelse if isinstance(node.orelse, list) else [node.orelse]
            inside = guarded or _asks_before(node.test)
            # `if not hasattr(torch, "x"): ... else: torch.x` guards its other branch.
            yield node.test, scope, inside
            yield from ((part, scope, inside) for part in [*body, *orelse])
        else:
            inside = guarded or isinstance(node, ast.BoolOp) and _asks_before(node)
            yield from ((part, scope, inside) for part in ast.iter_child_nodes(node))


def _is_name(targets):
    return len(targets) == 1 and isinstance(targets[0], ast.Name)


def _catches_missing(handler):
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(k is None or isinstance(k, ast.Name) and k.id in _GUARDS for k in kinds)


def _asks_before(test):
    """Whether a condition asks for a name's existence, or is true for type checkers only."""
    for node in ast.walk(test):
        if isinstance(node, ast.Name) and node.id in ("hasattr", "TYPE_CHECKING"):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING":
            return True
    return False
