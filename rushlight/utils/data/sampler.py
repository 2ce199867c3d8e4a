"""Samplers: the order in which a data set is read. The random ones draw PyTorch's order."""

import itertools
from types import GenericAlias

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler"]

_C._add_package_globals(globals())


def draw_seed(generator=None):
    """One number from a generator, which seeds another: what PyTorch draws at the same place."""
    return int(rushlight.empty((), dtype=rushlight.int64).random_(generator=generator).item())


class Sampler:
    """Base class of samplers: a subclass defines ``__iter__``, and most of them ``__len__``."""

    __class_getitem__ = classmethod(GenericAlias)

    def __iter__(self):
        raise NotImplementedError


class SequentialSampler(Sampler):
    """0, 1, 2, ..."""

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler):
    """Indices in random order.

    replacement: each index drawn anew. num_samples: how many, by default ``len(data_source)``;
        without replacement every index comes once before one comes again.
    generator: draws the order; None takes a new one, whose seed the default generator gives.
    Raises: TypeError and ValueError for a replacement that is no bool, a number not above 0.
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(
                "num_samples should be a positive integer value, but got "
                f"num_samples={self.num_samples}"
            )

    @property
    def num_samples(self):
        """How many indices one pass gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        n = len(self.data_source)
        generator = self.generator
        if generator is None:
            generator = rushlight.Generator()
            generator.manual_seed(draw_seed())
        count = self.num_samples
        if self.replacement:
            sizes = [32] * (count // 32) + [count % 32]
            for size in sizes:
                yield from rushlight.randint(high=n, size=(size,), generator=generator).tolist()
            return
        for _ in range(count // n):
            yield from rushlight.randperm(n, generator=generator).tolist()
        yield from rushlight.randperm(n, generator=generator).tolist()[: count % n]

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order. generator: draws the order."""

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        for i in rushlight.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self):
        return len(self.indices)


class BatchSampler(Sampler):
    """Lists of batch_size indices of another sampler; the last may be shorter.

    drop_last: leave out a last one that is shorter.
    Raises: ValueError for a size that is no int above 0, a drop_last that is no bool.
    """

    def __init__(self, sampler, batch_size, drop_last):
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self):
        n = len(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def __getattr__(name):
    raise _module_getattr(__name__, name)
