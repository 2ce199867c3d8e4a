"""What checkpoint(debug=True) says: the operations of both runs, one beside the other."""

import sys
from contextlib import contextmanager

from rushlight import _C
from rushlight.overrides import TorchFunctionMode

from .checkpoint import CheckpointError


class _Log(TorchFunctionMode):
    """Notes each call with the shapes of its tensors and the line that made it."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", str(func))
        if name == "__get__":  # an attribute is no operation
            return func(*args, **(kwargs or {}))
        given = ", ".join(
            f"{str(a.dtype).removeprefix('torch.')}{list(a.shape)}"
            if isinstance(a, _C.Tensor)
            else repr(a)
            for a in args
        )
        frame = sys._getframe(1)
        self.lines.append(f"{name}({given})  {frame.f_code.co_filename}:{frame.f_lineno}")
        return func(*args, **(kwargs or {}))


class Logs:
    """The context_fn of a checkpoint in debug mode."""

    def __init__(self):
        self._first, self._second = _Log(), _Log()

    def __call__(self):
        return self._first, self._again()

    @contextmanager
    def _again(self):
        self._second.lines.clear()
        with self._second:
            yield

    def explaining(self, unpack):
        """Return the unpack hook with the operations of both runs in its errors."""

        def explained(place):
            try:
                return unpack(place)
            except CheckpointError as error:
                raise CheckpointError(self._text()) from error

        return explained

    def _text(self):
        both = zip((self._first, self._second), ("the forward pass", "the recomputation"))
        parts = ["\n".join([f"Operations of {name}:", *log.lines]) for log, name in both]
        return (
            " \nAn error happened while unpacking tensors; dumping logs of latest computation\n"
            "because you passed `debug=True` to `torch.utils.checkpoint.checkpoint()`.\n\n"
            + "\n\n".join(parts)
        )
