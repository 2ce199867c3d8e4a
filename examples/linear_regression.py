"""Fit y = b + w * x to two columns of a CSV file by gradient descent.

    rushlight run examples/linear_regression.py --data FILE --x COLUMN --y COLUMN

An ordinary PyTorch script: `python` runs it with PyTorch, `rushlight run` without. It prints b and
w in the data's units beside the closed-form least-squares answer, and where matplotlib is installed
it saves the fitted line and the loss curve as one picture.
"""

import argparse
import csv
import math
import sys
from pathlib import Path

import torch

try:
    from tqdm import tqdm
except ImportError:  # the progress bar is a convenience

    def tqdm(iterable, **_):
        return iterable


class InputError(Exception):
    """The data or the options are at fault; the text is one line for the user."""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="FILE", help="CSV file with a header row")
    parser.add_argument("--x", required=True, metavar="COLUMN", help="column to predict from")
    parser.add_argument("--y", required=True, metavar="COLUMN", help="column to predict")
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate (%(default)s)")
    parser.add_argument("--epochs", type=int, default=200, help="training steps (%(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="of the first b and w (%(default)s)")
    parser.add_argument(
        "--plot",
        metavar="FILE.png",
        help="picture to save (linear_regression.png, where matplotlib is installed)",
    )
    arguments = parser.parse_args()
    if arguments.epochs < 1:
        parser.error("--epochs must be at least 1")
    if not (arguments.lr > 0 and math.isfinite(arguments.lr)):
        parser.error("--lr must be a positive number")
    return arguments


def read_columns(path, names):
    """Two lists of floats: the named columns of a CSV file with a header row."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            for name in names:
                if name not in header:
                    found = ", ".join(header) or "no header row"
                    raise InputError(f"{path}: no column {name!r}; the file has {found}")
            places = [header.index(name) for name in names]
            columns = [[] for _ in names]
            for row in rows:
                if not row:
                    continue
                for name, place, column in zip(names, places, columns):
                    cell = row[place].strip() if place < len(row) else ""
                    column.append(number(cell, f"{path}:{rows.line_num}: column {name!r}"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: {error}") from None
    return columns


def number(cell, where):
    try:
        value = float(cell)
    except ValueError:
        raise InputError(f"{where}: {cell!r} is not a number") from None
    if not math.isfinite(value):
        raise InputError(f"{where}: {cell!r} is not a finite number")
    return value


class Column:
    """A column with the mean and standard deviation that bring it to a scale of about one."""

    def __init__(self, name, values):
        self.name = name
        self.values = values
        try:
            self.mean = math.fsum(values) / len(values)
            deviations = [v - self.mean for v in values]
            self.scale = math.sqrt(math.fsum(d * d for d in deviations) / len(values))
        except OverflowError:
            self.scale = math.inf
        if not math.isfinite(self.scale):
            raise InputError(f"column {name!r}: the numbers are too large")
        self.is_constant = max(values) == min(values) or self.scale == 0
        if self.is_constant:
            self.scale = 1.0
        self.standard = [d / self.scale for d in deviations]


def least_squares(x, y):
    """The b and w of the closed form, in the data's units."""
    w = math.fsum(a * b for a, b in zip(x.standard, y.standard)) / len(x.values)
    w *= y.scale / x.scale
    return y.mean - w * x.mean, w


def mean_squared_error(b, w, x, y):
    errors = [b + w * a - c for a, c in zip(x.values, y.values)]
    return sum(e * e for e in errors) / len(errors)


def train(x, y, lr, epochs, seed):
    """Fit b and w on standardised data; returns both in the data's units and the loss per epoch."""
    x_train = torch.tensor(x.standard, dtype=torch.float)
    y_train = torch.tensor(y.standard, dtype=torch.float)

    torch.manual_seed(seed)
    b = torch.randn(1, requires_grad=True, dtype=torch.float)
    w = torch.randn(1, requires_grad=True, dtype=torch.float)

    losses = []
    for _ in tqdm(range(epochs), desc="training", unit="epoch"):
        yhat = b + w * x_train
        error = y_train - yhat
        loss = (error**2).mean()
        loss.backward()
        with torch.no_grad():
            b -= lr * b.grad
            w -= lr * w.grad
        b.grad.zero_()
        w.grad.zero_()
        losses.append(loss.item())

    slope = w.item() * y.scale / x.scale
    return y.mean + y.scale * b.item() - slope * x.mean, slope, losses


def load_pyplot(wanted):
    """matplotlib.pyplot, or None without matplotlib unless a picture was asked for."""
    try:
        import matplotlib
    except ImportError:
        if wanted:
            raise InputError("--plot needs matplotlib: pip install matplotlib") from None
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save_picture(pyplot, path, x, y, b, w, losses, best_loss):
    """Two panels: the data with the fitted line, and the loss of each epoch."""
    ink, accent, muted = "#2b2b2b", "#d1495b", "#3d7ea6"
    style = {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#8a8a8a",
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "text.color": ink,
        "axes.labelcolor": ink,
        "xtick.color": ink,
        "ytick.color": ink,
    }
    with pyplot.rc_context(style):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
        left.scatter(x.values, y.values, s=16, color=muted, alpha=0.55, linewidths=0)
        ends = [min(x.values), max(x.values)]
        left.plot(ends, [b + w * end for end in ends], color=accent, linewidth=2)
        left.set(xlabel=x.name, ylabel=y.name)
        sign = "+" if w >= 0 else "\N{MINUS SIGN}"
        left.set_title(f"{y.name} = {b:.6g} {sign} {abs(w):.6g} \N{MULTIPLICATION SIGN} {x.name}")

        right.plot(range(1, len(losses) + 1), losses, color=accent, linewidth=2)
        right.axhline(best_loss, color=muted, linewidth=1.5, linestyle=(0, (4, 3)))
        right.annotate(
            "least squares",
            (1, best_loss),
            xycoords=("axes fraction", "data"),
            xytext=(0, 5),
            textcoords="offset points",
            ha="right",
            color=muted,
        )
        right.set_xscale("log")
        right.xaxis.set_major_formatter("{x:g}")
        right.set_ylim(bottom=0)
        right.set_title("Loss")
        right.set(xlabel="epoch", ylabel="mean squared error, standardised data")
        try:
            figure.savefig(path, dpi=150)
        except (OSError, ValueError) as error:  # an unknown file format is a ValueError
            raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
        finally:
            pyplot.close(figure)


def report(arguments, x, y, fitted, exact):
    print(f"{arguments.data}: {len(x.values)} rows, {y.name} = b + w * {x.name}")
    print(f"{arguments.epochs} epochs at learning rate {arguments.lr:g}\n")
    print(f"{'':<18}{'b':>12}{'w':>12}{'mean squared error':>22}")
    for label, (b, w) in (("gradient descent", fitted), ("least squares", exact)):
        print(f"{label:<18}{b:>12.6g}{w:>12.6g}{mean_squared_error(b, w, x, y):>22.6g}")
    print()
    # A b or w of nearly 0 is as exact as the float32 it was trained in, seen from the data's scale.
    scales = y.scale, y.scale / x.scale
    if all(
        math.isclose(p, q, rel_tol=5e-5, abs_tol=1e-6 * scale)
        for p, q, scale in zip(fitted, exact, scales)
    ):
        print("Both agree to 4 digits.")
    else:
        print("They do not agree to 4 digits yet: use more --epochs, or another --lr.")


def run(arguments):
    x_values, y_values = read_columns(arguments.data, (arguments.x, arguments.y))
    if len(x_values) < 2:
        count = f"{len(x_values)} row{'' if len(x_values) == 1 else 's'} of data"
        raise InputError(f"{arguments.data}: a line needs at least two rows, got {count}")
    x, y = Column(arguments.x, x_values), Column(arguments.y, y_values)
    if x.is_constant:
        raise InputError(f"{arguments.data}: column {x.name!r} is constant, so w is not determined")
    pyplot = load_pyplot(wanted=arguments.plot)

    b, w, losses = train(x, y, arguments.lr, arguments.epochs, arguments.seed)
    if not (math.isfinite(b) and math.isfinite(w)):
        raise InputError(f"the training diverged: use a smaller --lr than {arguments.lr:g}")
    exact = least_squares(x, y)
    report(arguments, x, y, (b, w), exact)
    if pyplot:
        path = Path(arguments.plot or "linear_regression.png")
        best_loss = mean_squared_error(*exact, x, y) / y.scale**2
        save_picture(pyplot, path, x, y, b, w, losses, best_loss)
        print(f"Picture: {path}")


def main():
    try:
        run(parse_arguments())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
