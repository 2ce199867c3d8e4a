"""PyTorch's autograd, small, fast and see-through: ``import rushlight as torch``."""

from math import e, inf, nan, pi  # noqa: F401

from . import _C
from ._C import *  # noqa: F403 - every op, dtype and setting of the core
from ._version import __version__  # noqa: F401

newaxis = None

# Frames of these modules are never the user's: a Site is taken further out.
_C._add_package_globals(globals())

TYPE_CHECKING = False  # type checkers take it for true; typing would cost the import
if TYPE_CHECKING:
    from ._alias import install_as_torch  # noqa: F401
    from ._settings import *  # noqa: F403
    from ._tensor_str import get_printoptions, printoptions, set_printoptions  # noqa: F401
    from ._tensor_types import *  # noqa: F403
    from ._typename import typename  # noqa: F401
    from .viz._record import record  # noqa: F401
    from .viz.dot import make_dot  # noqa: F401
    from .viz.graph import Graph, graph  # noqa: F401

# Submodules and the names that live in them, imported when they are first asked for.
_SUBMODULES = frozenset(
    (
        "_ops",
        "_tensor_str",
        "autograd",
        "backends",
        "cpu",
        "cuda",
        "debug",
        "functional",
        "linalg",
        "nn",
        "ops",
        "optim",
        "overrides",
        "profiler",
        "random",
        "return_types",
        "special",
        "utils",
        "version",
        "viz",
    ),
)
_LAZY = {
    "Graph": "viz.graph",
    "addmv_": "functional",
    "asarray": "_asarray",
    "atleast_1d": "_shapes",
    "atleast_2d": "_shapes",
    "atleast_3d": "_shapes",
    "block_diag": "_shapes",
    "are_deterministic_algorithms_enabled": "_settings",
    "broadcast_shapes": "functional",
    "broadcast_tensors": "functional",
    "cartesian_prod": "_shapes",
    "combinations": "_shapes",
    "cdist": "functional",
    "chain_matmul": "functional",
    "compile": "_settings",
    "corrcoef": "_covariance",
    "cov": "_covariance",
    "einsum": "_einsum",
    "finfo": "_type_info",
    "cosine_similarity": "nn._distances",
    "fork_rng": "random",
    "embedding_renorm_": "_sets",
    "from_dlpack": "utils.dlpack",
    "get_default_device": "_settings",
    "get_deterministic_debug_mode": "_settings",
    "get_float32_matmul_precision": "_settings",
    "get_printoptions": "_tensor_str",
    "graph": "viz.graph",
    "histogram": "_sets",
    "iinfo": "_type_info",
    "install_as_torch": "_alias",
    "is_deterministic_algorithms_warn_only_enabled": "_settings",
    "make_dot": "viz.dot",
    "max_pool1d": "nn._pool",
    "max_pool1d_with_indices": "nn._pool",
    "max_pool2d": "nn._pool",
    "meshgrid": "_shapes",
    "positive": "functional",
    "pairwise_distance": "nn._distances",
    "printoptions": "_tensor_str",
    "record": "viz._record",
    "rms_norm": "nn._distances",
    "set_default_device": "_settings",
    "set_default_tensor_type": "_settings",
    "set_deterministic_debug_mode": "_settings",
    "set_float32_matmul_precision": "_settings",
    "set_printoptions": "_tensor_str",
    "tensordot": "functional",
    "typename": "_typename",
    "unique": "_sets",
    "unique_consecutive": "_sets",
    "use_deterministic_algorithms": "_settings",
    "vander": "functional",
    **dict.fromkeys(
        (
            "BFloat16Tensor",
            "BoolTensor",
            "ByteTensor",
            "CharTensor",
            "DoubleTensor",
            "FloatTensor",
            "HalfTensor",
            "IntTensor",
            "LongTensor",
            "ShortTensor",
        ),
        "_tensor_types",
    ),
    "detach_": "functional",
}


def __getattr__(name):
    if name.startswith("_") and name not in _SUBMODULES:  # probes of the import system
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    from importlib import import_module

    if name in _SUBMODULES:
        return import_module(f"rushlight.{name}")
    if name in _LAZY:
        value = getattr(import_module(f"rushlight.{_LAZY[name]}"), name)
        globals()[name] = value
        return value
    from ._missing import module_getattr

    raise module_getattr(__name__, name)


def __dir__():
    return sorted({*globals(), *_SUBMODULES, *_LAZY})


from . import _hooks, _tensor  # noqa: E402 - they need the names above

_tensor.install(Tensor)  # noqa: F405
_hooks.install(Tensor)  # noqa: F405
