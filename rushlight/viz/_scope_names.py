"""What the modules around a node are called."""

from rushlight import _C
from rushlight.debug import _words as words

_C._add_package_globals(globals())


def module_name(module, around):
    """``fc1``, the path of a module in the one around it; its class where it is in none."""
    waiting, seen = [("", around)] if around is not None else [], set()
    while waiting:
        path, outer = waiting.pop(0)
        if id(outer) in seen:
            continue
        seen.add(id(outer))
        parts = words.members_of(outer).get("_modules")
        for name, part in list(dict.items(parts)) if words.is_a(parts, dict) else ():
            if part is module:
                return f"{path}{name}"
            if words.is_a(part, _C._ModuleBase):
                waiting.append((f"{path}{name}.", part))
    return type(module).__name__
