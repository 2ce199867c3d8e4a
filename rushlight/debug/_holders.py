"""Names for what keeps an object alive: ``total_loss``, ``losses[17]``, ``trainer.history``.

User objects are never asked: no ``__eq__``, ``__getattr__``, ``__hash__`` or ``__repr__`` of theirs
runs. Nothing is kept once a ``Heap`` is gone.
"""

import gc
import sys
from collections import deque
from types import (
    AsyncGeneratorType,
    CellType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    ModuleType,
)

from rushlight import _C, Tensor

_C._add_package_globals(globals())

_FRAMES = {GeneratorType: "gi_frame", CoroutineType: "cr_frame", AsyncGeneratorType: "ag_frame"}
_PLAIN = (str, int, bool, float, bytes, type(None))  # keys that are shown
_SEQUENCES = (list, tuple, deque)
_SETS = (set, frozenset)
_OPTIMIZED = 1  # inspect.CO_OPTIMIZED: the locals are no dict
_DEPTH = 8  # of list of dict of attribute ...

_shape_of = Tensor.shape.__get__
_attributes = ModuleType.__dict__["__dict__"].__get__
_class_dict = type.__dict__["__dict__"].__get__
_bases = type.__dict__["__mro__"].__get__
_type_name = type.__dict__["__name__"].__get__


def _builtin(holder, kinds):
    """The one of these types that the holder is one of, or is derived from; or None."""
    return next((kind for kind in kinds if issubclass(type(holder), kind)), None)


def _is_exactly(holder, kinds):
    """Whether its type is one of these; ``in`` would ask the type's class for equality."""
    return any(type(holder) is kind for kind in kinds)


def variables(frame):
    """(name, value) of a frame's variables, without a copy of them that the frame would keep."""
    found = _C._frame_variables(frame)
    if not frame.f_code.co_flags & _OPTIMIZED:
        scope = frame.f_locals  # no copy: of a module, a class or exec()
        if issubclass(type(scope), dict):
            found += list(dict.items(scope))
    return found


def name_in(frame, tensor):
    """What a frame calls a tensor or another view of the same; None where it has no name for it."""
    place = _place(tensor)
    for scope in (variables(frame), list(dict.items(frame.f_globals))):
        for name, value in scope:
            if type(name) is not str:
                continue
            if value is tensor or (issubclass(type(value), Tensor) and _place(value) == place):
                return name
            if issubclass(type(value), _C._ModuleBase):
                inner = _parameter_name(value, tensor)
                if inner is not None:
                    return f"{name}.{inner}"
    return None


def _place(tensor):
    return Tensor.data_ptr(tensor), _shape_of(tensor)


def _parameter_name(module, tensor):
    """What a module calls a parameter, as named_parameters() does."""
    pending, seen = [("", module)], set()
    while pending:
        prefix, module = pending.pop()
        members = _C._object_dict(module)
        if id(module) in seen or type(members) is not dict:
            continue
        seen.add(id(module))
        for name, value in _named(members, "_parameters"):
            if value is tensor:
                return prefix + name
        pending += [(f"{prefix}{name}.", part) for name, part in _named(members, "_modules")]
    return None


def _named(members, key):
    mapping = dict.get(members, key)
    items = list(dict.items(mapping)) if issubclass(type(mapping), dict) else ()
    return [(name, value) for name, value in items if type(name) is str]


def _module_name(frame):
    name = dict.get(frame.f_globals, "__name__")
    return name if type(name) is str else ""


def take_heap():
    """Return the Heap of this moment. It is not in its own list, which would be a cycle."""
    objects, frames = gc.get_objects(), []
    for frame in sys._current_frames().values():
        while frame is not None:
            if not _module_name(frame).startswith("rushlight.debug."):
                frames.append(frame)
            frame = frame.f_back
    return Heap(objects, frames)


