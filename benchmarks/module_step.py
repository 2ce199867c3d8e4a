"""Training with modules: a step of nn.Linear, nn.MSELoss and optim.SGD, a pass of a DataLoader."""

import importlib
import math
from time import perf_counter

import _harness
from train_step import POINTS, data


def parts(torch):
    """The modules of the package that it imports only when they are used."""
    return (importlib.import_module(f"{torch.__name__}.{name}") for name in ("nn", "optim"))


def train(torch, steps):
    """Returns the seconds of ``steps`` training steps, and the bias and weight after them."""
    nn, optim = parts(torch)
    x_train, y_train = data(torch)
    torch.manual_seed(42)
    model = nn.Sequential(nn.Linear(1, 1))
    loss_function = nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    start = perf_counter()
    for _ in range(steps):
        yhat = model(x_train)
        loss = loss_function(yhat, y_train)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return perf_counter() - start, model[0].bias.item(), model[0].weight.item()


def step(torch, count):
    return train(torch, count)[0]


def load(torch, count):
    """Seconds of ``count`` passes over the points in shuffled batches of 16."""
    utils = importlib.import_module(f"{torch.__name__}.utils.data")
    loader = utils.DataLoader(utils.TensorDataset(*data(torch)), batch_size=16, shuffle=True)
    start = perf_counter()
    for _ in range(count):
        for _ in loader:
            pass
    return perf_counter() - start


def rows(modules):
    results = {name: train(torch, 1000)[1:] for name, torch in modules.items() if torch}
    ours, theirs = results["rushlight"], results.get("torch", results["rushlight"])
    if not all(math.isclose(p, q, rel_tol=1e-5) for p, q in zip(ours, theirs)):
        raise AssertionError(f"after 1000 steps b, w are {ours} here and {theirs} in PyTorch")
    yield _harness.compare(f"training step of modules, {POINTS} points", step, modules)
    yield _harness.compare(f"shuffled pass over {POINTS} rows, batches of 16", load, modules)
