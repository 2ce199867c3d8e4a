"""Anomaly mode: where a node that fails was recorded, and which one makes the first nan."""

import warnings

from rushlight import _C

__all__ = ["detect_anomaly", "set_detect_anomaly"]

_C._add_package_globals(globals())


class set_detect_anomaly:
    """Switch anomaly mode, of all threads, on or off: as a function, or for the length of a block.

    mode: bool. check_nan: bool, whether nan in a gradient is an error.
    While it is on, a node keeps its traceback in ``metadata["traceback_"]``, and a backward pass
    that fails warns of the traceback of the node that failed. Costs microseconds per operation.
    Raises: TypeError for what is no bool; while on, backward() raises RuntimeError at the first
        node that makes a nan.
    """

    def __init__(self, mode, check_nan=True):
        self.prev = _C.is_anomaly_enabled()
        self.prev_check_nan = _C.is_anomaly_check_nan_enabled()
        _C.set_anomaly_enabled(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *args):
        _C.set_anomaly_enabled(self.prev, self.prev_check_nan)


class detect_anomaly(set_detect_anomaly):
    """Anomaly mode for the length of a block, as ``set_detect_anomaly(True, check_nan)``.

    Warns that it is slow when it is made. It is on from ``__enter__`` on.
    """

    def __init__(self, check_nan=True):
        self.prev = _C.is_anomaly_enabled()
        self.check_nan = check_nan
        self.prev_check_nan = _C.is_anomaly_check_nan_enabled()
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self):
        _C.set_anomaly_enabled(True, self.check_nan)
