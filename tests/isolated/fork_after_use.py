"""A child process after the parent has computed, drawn numbers, used threads and run backward."""

import os
import sys
import threading

from _module import torch

torch.manual_seed(1)
w = torch.randn(300, 300, requires_grad=True)
loss = ((w @ w).tanh() * w).sum()
loss.backward(retain_graph=True)
expected, number = w.grad.sum().item(), torch.rand(1).item()
torch.manual_seed(1)
torch.randn(300, 300)

# Another thread is at work while the process forks.
stop = threading.Event()


def work():
    x = torch.ones(1000, requires_grad=True)
    while not stop.is_set():
        (x * 2).sum().backward()


thread = threading.Thread(target=work)
thread.start()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            w.grad = None
            loss.backward(retain_graph=True)  # the graph of the parent
            again = ((w @ w).tanh() * w).sum()  # and one of its own, with the thread pool
            assert abs(w.grad.sum().item() - expected) < 1e-3 * abs(expected)
            assert torch.rand(1).item() == number
            again.backward()
            big = torch.ones(2_000_000).exp().sum()
            assert big.item() > 5e6
            status = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    children.append(child)
statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
thread.join()
w.grad = None
loss.backward()
assert w.grad.sum().item() == expected
print(*statuses)
