"""allow_mutation_on_saved_tensors: saved tensors are copied before somebody writes to them."""

from contextlib import ContextDecorator
from weakref import WeakKeyDictionary, WeakSet

from rushlight import _C

from .grad_mode import no_grad

_OUTSIDE = (
    "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
    "in which the graph was originally recorded."
)


class _Handle:
    """Stands for a saved tensor in the graph: it dies with the last node that saved it."""

    __slots__ = ("__weakref__",)


class Kept:
    """The tensors that the graph's handles stand for."""

    def __init__(self):
        self.original = WeakKeyDictionary()  # handle: the tensor, not written to so far
        self.cloned = WeakKeyDictionary()  # handle: the copy made before the first write
        self._by_storage = {}  # address: the handles of tensors in that memory

    def clear(self):
        """Forget all of them."""
        for table in (self.original, self.cloned, self._by_storage):
            table.clear()

    def pack(self, tensor):
        """Return the handle of the tensor as it is now."""
        alike = self._by_storage.setdefault(_address(tensor), WeakSet())
        for handle in alike:
            kept = self.original[handle]
            if _geometry(kept) == _geometry(tensor):
                return handle
        handle = _Handle()
        alike.add(handle)
        # Without its history: an operation that saves its own result would be kept by it.
        self.original[handle] = tensor.detach()
        return handle

    def unpack(self, handle):
        """Return the tensor, or the copy made before it changed."""
        for table in (self.cloned, self.original):
            if AllowMutation.active and handle in table:
                return table[handle]
        raise AssertionError(_OUTSIDE)

    def before_write(self, target):
        """Copy what was saved of the memory that is about to change."""
        for handle in self._by_storage.pop(_address(target), ()):
            with no_grad():
                self.cloned[handle] = self.original.pop(handle).clone()


def _address(tensor):
    """Where the memory begins that the tensor looks at."""
    return tensor.data_ptr() - tensor.storage_offset() * tensor.element_size()


def _geometry(tensor):
    return tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


class AllowMutation(ContextDecorator):
    """The context itself."""

    active = False

    def __init__(self):
        self._kept = Kept()

    def _recreate_cm(self):
        return type(self)()

    def __enter__(self):
        if AllowMutation.active:
            raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
        _C._push_saved_tensors_hooks(self._kept.pack, self._kept.unpack)
        AllowMutation.active = True
        _C._set_write_hook(self._kept.before_write)
        return self._kept

    def __exit__(self, *args):
        _C._pop_saved_tensors_hooks()
        _C._set_write_hook(None)
        AllowMutation.active = False
        self._kept.clear()
