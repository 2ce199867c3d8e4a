"""The thread pool: any number of threads, and any split of the work, gives the same bits."""

import hashlib
import math
import pathlib
import threading
import time

import op_samples
import pytest
from support import run_script, rushlight_only, torch

pytestmark = rushlight_only
OPS = [op for op in torch._C._op_table() if op["form"] != "internal"]
# Enough elements in a row for several tiles, and enough rows for several blocks of rows.
LARGER = {2: 17, 3: 130, 4: 600}
UNINITIALISED = {"new_empty", "new_empty_strided", "empty_like"}


@pytest.fixture
def threads():
    """Sets threads and the grain: the work that is worth a thread, 0 for the default."""
    before = torch.get_num_threads()

    def set_both(n, grain):
        torch.set_num_threads(n)
        torch._C._set_parallel_grain(grain)

    yield set_both
    set_both(before, 0)


def enlarged(sample):
    """The sample with longer dimensions; None where none grows or the result would be huge."""
    shapes = [
        tuple(n if isinstance(n, str) else LARGER.get(n, n) for n in shape)
        for shape in sample.shapes
    ]
    elements = [math.prod(n for n in shape if not isinstance(n, str)) for shape in shapes]
    if shapes == sample.shapes or not elements or math.prod(elements) > 2**22:
        return None
    return op_samples.Sample(shapes, sample.rest, sample.kwargs, sample.first, sample.between)


def bits(t):
    if not isinstance(t, torch.Tensor):
        return t
    return hashlib.sha256(memoryview(t.detach().contiguous()).tobytes()).digest()


def outcome(op, sample, dtype):
    """The bits of the op's result and of its gradients."""
    torch.manual_seed(7)
    function, tensors = op_samples.bind(op, sample, dtype=dtype)
    floats = [t for t in tensors if t.is_floating_point()]
    for t in floats:
        t.requires_grad_()
    y = function(*tensors)
    found = [bits(y)]
    if isinstance(y, torch.Tensor) and y.requires_grad:
        weights = torch.linspace(0.5, 1.5, y.numel(), dtype=y.dtype).reshape(y.shape)
        grads = torch.autograd.grad(y, floats, weights, allow_unused=True)
        found += ["-" if g is None else bits(g) for g in grads]
    return found


def large_samples(op, most=2):
    """Up to two samples that still make a call of the op when they are enlarged."""
    for sample in op_samples.samples(op):
        larger = enlarged(sample)
        if larger is None:
            continue
        try:
            outcome(op, larger, torch.float32)
        except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError):
            continue  # its other arguments are made for the short dimensions
        yield larger
        most -= 1
        if most == 0:
            return


def test_every_op_gives_the_same_bits_on_any_number_of_threads(threads):
    threads(1, 0)
    calls = [
        (op, sample, dtype)
        for op in OPS
        if op["name"] not in UNINITIALISED
        for sample in large_samples(op)
        for dtype in (torch.float32, torch.float64)
    ]
    expected = [outcome(*call) for call in calls]
    split = set()
    for n, grain in ((2, 1), (3, 100), (64, 600)):
        threads(n, grain)
        for i, call in enumerate(calls):
            before = torch._C._parallel_jobs()
            assert outcome(*call) == expected[i], (call[0]["signature"], call[1], n, grain)
            if torch._C._parallel_jobs() > before:
                split.add(i)
    print(f"{len(calls)} calls, {len(split)} of them split among threads")
    assert len(calls) > 700 and len(split) > 500


REDUCTIONS = ("sum", "amax", "any", "count_nonzero")
ALONG = ("prod", "std", "logsumexp", "softmax", "cumsum")
FLOATS_ONLY = ("std", "logsumexp", "softmax")


@pytest.mark.parametrize("shape", [(100_003,), (3, 30_001), (30_001, 3), (257, 513), (5, 301, 77)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int32, torch.bool])
def test_reductions_of_every_shape_and_split(threads, shape, dtype):
    x = (torch.arange(math.prod(shape), dtype=torch.float64) * 0.37).sin() * 2
    x = x.reshape(shape).to(dtype)

    def outcomes():
        for name in (*REDUCTIONS, *ALONG):
            if name in FLOATS_ONLY and not dtype.is_floating_point:
                continue
            for dim in range(len(shape)):
                yield name, dim, bits(getattr(x, name)(dim))
        for name in REDUCTIONS:
            yield name, None, bits(getattr(x, name)())

    threads(1, 0)
    expected = list(outcomes())
    for n, grain in ((2, 1), (3, 5000), (64, 1000)):
        threads(n, grain)
        assert list(outcomes()) == expected


