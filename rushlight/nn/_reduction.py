"""The ``reduction`` argument of losses: its words, and the two arguments that it has replaced."""

import warnings

from rushlight import _C

_C._add_package_globals(globals())

_CODES = {"none": 0, "mean": 1, "sum": 2}


def get_enum(reduction):
    """The number by which the core knows a reduction.

    Raises: ValueError for a word that is none.
    """
    code = _CODES.get(reduction) if isinstance(reduction, str) else None
    if code is not None:
        return code
    if reduction == "elementwise_mean":
        warnings.warn(
            "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.",
            stacklevel=3,
        )
        return 1
    raise ValueError(
        f"{reduction} is not a valid value for reduction\n  fix: use 'mean', 'sum' or 'none'."
    )


def legacy_get_string(size_average, reduce):
    """The word for the deprecated arguments ``size_average`` and ``reduce``; warns."""
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    word = ("mean" if size_average else "sum") if reduce else "none"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{word}' instead.",
        stacklevel=4,
    )
    return word
