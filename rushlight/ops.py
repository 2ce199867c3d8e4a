"""torch.ops as a module to import from: ``from torch.ops import aten``."""

import sys

from ._ops import ops

sys.modules[__name__] = ops
