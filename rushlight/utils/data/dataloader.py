"""DataLoader: batches of a data set, in the order that PyTorch would draw."""

import itertools
import warnings
from types import GenericAlias

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from ._utils.collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler, draw_seed

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

_C._add_package_globals(globals())

_FIXED = frozenset(
    ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
)


def get_worker_info():
    """None: everything is loaded in the calling process."""
    return None


class _InfiniteConstantSampler:
    """None for ever: a stream decides itself when it ends."""

    def __iter__(self):
        return itertools.repeat(None)


class DataLoader:
    """Iterates over a data set in batches; each ``iter()`` is one pass.

    dataset: a Dataset or anything with ``__getitem__`` and ``__len__``, or an IterableDataset.
    batch_size: items in a batch; None gives single items. shuffle: random order, drawn anew for
        each pass. drop_last: leave out a last batch that is smaller.
    sampler: gives indices; batch_sampler: gives lists of them, in the place of the four above.
    collate_fn: makes a batch of a list of items; ``default_collate`` by default.
    generator: draws the order and a seed for each pass; None for the default generator.
    pin_memory: warns that there is no device to pin for. worker_init_fn, in_order: for workers.
    Raises: ValueError for options that exclude each other; NotImplementedError for num_workers
        above 0.
    Differs from PyTorch: everything is loaded in the calling process. The batches of a
        TensorDataset are gathered at once, which takes the time of a few operations.
    """

    __class_getitem__ = classmethod(GenericAlias)
    _initialized = False

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=None,
        sampler=None,
        batch_sampler=None,
        num_workers=0,
        collate_fn=None,
        pin_memory=False,
        drop_last=False,
        timeout=0,
        worker_init_fn=None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor=None,
        persistent_workers=False,
        pin_memory_device="",
        in_order=True,
    ):
        _check_workers(
            num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context
        )
        is_stream = isinstance(dataset, IterableDataset)
        if is_stream:
            _check_stream(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None:
            if is_stream:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._told_length = None  # what len() told of a stream
        self._initialized = True

    def __setattr__(self, name, value):
        if self._initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized\n"
                "  fix: make another DataLoader."
            )
        super().__setattr__(name, value)

    def __iter__(self):
        if self.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device "
                "pinned memory won't be used.",
                stacklevel=2,
            )
        return _Iterator(self)

    @property
    def _index_sampler(self):
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __len__(self):
        """Batches in one pass; TypeError where the data set or the sampler has no length."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        length = self._told_length = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


def _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, context):
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers > 0:
        raise NotImplementedError(
            f"DataLoader with num_workers={num_workers}: data is loaded in the calling process only"
            "\n  fix: use num_workers=0."
        )
    if prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 "
            "to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > "
            f"0), but got num_workers={num_workers}"
        )


def _check_stream(shuffle, sampler, batch_sampler):
    for name, value, given in (
        ("shuffle", shuffle, shuffle not in (False, None)),
        ("sampler", sampler, sampler is not None),
        ("batch_sampler", batch_sampler, batch_sampler is not None),
    ):
        if given:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}"
            )


class _Iterator:
    """One pass over a DataLoader."""

    def __init__(self, loader):
        self._loader = loader
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._indices = iter(loader._index_sampler)
        # PyTorch draws it for its workers, also where it has none: the order depends on it.
        draw_seed(loader.generator)
        dataset = loader.dataset
        self._batched = loader.batch_sampler is not None
        self._fetch = self._fetch_map
        self._stream = None
        if isinstance(dataset, IterableDataset):
            self._stream = iter(dataset)
            self._fetch = self._fetch_stream
        self._rows = loader.collate_fn is default_collate and _row_source(dataset)
        self._yielded = 0

    def __iter__(self):
        return self

    def __len__(self):
        return len(self._loader._index_sampler)

    def __next__(self):
        data = self._fetch(next(self._indices))
        self._yielded += 1
        if self._stream is not None:
            self._check_length()
        return data

    def _fetch_map(self, index):
        loader = self._loader
        dataset = loader.dataset
        if not self._batched:
            return loader.collate_fn(dataset[index])
        if self._rows:
            batch = _gathered(dataset, index)
            if batch is not None:
                return batch
        if getattr(dataset, "__getitems__", None):
            return loader.collate_fn(dataset.__getitems__(index))
        return loader.collate_fn([dataset[i] for i in index])

    def _fetch_stream(self, index):
        loader = self._loader
        if not self._batched:
            return loader.collate_fn(next(self._stream))
        if self._stream is _ENDED:
            raise StopIteration
        batch = list(itertools.islice(self._stream, len(index)))
        if len(batch) < len(index):
            self._stream = _ENDED
            if not batch or loader.drop_last:
                raise StopIteration
        return loader.collate_fn(batch)

    def _check_length(self):
        told = self._loader._told_length
        if told is not None and self._yielded > told:
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {told}(when "
                f"accessing len(dataloader)), but {self._yielded} samples have been fetched. ",
                stacklevel=3,
            )

    def __getstate__(self):
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)


_ENDED = iter(())


def _row_source(dataset):
    """Whether items are rows of plain tensors, so that a batch of them is one gather each."""
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return type(dataset) is TensorDataset


def _gathered(dataset, indices):
    """The batch that default_collate would make; None where only item by item tells what to do."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if not all(type(i) is int for i in indices):
        return None
    n = len(dataset)
    tensors = dataset.tensors
    plain = all(type(t) is rushlight.Tensor and not t.requires_grad for t in tensors)
    if not plain or not all(-n <= i < n for i in indices):
        return None
    if any(t.size(0) != n for t in tensors):
        return None
    where = rushlight.tensor([i % n for i in indices])
    return [t.index_select(0, where) for t in tensors]


def __getattr__(name):
    raise _module_getattr(__name__, name)
