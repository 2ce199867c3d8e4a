"""What ``import torchviz`` means in a program under ``rushlight run``."""

from .dot import make_dot, make_dot_from_trace  # noqa: F401
