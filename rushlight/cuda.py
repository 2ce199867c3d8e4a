"""``torch.cuda`` on a machine without GPU support, as PyTorch's build for the CPU behaves.

What asks or merely prepares is legal (``is_available``, ``manual_seed_all``, ``empty_cache``);
what needs a GPU raises.
"""

from collections import OrderedDict

from ._missing import module_getattr as _module_getattr

has_half = True
has_magma = False
default_generators = ()

_WAY_OUT = (
    "\n  Rushlight computes on the CPU and has no GPU support installed."
    "\n  fix: use device='cpu', or ask torch.cuda.is_available() first."
)


def _raise_no_cuda():
    raise AssertionError("Torch not compiled with CUDA enabled" + _WAY_OUT)


def is_available():
    """Return False."""
    return False


def is_initialized():
    """Return False."""
    return False


def is_bf16_supported(including_emulation=True):
    """Return False."""
    return False


def is_tf32_supported():
    """Return False."""
    return False


def device_count():
    """Return 0."""
    return 0


def get_arch_list():
    """Return an empty list."""
    return []


def get_gencode_flags():
    """Return an empty string."""
    return ""


def manual_seed(seed):
    """Do nothing: there is no GPU generator to seed.

    Raises: TypeError or ValueError where ``int(seed)`` does.
    """
    int(seed)


def manual_seed_all(seed):
    """Do nothing: there are no GPU generators to seed.

    Raises: TypeError or ValueError where ``int(seed)`` does.
    """
    int(seed)


def seed():
    """Do nothing: there is no GPU generator to seed."""


def seed_all():
    """Do nothing: there are no GPU generators to seed."""


def initial_seed():
    """Raise AssertionError: there is no GPU generator."""
    _raise_no_cuda()


def get_rng_state(device="cuda"):
    """Raise AssertionError: there is no GPU generator."""
    _raise_no_cuda()


def get_rng_state_all():
    """Return an empty list."""
    return []


def set_rng_state(new_state, device="cuda"):
    """Do nothing: there is no GPU generator."""


def set_rng_state_all(new_states):
    """Do nothing: there are no GPU generators."""


def empty_cache():
    """Do nothing: there is no GPU memory."""


def memory_allocated(device=None):
    """Return 0."""
    return 0


def max_memory_allocated(device=None):
    """Return 0."""
    return 0


def memory_reserved(device=None):
    """Return 0."""
    return 0


def max_memory_reserved(device=None):
    """Return 0."""
    return 0


def memory_stats(device=None):
    """Return an empty OrderedDict."""
    return OrderedDict()


def reset_peak_memory_stats(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def mem_get_info(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def init():
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def ipc_collect():
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def synchronize(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def current_device():
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def get_device_name(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def get_device_capability(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def get_device_properties(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def current_stream(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def default_stream(device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def set_per_process_memory_fraction(fraction, device=None):
    """Raise AssertionError: there is no GPU."""
    _raise_no_cuda()


def set_device(device):
    """Do nothing for a negative index, which means no device.

    Raises: AssertionError for any other device.
    """
    if not (isinstance(device, int) and device < 0):
        _raise_no_cuda()


class device:
    """Context manager that selects a GPU; a negative index selects none and does nothing.

    Raises: RuntimeError on entry for any other device.
    """

    def __init__(self, device):
        self.idx = device

    def __enter__(self):
        if not (isinstance(self.idx, int) and self.idx < 0):
            raise RuntimeError("PyTorch was compiled without CUDA support" + _WAY_OUT)

    def __exit__(self, *_):
        return False


class Stream:
    """A queue of GPU work.

    Raises: RuntimeError when made.
    """

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("torch.cuda.Stream requires CUDA support" + _WAY_OUT)


class Event:
    """A mark in a queue of GPU work.

    Raises: RuntimeError when made.
    """

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("Tried to instantiate dummy base class Event" + _WAY_OUT)


def __getattr__(name):
    raise _module_getattr(__name__, name)