class Heap:
    """The objects of the program at one moment, and the frames that ran: see ``take_heap``.

    Attributes: objects, frames: lists for ``_C._graph_report`` and ``_C._holders``.
    """

    def __init__(self, objects, frames):
        self.objects, self.frames = objects, frames
        self._running = {id(frame) for frame in self.frames}
        self._modules = {}
        self._dicts = {}
        for name, module in list(sys.modules.items()):
            if type(name) is str and issubclass(type(module), ModuleType):
                self._modules.setdefault(id(_attributes(module)), name)

    def names(self, holdings):
        """Return a name for each (child, holder, variable or None): what Python can call the child.

        Returns: list of str, as ``losses[17]`` or ``self.h in step()``.
        """
        paths = [self._step(_Path(child), holder, name) for child, holder, name in holdings]
        for _ in range(_DEPTH):
            open_paths = [path for path in paths if path.text is None]
            if not open_paths:
                break
            places = {}
            for path in open_paths:
                places.setdefault(id(path.object), len(places))
            targets = [None] * len(places)
            for path in open_paths:
                targets[places[id(path.object)]] = path.object
            best = {}
            for place, holder, name in _C._holders(self.objects, self.frames, targets):
                rank = self._rank(holder, name, targets[place])
                if place not in best or rank < best[place][0]:
                    best[place] = rank, holder, name
            for path in open_paths:
                found = best.get(places[id(path.object)])
                if found is None or found[0] >= _DEAD_END or id(found[1]) in path.seen:
                    path.end(f"<{_type_name(type(path.object))}>")
                else:
                    self._step(path, found[1], found[2])
        for path in paths:
            if path.text is None:
                path.end("…")
        return [path.text for path in paths]

    def _rank(self, holder, name, child):
        """How good a name this holder makes: the lower the better."""
        if name is not None:
            ours = _module_name(holder).partition(".")[0] == "rushlight"
            return 7 if ours else 2 if name == "self" else 1
        if id(holder) in self._modules:
            return 0
        if _builtin(holder, (dict, *_SEQUENCES, *_SETS)):
            return 4
        if _is_exactly(holder, _FRAMES):
            return 3
        if _is_exactly(holder, (CellType, FunctionType)):
            return 5
        # A class refers to its functions, a frame's code to nothing that matters.
        return 6 if self._attribute(holder, child) is not None else _DEAD_END

    def _attribute(self, holder, child):
        """The attribute of ``holder`` that is ``child``, found without asking its class."""
        members = _C._object_dict(holder)
        if type(members) is dict:
            if members is child:
                return "__dict__"
            if id(members) not in self._dicts:
                self._dicts[id(members)] = members
                self.objects.append(members)  # perhaps made just now: its object leads to it
            name = _key_of(members, child)
            if name is not None:
                return name
        for base in _bases(type(holder)):
            for name, member in list(_class_dict(base).items()):
                if type(member) is MemberDescriptorType:
                    try:
                        value = member.__get__(holder)
                    except AttributeError:  # a slot that is empty
                        continue
                    if value is child:
                        return name
        return None

    def is_container(self, holder):
        """Whether what it holds goes by place: a list, a dict that is no namespace."""
        kind = _builtin(holder, (dict, *_SEQUENCES, *_SETS))
        return kind is not None and not (kind is dict and self._is_namespace(holder))

    def _is_namespace(self, mapping):
        return id(mapping) in self._modules or any(
            type(key) is str and key == "__builtins__" for key in list(dict.keys(mapping))
        )

    def _step(self, path, holder, name):
        """Lengthen the path by one holder; its text is there where that ends it."""
        child, kind = path.object, type(holder)
        base = _builtin(holder, (dict, *_SEQUENCES, *_SETS))
        if name is not None:
            where = holder.f_code.co_qualname
            note = "" if id(holder) in self._running else ", a frame that a traceback keeps"
            path.end(name, f" in {where}(){note}")
        elif base is dict and self._is_namespace(holder):
            module = self._modules.get(id(holder), "__main__")
            prefix = "" if module == "__main__" else f"{module}."
            path.end(prefix + (_key_of(holder, child) or "…"))
        elif _is_exactly(holder, _FRAMES):
            self._end_in_generator(path, holder)
        elif kind is CellType:
            path.go(holder, "", closure=True)
        elif kind is FunctionType:
            path.end_in_function(holder)
        elif base in _SEQUENCES:
            path.go(holder, _index_of(base, holder, child, path))
        elif base in _SETS:
            path.go(holder, "{…}")
        elif base is dict:
            path.through_dict(holder, child)
        else:
            path.through_attribute(holder, self._attribute(holder, child))
        return path

    @staticmethod
    def _end_in_generator(path, generator):
        frame = getattr(generator, _FRAMES[type(generator)])
        where = f" in the suspended {generator.__qualname__}()"
        for name, value in _C._frame_variables(frame) if frame is not None else ():
            if value is path.object:
                return path.end(name, where)
        return path.end("a value", where)


_DEAD_END = 9


class _Path:
    """A name that grows at its front, from an object towards a variable."""

    def __init__(self, object):
        self.object = object
        self.suffix = self.before = ""
        self.key = None  # of the dict that the path stands at
        self.closure = None  # the cell that the path came through
        self.seen = {id(object)}
        self.text = None

    def go(self, holder, suffix, closure=False):
        self.before, self.suffix = self.suffix, suffix + self.suffix
        if closure:
            self.closure = holder
        self.object = holder
        self.seen.add(id(holder))

    def through_dict(self, mapping, child):
        self.key = _key_of(mapping, child)
        self.go(mapping, _subscript(mapping, child))

    def through_attribute(self, holder, attribute):
        if attribute == "__dict__" and self.key:
            self.suffix = self.before  # the dict of an instance: its key is the attribute
            attribute = self.key
        self.go(holder, f".{attribute or '…'}")

    def end(self, front, note=""):
        if self.closure is not None and front == "<cell>":
            front = "a closure's variable"
        self.text = front + self.suffix + note

    def end_in_function(self, function):
        name = "a value"
        cells = function.__closure__ or ()
        for variable, cell in zip(function.__code__.co_freevars, cells, strict=False):
            if cell is self.closure:
                name, self.suffix = variable, self.suffix.removeprefix("[…]")
        code = function.__code__
        self.end(name, f" in the closure of {function.__qualname__}(), line {code.co_firstlineno}")


def _index_of(base, sequence, child, path):
    if path.closure is child and base is tuple:
        return ""  # the cells of a function
    places = [i for i, item in enumerate(base.__iter__(sequence)) if item is child]
    return f"[{places[0]}]" if places else "[…]"


def _key_of(mapping, child):
    for key, value in list(dict.items(mapping)):
        if value is child and type(key) is str:
            return key
    return None


def _subscript(mapping, child):
    for key, value in list(dict.items(mapping)):
        if value is child:
            return f"[{key!r}]" if _is_exactly(key, _PLAIN) else f"[<{_type_name(type(key))}>]"
    return "[…]"
