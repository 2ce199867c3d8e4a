"""What PyTorch keeps under this name, and programs import from it: ``collate``."""

from rushlight import _C

from . import collate

__all__ = ["collate"]

_C._add_package_globals(globals())
