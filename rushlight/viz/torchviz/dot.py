"""The names of torchviz.dot."""

from collections import namedtuple

from rushlight.viz._sheet import SAVED_PREFIX  # noqa: F401
from rushlight.viz.dot import make_dot, resize_graph  # noqa: F401

Node = namedtuple("Node", ("name", "inputs", "attr", "op"))


def make_dot_from_trace(trace):
    """Raise NotImplementedError, as torchviz does.

    trace: not looked at.
    """
    raise NotImplementedError(
        "This function has been moved to pytorch core and can be found here: "
        "https://pytorch.org/docs/stable/tensorboard.html"
    )