def test_products_are_cut_into_panels_and_batches(threads):
    def wave(*shape):
        return (torch.arange(math.prod(shape), dtype=torch.float32) * 0.1).sin().reshape(shape)

    tall, wide = wave(1300, 130), wave(130, 2100)
    batch, weights = wave(24, 40, 30), wave(24, 50, 30)

    def outcomes():
        yield bits(tall @ wide[:, :140])
        yield bits(tall[:90] @ wide)
        yield bits(wide.t() @ tall[:130, :].t())
        yield bits(batch @ weights.transpose(1, 2))
        yield bits(torch.baddbmm(wave(24, 1, 50), batch, weights.mT, beta=0.5))
        yield bits(batch[:, :, :3] @ weights[:, :3, :2])
        yield bits((batch * 9).long() @ (weights * 9).long().transpose(1, 2).contiguous())

    threads(1, 0)
    expected = list(outcomes())
    before = torch._C._parallel_jobs()
    for n, grain in ((2, 1), (3, 1), (64, 100)):
        threads(n, grain)
        assert list(outcomes()) == expected
    assert torch._C._parallel_jobs() > before + 12


LAYOUTS = {
    "transposed": lambda x: x.reshape(257, 513).t(),
    "narrowed": lambda x: x.reshape(257, 513)[3:-4, 5:-6],
    "stepped": lambda x: x.reshape(257, 513)[::2, ::3],
    "short rows": lambda x: x.reshape(-1, 3)[:, :2],
    "permuted": lambda x: x.reshape(9, 257, 57).permute(2, 0, 1),
    "swapped": lambda x: x.reshape(9, 257, 57).permute(1, 0, 2),
    "expanded": lambda x: x[:513].expand(40, 513),
    "column": lambda x: x.reshape(-1, 3)[:, 1],
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int32, torch.bool])
def test_reductions_of_elements_where_they_lie(threads, layout, dtype):
    numbers = (torch.arange(257 * 513, dtype=torch.float64) * 0.37).sin() * 3
    x = layout(numbers.to(dtype))
    rows = x.contiguous()
    dims = [*range(x.dim()), tuple(range(0, x.dim(), 2)), tuple(range(x.dim()))]
    names = [
        name for name in (*REDUCTIONS, "argmax", "max") if dtype != torch.bool or name != "max"
    ]

    def outcomes(t):
        for name in names:
            for dim in dims:
                if name in ("argmax", "max") and (isinstance(dim, tuple) or dtype == torch.bool):
                    continue
                y = getattr(t, name)(dim)
                yield (name, dim, y[0]) if name == "max" else (name, dim, y)

    threads(1, 0)
    expected = []
    for (name, dim, y), (_, _, same) in zip(outcomes(x), outcomes(rows), strict=True):
        assert y.stride() == same.stride(), (name, dim)
        if name == "sum" and dtype.is_floating_point:
            assert torch.allclose(y, same, rtol=1e-3, atol=1e-2), (name, dim)
        else:
            assert torch.equal(y, same), (name, dim)
        expected.append(bits(y))
    for n, grain in ((2, 1), (3, 5000), (64, 1000)):
        threads(n, grain)
        assert [bits(y) for _, _, y in outcomes(x)] == expected


def test_number_of_threads_is_read_back_and_checked():
    before = torch.get_num_threads()
    assert before >= 1
    try:
        torch.set_num_threads(3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    with pytest.raises(RuntimeError, match="^set_num_threads expects a positive integer"):
        torch.set_num_threads(0)
    with pytest.raises(TypeError, match="^set_num_threads expects an int, but got str"):
        torch.set_num_threads("2")


def test_threads_that_change_under_way_lose_nothing(threads):
    x = torch.arange(200_000, dtype=torch.float64)
    expected = (x.sqrt() + 1).sum().item()
    for n in (2, 5, 1, 8, 3, 64, 2):
        threads(n, 1000)
        for _ in range(5):
            assert (x.sqrt() + 1).sum().item() == expected


def test_python_threads_compute_side_by_side(threads):
    threads(3, 500)
    x = torch.arange(50_000, dtype=torch.float64)
    expected = x.sqrt().frac().sum().item()
    wrong = []

    def work():
        for _ in range(20):
            got = x.sqrt().frac().sum().item()
            if got != expected:
                wrong.append(got)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def states_of_other_threads():
    """Letters as Linux shows them: S sleeps, R runs."""
    own = threading.get_native_id()
    tasks = [t for t in pathlib.Path("/proc/self/task").iterdir() if int(t.name) != own]
    return [(t / "stat").read_text().rpartition(")")[2].split()[0] for t in tasks]


def test_idle_workers_sleep(threads):
    threads(4, 1000)
    x = torch.ones(1_000_000)
    for _ in range(10):
        x.exp()
    time.sleep(0.05)
    for _ in range(20):
        states = states_of_other_threads()
        assert len(states) >= 3 and set(states) == {"S"}
        time.sleep(0.005)


def test_cpus_that_this_process_may_use():
    assert run_script("thread_count").split() == ["1", "1", "5", "7", "ok"]
