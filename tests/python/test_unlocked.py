"""Long operations let other Python threads run, and stay safe from what those do."""

import subprocess
import sys
import threading
import time

import pytest
from support import ON_TORCH, rushlight_only, torch


class Ticks:
    """A thread that notes the time every half millisecond while it may run."""

    def __enter__(self):
        self.times, self.going = [], True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while self.going:
            self.times.append(time.perf_counter())
            time.sleep(0.0005)

    def __exit__(self, *_):
        self.going = False
        self.thread.join()

    def during(self, function):
        """How many ticks fell into the middle of the call."""
        start = time.perf_counter()
        function()
        end = time.perf_counter()
        margin = (end - start) / 10
        return sum(start + margin < t < end - margin for t in self.times)


LONG = {
    "matmul": lambda: A @ A,
    "linear": lambda: torch.nn.functional.linear(A, A, A[0]),
    "batches": lambda: B @ B,
    "matrix times vector": lambda: TALL @ TALL[0],
    "elementwise": lambda: torch.lgamma(V),
    "in place": lambda: W.exp_().log_(),
    "broadcast": lambda: torch.atan2(V.view(-1, 1000), V[:1000]),
}
A = torch.randn(1400, 1400, dtype=torch.float64)
B = torch.randn(40, 400, 400, dtype=torch.float64)
TALL = torch.randn(60_000, 300, dtype=torch.float64)
V, W = torch.rand(4_000_000), torch.rand(16_000_000)


@pytest.mark.parametrize("name", LONG)
def test_other_threads_run_during_a_long_operation(name):
    LONG[name]()
    with Ticks() as ticks:
        # A machine that is busy may keep the other thread waiting once, not every time.
        assert any(ticks.during(LONG[name]) for _ in range(20))


def test_two_threads_compute_the_same_as_one():
    def work(seed):
        g = torch.Generator().manual_seed(seed)
        w = torch.randn(300, 300, generator=g).requires_grad_()
        for _ in range(3):
            loss = ((w @ w).tanh() ** 2).sum()
            (grad,) = torch.autograd.grad(loss, w)
            w = (w - 0.01 * grad).detach().requires_grad_()
        return w.detach()

    expected = [work(seed) for seed in range(4)]
    results = [None] * 4

    def run(seed):
        results[seed] = work(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got, want in zip(results, expected, strict=True):
        assert torch.allclose(got, want, 1e-5, 1e-6) if ON_TORCH else torch.equal(got, want)


def other_memory(t):
    t.data = torch.zeros(t.shape)


def other_geometry(t):
    t.t_()


def grow(t):
    t.data.resize_(2_000_000)


@rushlight_only
@pytest.mark.parametrize("change", [other_memory, other_geometry, grow])
def test_memory_outlives_what_another_thread_does_to_the_tensor(change):
    """Read is what lay there when the operation began: nothing else fits into that memory."""
    box, errors = [], []
    going = True

    def meddle():
        while going:
            if box:
                try:
                    change(box[0])
                    box.clear()
                except (RuntimeError, IndexError) as error:
                    errors.append(error)

    thread = threading.Thread(target=meddle)
    thread.start()
    try:
        for _ in range(60):
            x = torch.ones(1000, 1000)
            box.append(x)
            y = x.exp().add_(1)
            assert y.shape == (1000, 1000) and y.isfinite().all()
            del x
            z = torch.ones(1000, 1000)
            box.append(z)
            z.tanh_()
    finally:
        going = False
        thread.join()
    assert not errors


@rushlight_only
def test_backward_pass_keeps_other_threads_out_of_its_sums():
    w = torch.zeros(600_000, requires_grad=True)
    ones = torch.ones(600_000)

    def run():
        for _ in range(10):
            (w * ones).sum().backward()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (w.grad == 30).all()


FORKS = """
import os, threading, time, rushlight as torch

a = torch.randn(1000, 1000, dtype=torch.float64)
thread = threading.Thread(target=lambda: [a @ a for _ in range(20)])
thread.start()
for _ in range(5):
    time.sleep(0.01)
    child = os.fork()
    if child == 0:
        x = torch.ones(300, 300) @ torch.ones(300, 300)
        os._exit(0 if x.sum() == 300**3 and torch.ones(500_000).exp().isfinite().all() else 1)
    assert os.waitpid(child, 0)[1] == 0
thread.join()
"""

# The end of the process took OpenBLAS's memory away under the thread.
DAEMON = """
import threading, time, rushlight as torch

a = torch.randn(1500, 1500, dtype=torch.float64)
threading.Thread(target=lambda: [a @ a for _ in range(1000)], daemon=True).start()
time.sleep(0.2)
"""


@rushlight_only
@pytest.mark.parametrize("program", [FORKS, DAEMON], ids=["fork", "exit"])
def test_process_forks_and_ends_while_a_thread_multiplies(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
