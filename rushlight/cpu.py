"""``torch.cpu``, and what ``torch.cuda`` tells of memory, told of the CPU's.

Figures count the data of tensors. Sizes are in bytes, rounded up to the allocator's size classes
(at most 25 %); tensors of up to 32 bytes keep their data inside themselves and count nothing.
``device`` may be None, ``"cpu"``, a CPU ``torch.device`` or 0: all are the one CPU.
"""

import os
from collections import OrderedDict
from functools import cache
from types import MappingProxyType

from . import _C
from ._missing import module_getattr as _module_getattr


def is_available():
    """Return True."""
    return True


def is_initialized():
    """Return True."""
    return True


def device_count():
    """Return 1: the number of CPU devices, not of cores."""
    return 1


def current_device():
    """Return "cpu"."""
    return "cpu"


def set_device(device):
    """Do nothing: there is one CPU device."""


def synchronize(device=None):
    """Do nothing: an operation is done when its call returns."""


# What PyTorch calls otherwise than Linux.
_FLAGS = {
    "sse3": "pni",
    "fma3": "fma",
    "bmi": "bmi1",
    "lzcnt": "abm",
    "sha": "shani",
    "neon": "asimd",
    "fp16_arith": "asimdhp",
    "dot": "asimddp",
    "fhm": "asimdfhm",
    "rdm": "asimdrdm",
}
_CAPABILITIES = {
    "x86_64": "sse sse2 sse3 ssse3 sse4_1 sse4_2 sse4a avx avx2 avx_vnni avx512_f avx512_cd "
    "avx512_dq avx512_bw avx512_vl avx512_ifma avx512_vbmi avx512_vbmi2 avx512_bitalg "
    "avx512_vpopcntdq avx512_vnni avx512_bf16 avx512_fp16 avx512_vp2intersect avx512_4vnniw "
    "avx512_4fmaps avx10_1 avx10_2 avx_vnni_int8 avx_vnni_int16 avx_ne_convert amx_bf16 amx_tile "
    "amx_int8 amx_fp16 fma3 fma4 f16c bmi bmi2 popcnt lzcnt aes sha clflush clflushopt clwb",
    "aarch64": "neon fp16_arith bf16 i8mm dot sve sve2 sve_bf16 sme sme2 atomics fhm rdm crc32 aes "
    "sha1 sha2 pmull",
}


@cache
def get_capabilities():
    """Return an immutable mapping of what the processor can do, by PyTorch's names, to bool.

    Also ``"architecture"``, a string. On systems other than Linux there is nothing else.
    """
    known = _CAPABILITIES.get(os.uname().machine, "").split()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            lines = [line for line in file if line.startswith(("flags", "Features"))]
    except FileNotFoundError:
        lines = []
    there = set(lines[0].replace("_", "").split()) if lines else set()
    found = {name: _FLAGS.get(name, name.replace("_", "")) in there for name in known if lines}
    return MappingProxyType({"architecture": os.uname().machine, **found})


class Stream:
    """Stands for a queue of work in code written for any device; work on the CPU never waits."""

    def __init__(self, priority=-1):
        pass

    def wait_stream(self, stream):
        """Do nothing."""

    def record_event(self):
        """Do nothing."""

    def wait_event(self, event):
        """Do nothing."""


class Event:
    """Stands for a mark in a queue of work, which has always been passed."""

    def query(self):
        """Return True."""
        return True

    def record(self, stream=None):
        """Do nothing."""

    def synchronize(self):
        """Do nothing."""

    def wait(self, stream=None):
        """Do nothing."""


_current_stream = Stream()


def current_stream(device=None):
    """Return the Stream that the innermost ``stream`` block chose."""
    return _current_stream


class StreamContext:
    """Context manager in which ``current_stream()`` is ``stream``; None changes nothing."""

    def __init__(self, stream):
        self.stream = stream
        self.prev_stream = None

    def __enter__(self):
        global _current_stream
        if self.stream is not None:
            self.prev_stream, _current_stream = _current_stream, self.stream

    def __exit__(self, *_):
        global _current_stream
        if self.stream is not None:
            _current_stream = self.prev_stream


def stream(stream):
    """Return ``StreamContext(stream)``."""
    return StreamContext(stream)


def _check_device(device):
    if device is None or (type(device) is int and device == 0):
        return
    if isinstance(device, str):
        device = _C.device(device)
    if getattr(device, "type", None) != "cpu":
        raise ValueError(f"Expected a cpu device, but got: {device}")


