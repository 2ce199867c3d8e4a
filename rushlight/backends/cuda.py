"""``torch.backends.cuda``: not built; its switches remember what they were set to."""

from .._missing import module_getattr as _module_getattr

_SWITCHES = {
    "allow_tf32": "set_allow_tf32_cublas",
    "allow_fp16_reduced_precision_reduction": "set_allow_fp16_reduction_cublas",
    "allow_bf16_reduced_precision_reduction": "set_allow_bf16_reduction_cublas",
}


class _MatmulSwitches:
    """Precision of matrix products on a GPU, of which there is none."""

    def __init__(self):
        self.allow_tf32 = False
        self.allow_fp16_reduced_precision_reduction = True
        self.allow_bf16_reduced_precision_reduction = True

    def __setattr__(self, name, value):
        if name not in _SWITCHES:
            raise AttributeError(f"Unknown attribute {name}")
        if not isinstance(value, bool):
            raise RuntimeError(f"{_SWITCHES[name]} expects a bool, but got {type(value).__name__}")
        super().__setattr__(name, value)

    def __getattr__(self, name):
        raise AttributeError(f"Unknown attribute {name}")


matmul = _MatmulSwitches()


def is_built():
    """Return False."""
    return False


def __getattr__(name):
    raise _module_getattr(__name__, name)
