"""``torch.backends.cpu``: which instruction set the kernels in use were compiled for."""

from .._missing import module_getattr as _module_getattr

# Keyed by the end of the kernel set's name, whichever way it is prefixed.
_CAPABILITIES = {"v4": "AVX512", "v3": "AVX2"}


def get_cpu_capability():
    """Return "AVX512", "AVX2" or "DEFAULT", in PyTorch's words."""
    from .._C import _build_info

    return _CAPABILITIES.get(_build_info()["kernel_set"][-2:], "DEFAULT")


def __getattr__(name):
    raise _module_getattr(__name__, name)
