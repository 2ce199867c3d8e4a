"""Errors for names that rushlight lacks: what was asked for, by whom, and what comes nearest.

Loaded at the first missing name. ``hasattr`` probes are frequent, so nothing is searched until
somebody reads the message.
"""

import sys
from opcode import opmap

_IMPORT_FROM = opmap["IMPORT_FROM"]
_IMPORT_MACHINERY = ("importlib", "_frozen_importlib")


class _Message(str):
    """PyTorch's first sentence; printed in full it adds who asked and the nearest names."""

    def __new__(cls, sentence, module_name, name, frame):
        self = super().__new__(cls, sentence)
        self._module_name = module_name
        self._name = name
        self._asker = _asker(frame)
        return self

    def __str__(self):
        lines = [str.__str__(self)]
        if self._asker is not None:
            lines.append(f"  asked for by  {self._asker}")
        nearest = nearest_names(self._module_name, self._name)
        if nearest:
            lines.append(f"  nearest       {', '.join(nearest)}")
        else:
            lines.append(f"  nearest       nothing like it in {shown_name(self._module_name)}")
        return "\n".join(lines)

    def __reduce__(self):
        return str, (str(self),)


def module_getattr(module_name, name):
    """Build the error for ``module.name``, for a module's ``__getattr__`` to raise.

    module_name: the ``__name__`` of the module that was asked, for example ``"rushlight.nn"``.
    Returns: ImportError where a ``from module import name`` statement asked, else AttributeError.
        Its first line is PyTorch's; the nearest names are searched when it is printed.
    """
    frame = sys._getframe(1)
    asker = frame.f_back if frame.f_code.co_name == "__getattr__" else frame
    shown = shown_name(module_name)
    if asker is not None and _is_from_import(asker, module_name, name):
        origin = getattr(sys.modules.get(module_name), "__file__", None)
        sentence = f"cannot import name '{name}' from '{shown}' ({origin or 'unknown location'})"
        message = _Message(sentence, module_name, name, frame)
        return ImportError(message, name=shown, path=origin)
    sentence = f"module '{shown}' has no attribute '{name}'"
    # The name without the object: Python would else append a suggestion of its own to ours.
    return AttributeError(_Message(sentence, module_name, name, frame), name=name)


def module_not_found(alias, real_name):
    """Build the error for ``import torch.name`` where rushlight has no such module.

    Returns: ModuleNotFoundError that names the module, who asked for it and the nearest ones.
    """
    parent, _, name = real_name.rpartition(".")
    message = _Message(f"No module named {alias!r}", parent, name, sys._getframe(1))
    return ModuleNotFoundError(message, name=alias)


def shown_name(module_name):
    """A module's name as the program knows it: torch.nn where rushlight runs in torch's place."""
    if module_name.startswith("rushlight.viz.torchviz") and "torchviz" in sys.modules:
        return module_name.removeprefix("rushlight.viz.")
    package, dot, rest = module_name.partition(".")
    aliased = package == "rushlight" and sys.modules.get("torch") is sys.modules.get("rushlight")
    return f"torch{dot}{rest}" if aliased and "torch" in sys.modules else module_name


def nearest_names(module_name, name, count=3):
    """Find what exists under almost this name in the module, and under this name in others.

    Returns: a list of at most ``count`` full names as the program would write them, best first.
    """
    import difflib

    module = sys.modules.get(module_name)
    wanted = name.lower()
    found = []
    for other_name, other in sorted(sys.modules.items()):
        if other_name.startswith("rushlight.") and "._" not in other_name and other is not module:
            found += [f"{other_name}.{n}" for n in _public(other) if n.lower() == wanted]
    spelled = {n.lower(): n for n in reversed(_public(module))}
    close = difflib.get_close_matches(wanted, spelled, n=count, cutoff=0.6)
    found[1:1] = [f"{module_name}.{spelled[n]}" for n in close]
    if close and close[0] == wanted:
        found.insert(0, found.pop(found.index(f"{module_name}.{spelled[wanted]}")))
    return list(dict.fromkeys(map(shown_name, found)))[:count]


def _public(module):
    names = [] if module is None else [*vars(module), *dir(module)]
    return [n for n in dict.fromkeys(names) if not n.startswith("_")]


def _asker(frame):
    """Where the nearest frame outside rushlight and the import system stands, as one line."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))  # none in a bare exec()
        package = name.partition(".")[0]
        if package != "rushlight" and package not in _IMPORT_MACHINERY:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            return f"{name} ({place})" if name else place
        frame = frame.f_back
    return None


def _is_from_import(frame, module_name, name):
    """Whether the frame stands at ``from module import name`` with no submodule to fall back on."""
    if frame.f_lasti < 0 or frame.f_code.co_code[frame.f_lasti] != _IMPORT_FROM:
        return False
    return f"{module_name}.{name}" not in sys.modules