def memory_stats(device=None):
    """Return the allocator's figures, an OrderedDict of integers in the order of their names.

    ``<what>.all.<when>``, where what is

    - ``allocated_bytes``, ``allocation``: bytes and blocks that tensors hold,
    - ``active_bytes``, ``active``: the same, since nothing waits for a stream,
    - ``reserved_bytes``, ``segment``: bytes and blocks taken from the system, held or cached,
    - ``inactive_split_bytes``, ``inactive_split``: 0, since blocks are not split,

    and when is ``current``, ``peak`` (since ``reset_peak_memory_stats``), or the sum of all
    increases, ``allocated``, and decreases, ``freed``. Also ``num_alloc_retries``, how often the
    system refused memory until the cache was emptied; ``num_ooms``, how often it refused for good;
    ``num_device_alloc`` and ``num_device_free``, blocks got from the system and given back. What
    PyTorch lacks: ``object_slabs`` and ``object_slab_bytes``, memory of the objects of the graph,
    which is used again and never given back.

    Raises: ValueError for a device that is not the CPU.
    """
    _check_device(device)
    stats = _C._memory_stats()
    for when in ("current", "peak", "allocated", "freed"):
        stats[f"active_bytes.all.{when}"] = stats[f"allocated_bytes.all.{when}"]
        stats[f"active.all.{when}"] = stats[f"allocation.all.{when}"]
        stats[f"inactive_split_bytes.all.{when}"] = stats[f"inactive_split.all.{when}"] = 0
    return OrderedDict(sorted(stats.items()))


def memory_allocated(device=None):
    """Return the bytes that tensors hold now."""
    _check_device(device)
    return _C._memory_stats()["allocated_bytes.all.current"]


def max_memory_allocated(device=None):
    """Return the most bytes that tensors held at one time since ``reset_peak_memory_stats``."""
    _check_device(device)
    return _C._memory_stats()["allocated_bytes.all.peak"]


def memory_reserved(device=None):
    """Return the bytes taken from the system now: those that tensors hold and cached ones."""
    _check_device(device)
    return _C._memory_stats()["reserved_bytes.all.current"]


def max_memory_reserved(device=None):
    """Return the most bytes taken from the system since ``reset_peak_memory_stats``."""
    _check_device(device)
    return _C._memory_stats()["reserved_bytes.all.peak"]


def reset_peak_memory_stats(device=None):
    """Let every peak start again from the figure of now."""
    _check_device(device)
    _C._reset_memory_peaks()


def reset_accumulated_memory_stats(device=None):
    """Let every sum of increases and decreases, and the counters, start again at 0."""
    _check_device(device)
    _C._reset_memory_totals()


def empty_cache():
    """Give all memory that no tensor holds back to the system.

    That is done without asking where memory gets short; what is cached makes the next tensors
    cheaper, since memory fresh from the system costs up to 20 times as much to touch.
    """
    _C._empty_cache()


def _size(value):
    for unit in ("B", "KiB", "MiB"):
        if value < 10_000:
            return f"{value} {unit}"
        value //= 1024
    return f"{value} GiB"


def memory_summary(device=None, abbreviated=False):
    """Return a table of ``memory_stats`` for people; ``abbreviated`` leaves out the counts."""
    stats = memory_stats(device)
    rows = [("Allocated memory", "allocated_bytes"), ("Reserved memory", "reserved_bytes")]
    if not abbreviated:
        rows += [("Allocations", "allocation"), ("Reserved blocks", "segment")]
    heads = ("Metric", "Cur Usage", "Peak Usage", "Tot Alloc", "Tot Freed")
    line = "| {:<18} | {:>10} | {:>10} | {:>10} | {:>10} |".format
    table = [
        "rushlight memory summary, CPU",
        f"OOMs: {stats['num_ooms']}, retries with an empty cache: {stats['num_alloc_retries']}",
        line(*heads),
    ]
    for name, key in rows:
        shown = _size if key.endswith("bytes") else str
        whens = ("current", "peak", "allocated", "freed")
        table.append(line(name, *(shown(stats[f"{key}.all.{when}"]) for when in whens)))
    table.append(f"Graph objects: {_size(stats['object_slab_bytes'])}")
    return "\n".join(table) + "\n"


def __getattr__(name):
    raise _module_getattr(__name__, name)
