"""Backward from several threads: on graphs of their own, on shared leaves, on one shared graph."""

import threading

import pytest
from support import leaf, torch

THREADS = 8


def in_threads(work):
    """Run work(number) in threads that start together; raise the first exception of any."""
    barrier, errors = threading.Barrier(THREADS), []

    def run(number):
        try:
            barrier.wait(30)
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]


def test_graphs_of_their_own():
    grads = [None] * THREADS

    def work(number):
        for _ in range(50):
            x = leaf([float(number)] * 10)
            (x * x).sum().backward()
            grads[number] = x.grad.tolist()

    in_threads(work)
    assert grads == [[2.0 * n] * 10 for n in range(THREADS)]


@pytest.mark.parametrize("size", [1, 1000, 200_000])
def test_sum_into_a_shared_leaf_is_exact(size):
    x, turns = torch.zeros(size, requires_grad=True), 20

    def work(number):
        for _ in range(turns):
            (x * (number + 1)).sum().backward()

    in_threads(work)
    total = float(turns * sum(range(1, THREADS + 1)))
    assert (x.grad == total).sum().item() == size


def test_sum_into_a_shared_leaf_through_a_shared_graph_is_exact():
    x = torch.zeros(1000, requires_grad=True)
    shared = (x * 2) * 3

    def work(number):
        for _ in range(20):
            (shared * (number + 1)).sum().backward(retain_graph=True)

    in_threads(work)
    assert x.grad.sum().item() == 1000 * 6 * 20 * sum(range(1, THREADS + 1))


def test_hooks_run_in_the_thread_that_asked():
    seen = []

    def work(number):
        x = leaf([1.0])
        y = x * 2
        y.register_hook(lambda g: seen.append(threading.current_thread().name == name) or None)
        name = threading.current_thread().name
        y.sum().backward()
        assert x.grad.item() == 2.0

    in_threads(work)
    assert seen == [True] * THREADS


def test_grad_mode_is_of_the_thread():
    def work(number):
        with torch.no_grad() if number % 2 else torch.enable_grad():
            for _ in range(200):
                x = leaf([1.0])
                assert (x * 2).requires_grad == (number % 2 == 0)

    with torch.no_grad():
        in_threads(work)
    assert torch.is_grad_enabled()


def test_exception_in_one_thread_leaves_the_others():
    x = torch.zeros(100, requires_grad=True)

    def work(number):
        for _ in range(20):
            y = x * 1
            if number == 0:
                y.register_hook(lambda g: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    y.sum().backward()
            else:
                y.sum().backward()

    in_threads(work)
    assert x.grad.sum().item() == 100 * 20 * (THREADS - 1)


def test_graph_made_in_one_thread_and_freed_in_another():
    made = [None] * THREADS

    def make(number):
        x = leaf([1.0] * 10)
        y = x
        for _ in range(200):
            y = y * 1.0
        made[number] = (x, y)

    def free(number):
        x, y = made.pop()
        y.sum().backward()
        del y
        assert x.grad.tolist() == [1.0] * 10

    in_threads(make)
    in_threads(free)


def test_reading_and_writing_one_tensor_loses_no_memory():
    x = torch.zeros(1000)

    def work(number):
        for _ in range(200):
            x.add_(1)
            x[number].item()
            x[1:5].mul_(1)

    in_threads(work)
    assert x.shape == (1000,) and x.sum().item() > 0
