"""Making a batch of samples: tensors are stacked, numbers become tensors, containers are kept."""

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

import rushlight
from rushlight import _C

_C._add_package_globals(globals())

Tensor = rushlight.Tensor

_NO_BATCH = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def _is_numpy(value):
    return type(value).__module__ == "numpy"


def _holds_text(array):
    """An array of strings or objects: no tensor."""
    return array.dtype.kind in "SUO"


def _rebuilt(container, items):
    """A container of the type of ``container`` with other items: a list of them, or a dict."""
    mapping = isinstance(container, Mapping)
    try:
        if isinstance(container, MutableMapping):
            clone = copy.copy(container)
            clone.update(items)
            return clone
        if isinstance(container, MutableSequence):
            clone = copy.copy(container)
            for i, item in enumerate(items):
                clone[i] = item
            return clone
        return type(container)(items)
    except TypeError:
        return dict(items) if mapping else list(items)  # a type made from something else


def default_convert(data):
    """Return data with NumPy's arrays and numbers as Tensors, in containers of the same type.

    Differs from its input type only in tuples, which become lists.
    """
    if isinstance(data, Tensor):
        return data
    if _is_numpy(data) and type(data).__name__ not in ("str_", "string_"):
        if type(data).__name__ == "ndarray" and _holds_text(data):
            return data
        return rushlight.as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuilt(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _rebuilt(data, [default_convert(item) for item in data])
    return data


def _collate_leaf(batch, first):
    """The batch of samples that are no containers; NotImplemented where they are."""
    if isinstance(first, Tensor):
        return rushlight.stack(batch, 0)
    if _is_numpy(first) and not isinstance(first, str | bytes):
        if type(first).__name__ == "ndarray":
            if _holds_text(first):
                raise TypeError(_NO_BATCH.format(first.dtype))
            return rushlight.stack([rushlight.as_tensor(item) for item in batch], 0)
        return rushlight.as_tensor(batch)
    if isinstance(first, float):
        return rushlight.tensor(batch, dtype=rushlight.float64)
    if isinstance(first, int):
        return rushlight.tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    return NotImplemented


def default_collate(batch):
    """Return one sample of tensors with a new first dimension, made of a list of samples.

    batch: samples of one structure: Tensors of one shape, NumPy arrays, numbers, strings, or
        mappings, tuples and sequences of them. Floats give float64, strings stay a list.
    Returns: the structure of a sample; tuples become lists.
    Raises: TypeError for another type, RuntimeError where sizes differ.
    """
    first = batch[0]
    leaf = _collate_leaf(batch, first)
    if leaf is not NotImplemented:
        return leaf
    if isinstance(first, Mapping):
        items = {key: default_collate([sample[key] for sample in batch]) for key in first}
        return _rebuilt(first, items)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(default_collate, zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        items = [default_collate(column) for column in zip(*batch, strict=True)]
        return items if isinstance(first, tuple) else _rebuilt(first, items)
    raise TypeError(_NO_BATCH.format(type(first)))
