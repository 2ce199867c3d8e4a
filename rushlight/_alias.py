"""Makes ``import torch`` mean rushlight, in this process and in its multiprocessing children.

``import torchviz`` then means rushlight.viz.torchviz, whether torchviz is installed or not.

Uses the standard library alone and is loaded without its package by _boot/sitecustomize.py, so
that a program under ``rushlight run`` pays for rushlight only once it imports torch.
"""

import os
import sys
from importlib.machinery import ModuleSpec

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_INIT = os.path.join(_FOLDER, "__init__.py")
_BOOT = os.path.join(_FOLDER, "_boot")
_ALIASES = {"torch": "rushlight", "torchviz": "rushlight.viz.torchviz"}


class _AliasLoader:
    """Loads ``torch.x`` by importing ``rushlight.x`` and handing out that very module."""

    def __init__(self, real_name):
        self.real_name = real_name
        self.real_spec = None

    def create_module(self, spec):
        from importlib import import_module

        module = import_module(self.real_name)
        self.real_spec = module.__spec__
        return module

    def exec_module(self, module):
        # The import system has just written the alias's spec over the module's own.
        module.__spec__ = self.real_spec


class _TorchFinder:
    """The first entry of sys.meta_path: answers for the aliases, their submodules and metadata."""

    def find_spec(self, fullname, path=None, target=None):
        package, _, rest = fullname.partition(".")
        if package in _ALIASES and not (rest and _is_real(package)):
            real_name = f"{_ALIASES[package]}.{rest}" if rest else _ALIASES[package]
            real = _real_spec(real_name)
            if real is not None:
                loader = _AliasLoader(real_name)
                is_package = real.submodule_search_locations is not None
                spec = ModuleSpec(fullname, loader, origin=real.origin, is_package=is_package)
                if is_package:
                    spec.submodule_search_locations.extend(real.submodule_search_locations)
                return spec
            # importlib.util.find_spec asks too, and must get None; only a real import fails here.
            if sys._getframe(2).f_code.co_name == "_find_and_load_unlocked":
                from importlib import import_module

                raise import_module("rushlight._missing").module_not_found(fullname, real_name)
        elif fullname == "rushlight":
            return _own_spec()
        elif fullname == "multiprocessing.spawn":
            _patch_multiprocessing()
        return None

    def find_distributions(self, context=None):
        """The metadata of ``torch``, which reports rushlight's version as ``torch.__version__``."""
        from importlib.metadata import Distribution

        if context is None or context.name is None or context.name.lower() != "torch":
            return

        class TorchAlias(Distribution):
            def read_text(self, filename):
                if filename not in ("METADATA", "PKG-INFO"):
                    return None
                from rushlight._version import __version__

                return f"Metadata-Version: 2.1\nName: torch\nVersion: {__version__}\n"

            def locate_file(self, path):
                return os.path.join(os.path.dirname(_FOLDER), path)

        yield TorchAlias()


# Python cuts frames of this file out of an ImportError's traceback: the script's frames remain.
_TorchFinder.find_spec.__code__ = _TorchFinder.find_spec.__code__.replace(
    co_filename="<frozen importlib._bootstrap>"
)


def install_as_torch():
    """Make ``import torch`` in this process, and in its multiprocessing children, mean rushlight.

    For a notebook or an interactive session; ``rushlight run`` does it for a program. May be called
    more than once.
    Raises: RuntimeError where a real torch is loaded already.
    """
    loaded = sys.modules.get("torch")
    if loaded is not None and loaded is not sys.modules.get("rushlight"):
        origin = getattr(loaded, "__file__", None) or "no file"
        raise RuntimeError(
            f"install_as_torch: a real torch is already loaded ({origin}).\n"
            "  fix: restart the interpreter, and call rushlight.install_as_torch() before "
            "`import torch`."
        )
    if not any(isinstance(finder, _TorchFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _TorchFinder())
    if "multiprocessing.spawn" in sys.modules:
        _patch_multiprocessing()


def _is_real(package):
    """Whether a package of this name is loaded that is not ours, as torchviz may be."""
    loaded = sys.modules.get(package)
    return loaded is not None and loaded is not sys.modules.get(_ALIASES[package])


def _real_spec(real_name):
    """The spec behind an alias, or None; the package itself is not imported for it."""
    if real_name == "rushlight":
        loaded = sys.modules.get(real_name)
        return loaded.__spec__ if loaded is not None else _own_spec() or _pinned_spec()
    from importlib.util import find_spec

    loaded = sys.modules.get(real_name)
    if loaded is not None and getattr(loaded, "__spec__", None) is None:
        return ModuleSpec(real_name, None, is_package=hasattr(loaded, "__path__"))
    try:
        return find_spec(real_name)
    except ModuleNotFoundError:
        return None


def _own_spec():
    """A spec of the package of this file, or None where the other finders give the same one."""
    for finder in sys.meta_path:
        if not isinstance(finder, _TorchFinder) and hasattr(finder, "find_spec"):
            spec = finder.find_spec("rushlight", None)
            if spec is not None:
                found = spec.origin is not None and os.path.realpath(spec.origin)
                return None if found == os.path.realpath(_INIT) else _pinned_spec()
    return _pinned_spec()


def _pinned_spec():
    from importlib.util import spec_from_file_location

    return spec_from_file_location("rushlight", _INIT, submodule_search_locations=[_FOLDER])


def _patch_multiprocessing():
    """Let children that start a fresh interpreter install the alias before all else.

    Both spawn and forkserver pass their command line through spawnv_passfds; a child imports the
    main script long after that, and a program that it starts in turn sees nothing of it.
    """
    from multiprocessing import util

    spawnv = util.spawnv_passfds
    if getattr(spawnv, "_installs_torch_alias", False):
        return

    def spawnv_passfds(path, args, passfds):
        return spawnv(path, _with_boot(list(args)), passfds)

    spawnv_passfds._installs_torch_alias = True
    util.spawnv_passfds = spawnv_passfds


def _with_boot(args):
    if "-c" in args[:-1]:
        program = args.index("-c") + 1
        if not args[program].startswith("from multiprocessing.resource_tracker"):
            boot = os.path.join(_BOOT, "sitecustomize.py")
            args[program] = f"__import__('runpy').run_path({boot!r}); {args[program]}"
    return args
