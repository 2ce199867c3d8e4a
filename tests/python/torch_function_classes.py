"""Classes with ``__torch_function__`` for its tests."""

from support import torch


class Recorder(torch.Tensor):
    """Keeps what it is called with, and goes on as Tensor does."""

    calls = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        Recorder.calls.append((func, types, args, kwargs))
        return super().__torch_function__(func, types, args, kwargs)


class Duck:
    """No Tensor, but welcome as one."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return "duck", func, types, args, kwargs or {}


class Silent:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return NotImplemented


class Named(torch.Tensor):
    """A subclass that answers with its name and the types that it was told of."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return cls.__name__, types


class Sub(torch.Tensor):
    pass


def recorder(values=((1.0, 2.0), (3.0, 4.0))):
    return torch.tensor(values).as_subclass(Recorder)
