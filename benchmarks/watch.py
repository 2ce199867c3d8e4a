"""What rushlight.debug.watch_nonfinite adds to a training step."""

from time import perf_counter

import _harness


def regression(torch, points):
    x, y = torch.randn(points), torch.randn(points)
    b, w = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)

    def step():
        b.grad = w.grad = None
        ((y - (b + w * x)) ** 2).mean().backward()

    return step


def network(torch, width, batch):
    nn = torch.nn
    layers = [nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(width, 1))
    x, y = torch.randn(batch, width), torch.randn(batch, 1)

    def step():
        model.zero_grad()
        ((model(x) - y) ** 2).mean().backward()

    return step


CASES = {
    "regression, 100 points": lambda torch: regression(torch, 100),
    "regression, 10,000 points": lambda torch: regression(torch, 10_000),
    "network, width 32, batch 32": lambda torch: network(torch, 32, 32),
    "network, width 256, batch 64": lambda torch: network(torch, 256, 64),
}


def watched(mode, make):
    def run(torch, count):
        step = make(torch)
        with torch.debug.watch_nonfinite(mode):
            step()
            start = perf_counter()
            for _ in range(count):
                step()
            return perf_counter() - start

    return run


def rows(modules):
    torch = modules["rushlight"]
    for case, make in CASES.items():
        runs = {mode: (watched(mode, make), torch) for mode in ("record", "off")}
        taken = _harness.measure(runs, rounds=31)
        ours = _harness.Spread.of(taken["record"])
        ratio = _harness.Spread.of([on / off for on, off in zip(taken["record"], taken["off"])])
        note = f"{ratio.median:.3f} of the time without"
        yield _harness.Row(f"watched {case}", ours, note=note)
