"""repr() of tensors: what a notebook shows of a cell's value, summarised and in full."""

from time import perf_counter

import _harness

TENSORS = {
    "print 3 elements": lambda torch: torch.tensor([1.0, 2.5, -3.0]),
    "print 10 x 10": lambda torch: torch.randn(10, 10),
    "print 1,000 x 1,000, summarised": lambda torch: torch.randn(1000, 1000),
    "print 10^8 elements, expanded": lambda torch: torch.randn(10000, 1).expand(10000, 10000),
    "print 1,000 elements in full": lambda torch: torch.randn(1000),
}


def rows(modules):
    for case, make in TENSORS.items():

        def run(torch, count, make=make):
            torch.manual_seed(0)
            t = make(torch)
            start = perf_counter()
            for _ in range(count):
                repr(t)
            return perf_counter() - start

        yield _harness.compare(case, run, modules)
