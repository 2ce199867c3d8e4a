"""The built-in layout of pictures: seconds for a graph of 1,000 and of 10,000 boxes.

The graphs: a chain, residual blocks, a recurrent network whose weights are chips, one whose
weights are boxes, thousands of boxes with one user, and random ones. Nothing of PyTorch compares.
"""

import random
from time import perf_counter

import _harness

BUDGETS = {1_000: 0.1, 10_000: 0.5}


def chain(n):
    return [(i, i + 1) for i in range(n - 1)]


def residual(n):
    edges = []
    for i in range(0, n - 4, 4):
        edges += [(i, i + 1), (i + 1, i + 2), (i + 2, i + 3), (i + 3, i + 4), (i, i + 4)]
    return edges


def recurrent(n, weights=0):
    """Nine operations a step: two products, their sum, an activation, and its part of the loss."""
    edges, step = [], 9
    for i in range(weights, n - step + 1, step):
        pairs = [(0, 1), (2, 3), (1, 4), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8)]
        edges += [(i + a, i + b) for a, b in pairs]
        if i > weights:
            edges += [(i - step + 6, i + 3), (i - step + 8, i + 8)]
        edges += [(k, i + at) for k, at in zip(range(weights), (0, 2, 5))]
    return edges


def wide(n):
    return [(i, n - 1) for i in range(n - 1)]


def random_edges(n):
    rng = random.Random(0)
    return [(rng.randrange(max(0, i - 50), i), i) for i in range(1, n) for _ in range(1 + i % 2)]


GRAPHS = {
    "chain": chain,
    "residual blocks": residual,
    "recurrent, weights as chips": recurrent,
    "recurrent, weights as boxes": lambda n: recurrent(n, 3),
    "one user": wide,
    "random": random_edges,
}


def rows(modules):
    from rushlight.viz._layout import place

    for n, budget in BUDGETS.items():
        for name, edges_of in GRAPHS.items():
            edges, sizes, docks = edges_of(n), [(110, 30)] * n, [30] * n

            def run(torch, count, sizes=sizes, edges=edges, docks=docks):
                start = perf_counter()
                for _ in range(count):
                    place(sizes, edges, docks)
                return perf_counter() - start

            taken = _harness.measure({"rushlight": (run, modules["rushlight"])}, rounds=5)
            spread = _harness.Spread.of(taken["rushlight"])
            note = f"{n / spread.median:,.0f} boxes a second"
            yield _harness.Row(f"layout, {n:,} boxes, {name}", spread, budget=budget, note=note)
