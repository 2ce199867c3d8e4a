"""Products of large matrices, beside PyTorch's and beside the bundled OpenBLAS called directly.

The note of a row gives rushlight's speed in GFLOP/s, and its time as a multiple of OpenBLAS's own.
"""

import ctypes
import itertools
from functools import partial
from time import perf_counter

import _harness

SIZES = (64, 128, 256, 512, 1024)
# (m, k, n): a batch of 128 images through a layer, the gradients of its weight and input, a head.
SHAPES = ((128, 784, 128), (784, 128, 128), (128, 128, 784), (128, 128, 10))


def product(m, k, n, dtype, torch, count):
    """Seconds of ``count`` products (m, k) @ (k, n)."""
    a = torch.ones(m, k, dtype=getattr(torch, dtype))
    b = torch.ones(k, n, dtype=getattr(torch, dtype))
    with torch.no_grad():
        start = perf_counter()
        for _ in itertools.repeat(None, count):
            a @ b
        return perf_counter() - start


def direct(function, m, k, n, dtype, torch, count):
    """Seconds of ``count`` calls of the library's own product of the same size, into one matrix."""
    kind = {"float32": ctypes.c_float, "float64": ctypes.c_double}[dtype]
    a, b, c = (torch.ones(*size, dtype=getattr(torch, dtype)) for size in ((m, k), (k, n), (m, n)))
    whole = ctypes.c_int64
    arguments = (
        *(101, 111, 111, whole(m), whole(n), whole(k), kind(1)),
        *(ctypes.c_void_p(a.data_ptr()), whole(k), ctypes.c_void_p(b.data_ptr()), whole(n)),
        *(kind(0), ctypes.c_void_p(c.data_ptr()), whole(n)),
    )
    start = perf_counter()
    for _ in itertools.repeat(None, count):
        function(*arguments)
    return perf_counter() - start


def compared(title, size, dtype, modules, library):
    runs = {name: (partial(product, *size, dtype), m) for name, m in modules.items() if m}
    if library:
        name = f"scipy_cblas_{'sd'[dtype == 'float64']}gemm64_"
        function = getattr(library, name)
        runs["direct"] = (partial(direct, function, *size, dtype), modules["rushlight"])
    taken = _harness.measure(runs)
    ours, theirs, itself = taken["rushlight"], taken.get("torch"), taken.get("direct")
    m, k, n = size
    note = f"{2e-9 * m * k * n / _harness.Spread.of(ours).median:.0f} GFLOP/s"
    if itself:
        note += (
            f", OpenBLAS x {_harness.Spread.of([o / i for o, i in zip(ours, itself)]).median:.2f}"
        )
    return _harness.Row(
        title,
        _harness.Spread.of(ours),
        _harness.Spread.of(theirs) if theirs else None,
        _harness.Spread.of([t / o for o, t in zip(ours, theirs)]) if theirs else None,
        note=note,
    )


def rows(modules):
    info = modules["rushlight"]._C._blas_info()
    # The library itself, pinned to one thread when it was loaded.
    bundled = "librushlight_blas64_" in info["library"]
    library = ctypes.CDLL(info["library"]) if bundled else None
    for dtype in ("float32", "float64"):
        for n in SIZES:
            yield compared(f"{dtype} {n} x {n}", (n, n, n), dtype, modules, library)
    for m, k, n in SHAPES:
        yield compared(f"float32 {m} x {k} @ {k} x {n}", (m, k, n), "float32", modules, library)
