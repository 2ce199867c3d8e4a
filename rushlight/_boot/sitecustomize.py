"""Run by a fresh interpreter before the program: installs the torch alias, then leaves no trace.

``rushlight run`` puts this folder on PYTHONPATH for one start of Python, whose ``site`` imports
the module of this name; a multiprocessing child runs it by its path.
"""

import importlib.util
import os
import sys

_BOOT = os.path.dirname(os.path.abspath(__file__))


def _install():
    name = "rushlight._alias"
    if name not in sys.modules:
        path = os.path.join(os.path.dirname(_BOOT), "_alias.py")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    sys.modules[name].install_as_torch()


def _leave_no_trace():
    """Undo what ``rushlight run`` did to PYTHONPATH, for this process and for all it starts."""
    first, separator, rest = os.environ.get("PYTHONPATH", "").partition(os.pathsep)
    if first == _BOOT:
        if separator:
            os.environ["PYTHONPATH"] = rest
        else:
            del os.environ["PYTHONPATH"]
    sys.path[:] = [entry for entry in sys.path if entry != _BOOT]
    sys.path_importer_cache.pop(_BOOT, None)


if __name__ == "sitecustomize":
    _leave_no_trace()
    _install()
    # The module that this one stood in for; its absence is the ImportError that site expects.
    del sys.modules["sitecustomize"]
    import sitecustomize  # noqa: F401
else:
    _install()
