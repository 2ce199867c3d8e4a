"""A chain of a million nodes: backward, and release from either end, also on a small stack.

A walk or a release that recursed would overflow: the main thread's stack holds some 100,000 frames,
the small thread's far fewer.
"""

import sys
import threading

from _module import torch

length = int(sys.argv[1])


def chain():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1
    return x, y


def backward_then_release():
    x, y = chain()
    y.backward()
    assert x.grad.item() == 1.0
    del y


def release_without_backward():
    x, y = chain()
    del x
    del y


def release_by_the_other_end():
    """The last owner of the chain is the node, not a tensor."""
    x, y = chain()
    node = y.grad_fn
    del x, y
    del node


def saved_values_are_released_too():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(length):
        y = y * x
    y.backward()
    assert x.grad.item() == length + 1
    del y


def in_place_chain():
    x = torch.ones(1, requires_grad=True)
    y = x + 0
    for _ in range(length):
        y += 1
    y.backward()
    assert x.grad.item() == 1.0


def every_tensor_kept():
    x = torch.ones(1, requires_grad=True)
    kept = [x]
    for _ in range(length):
        kept.append(kept[-1] + 1)
    kept[-1].backward()
    kept.reverse()
    kept.clear()


CASES = [
    backward_then_release,
    release_without_backward,
    release_by_the_other_end,
    saved_values_are_released_too,
    in_place_chain,
    every_tensor_kept,
]

for case in CASES:
    case()
    print(case.__name__, flush=True)

failures = []


def on_a_small_stack():
    try:
        backward_then_release()
        release_without_backward()
    except BaseException as error:
        failures.append(error)


threading.stack_size(256 * 1024)
thread = threading.Thread(target=on_a_small_stack)
thread.start()
thread.join()
assert not failures, failures
print("small stack")
