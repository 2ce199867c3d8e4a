"""Checks of arguments that functions written in Python share."""

from rushlight import _C


def check_tensor(function, value, name="input", position=1):
    """Raise PyTorch's TypeError where an argument is no Tensor.

    function, name, position: what the error calls the function and its argument.
    """
    if not isinstance(value, _C.Tensor):
        raise TypeError(
            f"{function}(): argument '{name}' (position {position}) must be Tensor, not "
            f"{type(value).__name__}"
        )
