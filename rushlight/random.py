"""``torch.random``: the default generator's seed and state; the numbers come from the C++ core."""

import contextlib

from ._C import (
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from ._missing import module_getattr as _module_getattr

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True, device_type=None):
    """Restore the default generator's state at the end of the block, also after an exception.

    devices, device_type: accepted and ignored; there are no other devices' generators.
    enabled: False makes the block an ordinary one.
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


def __getattr__(name):
    raise _module_getattr(__name__, name)
