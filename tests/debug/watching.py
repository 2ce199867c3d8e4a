"""What the tests of watch_nonfinite share."""

import inspect

from support import torch


def leaf(*values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, requires_grad=True)


def here():
    return inspect.currentframe().f_back.f_lineno
