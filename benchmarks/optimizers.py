"""optim.SGD's step and zero_grad() over many small parameters, in each of PyTorch's ways."""

import importlib
from time import perf_counter

import _harness

WAYS = ({}, {"foreach": True}, {"fused": True})
SHAPE = (8, 8)


def optimizer(torch, number, options):
    optim = importlib.import_module(f"{torch.__name__}.optim")
    params = [torch.randn(*SHAPE).requires_grad_() for _ in range(number)]
    for param in params:
        param.grad = torch.randn(*SHAPE)
    return optim.SGD(params, lr=1e-3, momentum=0.9, weight_decay=1e-4, **options)


def steps(number, options):
    def run(torch, count):
        step = optimizer(torch, number, options).step
        step()  # makes the buffers
        start = perf_counter()
        for _ in range(count):
            step()
        return perf_counter() - start

    return run


def zeros(number):
    def run(torch, count):
        zero = optimizer(torch, number, {}).zero_grad
        start = perf_counter()
        for _ in range(count):
            zero(set_to_none=False)
        return perf_counter() - start

    return run


def rows(modules):
    for number in (4, 50, 500):
        for options in WAYS:
            way = "".join(f", {name}=True" for name in options)
            case = f"SGD with momentum, {number} params{way}"
            yield _harness.compare(case, steps(number, options), modules)
        yield _harness.compare(f"zero_grad of {number} params, in place", zeros(number), modules)
