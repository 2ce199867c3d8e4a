"""Fit a line to points, one step, and see the graph of its loss in three ways.

    python examples/see_the_graph.py [FOLDER]

Writes into FOLDER (the current one by default): yhat.svg, the figure that books show; loss.svg,
with the values, gradients and rules of each operation; loss.html, the same to walk around in.
"""

import sys
from pathlib import Path

import rushlight as torch


def main(folder):
    torch.manual_seed(42)
    x = torch.rand(80, 1)
    y = 1 + 2 * x + 0.1 * torch.randn(80, 1)
    b = torch.randn(1, requires_grad=True)
    w = torch.randn(1, requires_grad=True)

    yhat = b + w * x
    error = y - yhat
    loss = (error**2).mean()

    folder.mkdir(parents=True, exist_ok=True)
    figure = torch.make_dot(yhat, params={"b": b, "w": w}, style="classic")
    (folder / "yhat.svg").write_bytes(figure.pipe("svg"))
    graph = torch.graph(loss, params={"b": b, "w": w}, values=True)
    graph.to_svg(folder / "loss.svg")
    graph.to_html(folder / "loss.html")
    print(graph)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
