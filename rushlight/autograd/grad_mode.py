"""Grad modes as decorators. The modes themselves are C types, made for ``with``.

A decorated generator or coroutine is in the mode only while its own body runs: whoever drives it
keeps the mode that it had.
"""

from _thread import _local

from rushlight import _C
from rushlight._C import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_multithreading_enabled",
    "is_view_replay_enabled",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]

# co_flags, as in the inspect module, which is too slow to import for three bits.
_CO_GENERATOR, _CO_COROUTINE, _CO_ASYNC_GENERATOR = 0x20, 0x80, 0x200


def decorate(make_context, func):
    """Return ``func`` wrapped so that its body runs inside a context.

    make_context: called without arguments for each run; returns a new context manager.
    func: a function, method, generator function, async function or async generator function, or
        anything else that can be called. A class warns: only its construction is wrapped.
    Returns: a function of the same kind, so that ``inspect`` and other decorators see it as such.
    Differs from PyTorch: the body of an async function runs in the mode, not only its creation.
    """
    import functools

    if isinstance(func, type):
        import warnings

        warnings.warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should "
            "only decorate functions or methods. To preserve the current behavior of class "
            "decoration, you can directly decorate the `__init__` method and nothing else.",
            FutureWarning,
            stacklevel=2,
        )
        cls = func
        func = lambda *args, **kwargs: cls(*args, **kwargs)  # noqa: E731

    flags = _code_flags(func)
    if flags & _CO_GENERATOR:

        @functools.wraps(func)
        def in_mode(*args, **kwargs):
            return (yield from _steps(make_context, func(*args, **kwargs)))

    elif flags & _CO_COROUTINE:

        @functools.wraps(func)
        async def in_mode(*args, **kwargs):
            return await _Awaitable(make_context, func(*args, **kwargs))

    elif flags & _CO_ASYNC_GENERATOR:

        @functools.wraps(func)
        async def in_mode(*args, **kwargs):
            generator = func(*args, **kwargs)
            step = generator.__anext__()
            try:
                while True:
                    item = await _Awaitable(make_context, step)
                    try:
                        step = generator.asend((yield item))
                    except GeneratorExit:
                        await _Awaitable(make_context, generator.aclose())
                        raise
                    except BaseException as error:
                        step = generator.athrow(error)
            except StopAsyncIteration:
                pass

    else:

        @functools.wraps(func)
        def in_mode(*args, **kwargs):
            with make_context():
                return func(*args, **kwargs)

    return in_mode


def _code_flags(func):
    """The flags of the code behind a function, method or partial; 0 for other callables."""
    while True:
        if hasattr(func, "__func__"):
            func = func.__func__
        elif hasattr(func, "func") and hasattr(func, "keywords"):
            func = func.func
        else:
            code = getattr(func, "__code__", None)
            return getattr(code, "co_flags", 0)


def _steps(make_context, body):
    """Drive a generator or coroutine: each stretch between two suspensions runs in a context."""
    resume, value = body.send, None
    try:
        while True:
            with make_context():
                item = resume(value)
            try:
                value = yield item
                resume = body.send
            except GeneratorExit:
                with make_context():
                    body.close()
                raise
            except BaseException as error:
                resume, value = body.throw, error
    except StopIteration as stop:
        return stop.value
    finally:
        value = None  # an exception here would refer to this frame, and this frame to it


class _Awaitable:
    """What ``await`` drives through ``_steps``."""

    def __init__(self, make_context, body):
        self._steps = _steps(make_context, body)

    def __await__(self):
        return self._steps


def is_view_replay_enabled():
    """Return whether views made now keep how they were made; False at first."""
    return _C._is_view_replay_enabled()


class _force_original_view_tracking:
    """Let views keep the operations that made them: a function, ``with``, decorator.

    mode: bool. It acts at once, in this thread; a ``with`` block puts back what was before.
    A view made while it is on, whose base is then written, gets its grad_fn by the same operations
    (ViewBackward0, SelectBackward0, ...) instead of one AsStridedBackward0; gradients are equal.
    Raises: TypeError for what is no bool.
    """

    def __init__(self, mode):
        self.prev = is_view_replay_enabled()
        _C._set_view_replay_enabled(mode)
        self.mode = mode

    def __enter__(self):
        pass

    def __exit__(self, *exc_info):
        _C._set_view_replay_enabled(self.prev)

    def clone(self):
        """Make another of the same mode, which acts at once."""
        return type(self)(self.mode)

    def __call__(self, func):
        _C._set_view_replay_enabled(self.prev)
        return decorate(self.clone, func)


_multithreading = _local()


def is_multithreading_enabled():
    """Return what ``set_multithreading_enabled`` last set in this thread; True at first."""
    return getattr(_multithreading, "enabled", True)


class set_multithreading_enabled:
    """Remember whether a backward pass may use threads of its own: a function, ``with``, decorator.

    mode: bool. It acts at once; a ``with`` block puts back what was before.
    Differs from PyTorch: remembered only. A backward runs on the thread that calls it either way.
    """

    def __init__(self, mode):
        self.prev = is_multithreading_enabled()
        self.mode = mode
        _multithreading.enabled = bool(mode)

    def __enter__(self):
        pass

    def __exit__(self, *exc_info):
        _multithreading.enabled = self.prev

    def __call__(self, func):
        return decorate(lambda: set_multithreading_enabled(self.mode), func)
