"""``rushlight check``: the torch names in one script that rushlight lacks, by its text alone.

_scopes.py says what each name in the script stands for; here chains of attributes that start at
such a name are looked up in the package. What cannot be known is left out.
"""

import ast
import importlib
import sys
import tokenize
import types
import warnings

from ._missing import nearest_names
from ._scopes import UNKNOWN, Scopes

# Functions whose result is a tensor whatever they are given.
_FACTORIES = frozenset(
    "arange as_tensor empty empty_like eye from_numpy full full_like linspace logspace ones "
    "ones_like rand rand_like randint randint_like randn randn_like randperm tensor zeros "
    "zeros_like".split()
)


def check(path):
    """Print the torch names in a script that rushlight lacks, each with line and column.

    Names that the script itself guards (``try`` with ``except ImportError`` or ``AttributeError``,
    ``if hasattr(torch, ...)``) are left out, as are methods of anything but an obvious tensor.
    Returns: 0 where all names are known, 1 where some are not, 2 where the file cannot be read.
    """
    try:
        with tokenize.open(path) as file:
            source = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, path)
        unknown, count = find_unknown(tree)
    except OSError as error:
        return _unreadable(path, error.strerror or error)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return _unreadable(path, f"{where}{error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return _unreadable(path, str(error) or type(error).__name__)
    lines = source.split("\n")
    for line, offset, message in sorted(unknown):
        column = len(lines[line - 1].encode()[:offset].decode(errors="replace")) + 1
        print(f"{path}:{line}:{column}: {message}")
    if unknown:
        return 1
    print(f"{path}: all {count} torch names are known" if count else f"{path}: no torch names")
    return 0


def _unreadable(path, reason):
    print(f"rushlight: check: cannot read {path}: {reason}", file=sys.stderr)
    return 2


def find_unknown(tree):
    """Look up every torch name of a parsed script.

    Returns: a set of (line, byte offset, message), and how many names were looked up.
    """
    finder = _Finder(Scopes(tree))
    finder.visit_imports()
    finder.visit_chains()
    return finder.unknown, finder.count


class _Finder:
    def __init__(self, scopes):
        self.scopes = scopes
        self.unknown = set()
        self.count = 0

    def visit_imports(self):
        for node in self.scopes.imports:
            guarded = node in self.scopes.guarded
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if _is_torch(alias.name):
                        self._import_module(alias.name, alias, guarded)
            elif node.level == 0 and _is_torch(node.module):
                module = self._import_module(node.module, node, guarded)
                for alias in node.names if module is not None else ():
                    if alias.name != "*":
                        self._import_name(module, node.module, alias, guarded)

    def visit_chains(self):
        inner = {id(node.value) for node in self.scopes.attributes}
        for node in self.scopes.attributes:
            if id(node) in inner:
                continue
            links = [node]
            while isinstance(links[-1].value, ast.Attribute):
                links.append(links[-1].value)
            if node in self.scopes.guarded or not isinstance(links[-1].value, ast.Name | ast.Call):
                continue
            if node in self.scopes.stored:
                links.pop(0)
            self._follow(links)

    def _follow(self, links):
        """Look up a chain of attributes, given from its end to its start."""
        if not links:
            return
        owner, shown = self._start(links[-1].value)
        for link in reversed(links):
            if owner is UNKNOWN or self.scopes.is_stored(link):
                return
            self.count += 1
            found = self._look_up(owner, link.attr)
            if found is None:
                offset = link.end_col_offset - len(link.attr.encode())
                self._report(link.end_lineno, offset, owner, shown, link.attr)
                return
            owner, shown = found[0], f"{shown}.{link.attr}"

    def _start(self, node):
        """What a chain starts from: a tensor's class, an object of the package, or UNKNOWN."""
        if isinstance(node, ast.Call):
            return self._tensor_class() if self._makes_tensor(node) else (UNKNOWN, "")
        meaning = self.scopes.meaning(node)
        if isinstance(meaning, ast.Call):
            return self._tensor_class() if self._makes_tensor(meaning) else (UNKNOWN, "")
        return (UNKNOWN, "") if meaning is UNKNOWN else (self._resolve(meaning), meaning)

    def _makes_tensor(self, call):
        full_name = self.scopes.full_name(call.func)
        if full_name is None:
            return False
        owner, _, function = full_name.rpartition(".")
        return owner == "torch" and function in _FACTORIES

    def _tensor_class(self):
        return self._resolve("torch.Tensor"), "torch.Tensor"

    def _resolve(self, full_name):
        """The object that a name such as torch.nn.Module stands for, or UNKNOWN."""
        owner = _module("torch")
        for name in full_name.split(".")[1:]:
            found = self._look_up(owner, name)
            if found is None:
                return UNKNOWN
            owner = found[0]
        return owner

    def _look_up(self, owner, name):
        """A one-element tuple of the attribute; None where a module or class has no such name."""
        try:
            found = getattr(owner, name)
        except AttributeError:
            return None
        except Exception:
            return (UNKNOWN,)
        return (found if isinstance(found, types.ModuleType | type) else UNKNOWN,)

    def _import_module(self, name, node, guarded):
        self.count += 1
        known, missing = "torch", None
        for part in name.split(".")[1:]:
            if _module(f"{known}.{part}") is None:
                missing = part
                break
            known = f"{known}.{part}"
        if missing is None:
            return _module(name)
        if not guarded:
            before = 0 if isinstance(node, ast.alias) else len("from ")
            offset = node.col_offset + before + len(known) + 1
            self._report(node.lineno, offset, _module(known), known, missing)
        return None

    def _import_name(self, module, module_name, alias, guarded):
        self.count += 1
        if guarded or self._look_up(module, alias.name) is not None:
            return
        if _module(f"{module_name}.{alias.name}") is None:
            self._report(alias.lineno, alias.col_offset, module, module_name, alias.name)

    def _report(self, line, offset, owner, shown, name):
        nearest = ""
        if isinstance(owner, types.ModuleType):
            names = nearest_names(owner.__name__, name)
            nearest = ", ".join(_as_torch(n) for n in names)
        elif isinstance(owner, type):
            import difflib

            close = difflib.get_close_matches(name, dir(owner), n=3)
            nearest = ", ".join(f"{shown}.{n}" for n in close)
        message = f"{shown}.{name} is not in rushlight"
        self.unknown.add((line, offset, f"{message}; nearest: {nearest}" if nearest else message))


def _is_torch(name):
    return name == "torch" or name.startswith("torch.")


def _as_torch(name):
    package, _, rest = name.partition(".")
    return f"torch.{rest}" if package == "rushlight" else name


def _module(torch_name):
    """Import the module of rushlight behind a name of torch; None where there is none."""
    name = "rushlight" + torch_name.removeprefix("torch")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise
