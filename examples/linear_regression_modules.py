"""Fit y = b + w * x with modules: a LinearRegression trained by SGD on shuffled batches.

    rushlight run examples/linear_regression_modules.py --data FILE --x COLUMN --y COLUMN

An ordinary PyTorch script: `python` runs it with PyTorch, `rushlight run` without, and both print
the same numbers. A fifth of the rows is kept for validation. At the end it prints b and w in the
data's units beside the least-squares answer on the rows that it was trained on.
"""

import argparse
import sys

from linear_regression import Column, InputError, least_squares, read_columns

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)


def make_train_step(model, loss_function, optimizer):
    """A function that does one step on a batch and returns its loss."""

    def train_step(x, y):
        model.train()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return train_step


def validate(model, loss_function, loader):
    """The mean loss over the batches."""
    model.eval()
    with torch.no_grad():
        losses = [loss_function(model(x), y).item() for x, y in loader]
    return sum(losses) / len(losses)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="FILE", help="CSV file with a header row")
    parser.add_argument("--x", required=True, metavar="COLUMN", help="column to predict from")
    parser.add_argument("--y", required=True, metavar="COLUMN", help="column to predict")
    parser.add_argument("--lr", type=float, default=0.02, help="learning rate (%(default)s)")
    parser.add_argument("--momentum", type=float, default=0.5, help="of SGD (%(default)s)")
    parser.add_argument("--epochs", type=int, default=50, help="passes (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="rows a step (%(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="of everything random (%(default)s)")
    arguments = parser.parse_args()
    for name in ("epochs", "batch_size"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return arguments


def run(arguments):
    columns = read_columns(arguments.data, (arguments.x, arguments.y))
    if len(columns[0]) < 5:
        raise InputError(f"{arguments.data}: five rows are needed, got {len(columns[0])}")
    torch.manual_seed(arguments.seed)
    rows = TensorDataset(*(torch.tensor(column).view(-1, 1) for column in columns))
    train_rows, valid_rows = random_split(rows, [0.8, 0.2])
    x, y = (
        Column(name, [values[i] for i in train_rows.indices])
        for name, values in zip((arguments.x, arguments.y), columns)
    )
    if x.is_constant:
        raise InputError(f"column {x.name!r} is constant, so w is not determined")
    for tensor, column in zip(rows.tensors, (x, y)):
        tensor.sub_(column.mean).div_(column.scale)

    train_loader = DataLoader(train_rows, batch_size=arguments.batch_size, shuffle=True)
    valid_loader = DataLoader(valid_rows, batch_size=arguments.batch_size)
    model = LinearRegression()
    loss_function = nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=arguments.lr, momentum=arguments.momentum)
    train_step = make_train_step(model, loss_function, optimizer)
    print(model)
    print(f"{len(train_rows)} rows to train on, {len(valid_rows)} to validate\n")
    print("epoch  training loss  validation loss")
    for epoch in range(1, arguments.epochs + 1):
        losses = [train_step(x_batch, y_batch) for x_batch, y_batch in train_loader]
        if epoch in (1, 2, 5) or epoch % 10 == 0 or epoch == arguments.epochs:
            loss = sum(losses) / len(losses)
            print(f"{epoch:5}{loss:15.4f}{validate(model, loss_function, valid_loader):17.4f}")

    state = model.state_dict()
    w = state["linear.weight"].item() * y.scale / x.scale
    b = y.mean + y.scale * state["linear.bias"].item() - w * x.mean
    print(f"\n{'':<18}{'b':>12}{'w':>12}")
    print(f"{'modules':<18}{b:>12.6g}{w:>12.6g}")
    print("{:<18}{:>12.6g}{:>12.6g}".format("least squares", *least_squares(x, y)))


def main():
    try:
        run(parse_arguments())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
