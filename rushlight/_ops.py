"""torch.ops: PyTorch's names for operations, ``torch.ops.aten.mm.default``, as programs pass them.

``of_call`` tells the name of an operation that runs. Operations that PyTorch composes of others are
named by those (``linear`` is ``addmm`` or ``mm``), and so they run here.
"""

import functools
import sys
from types import ModuleType

from rushlight import _C

_C._add_package_globals(globals())

# Every overload of the operations that have another than `default`, without out= and what is for
# complex or named tensors.
_OVERLOADS = """
add add_ bitwise_and_ bitwise_or_ bitwise_xor_ bucketize copysign copysign_ eq eq_ fill fill_
float_power_ fmod fmod_ ge ge_ greater greater_equal gt gt_ le le_ lerp lerp_ less less_equal lt
lt_ masked_fill masked_fill_ mul mul_ multiply ne ne_ not_equal pow_ remainder_ rsub searchsorted
sub sub_ subtract true_divide: Tensor Scalar; all any squeeze squeeze_: default dim dims; arange:
default start start_step; argsort sort: default stable; bernoulli: default p Tensor; bernoulli_:
Tensor float; bitwise_and bitwise_or bitwise_xor remainder: Tensor Scalar Scalar_Tensor;
bitwise_left_shift bitwise_right_shift: Tensor Tensor_Scalar Scalar_Tensor; bitwise_left_shift_
bitwise_right_shift_: Tensor_Scalar Tensor; clamp clamp_ clamp_max clamp_max_ clamp_min clamp_min_
clip clip_: default Tensor; count_nonzero sum: default dim_IntList; cumulative_trapezoid trapezoid
trapz: x dx; div div_ divide: Tensor Scalar Tensor_mode Scalar_mode; dsplit hsplit vsplit: int
array; empty: memory_format; eye: default m; flatten: using_ints; float_power pow: Tensor_Tensor
Tensor_Scalar Scalar; floor_divide floor_divide_: default Scalar; frexp index ldexp slice
unsafe_split: Tensor; histogram: bins_tensor bin_ct; index_fill index_fill_: int_Tensor
int_Scalar; isin: Tensor_Tensor Tensor_Scalar Scalar_Tensor; log_softmax select softmax transpose
unbind unflatten: int; max min: default dim other; mean median nanmedian: default dim; moveaxis
movedim: intlist int; nanquantile quantile: default scalar; norm: Scalar ScalarOpt_dim
ScalarOpt_dim_dtype ScalarOpt_dtype; normal: Tensor_float float_Tensor Tensor_Tensor float_float;
prod: default dim_int; randint: default low; randint_like: default low_dtype; random_: from to
default; range: step default; repeat_interleave: Tensor self_Tensor self_int; round round_:
default decimals; scatter scatter_: value src reduce value_reduce; scatter_reduce scatter_reduce_:
two; set_: source_Tensor default; special_xlog1py: default other_scalar self_scalar; split: Tensor
sizes; std std_mean var var_mean: default dim correction; tensor_split: sections indices
tensor_indices_or_sections; view: default dtype; where: self ScalarOther ScalarSelf Scalar
default; xlogy: Tensor Scalar_Other Scalar_Self; xlogy_: Tensor Scalar_Other
"""
# The core's names that are not PyTorch's, with or without the "_" of what has no public name here.
_RENAMED = {
    "_add_number": "add",
    "argsort": "sort",
    "_broadcast_bmm": "bmm",
    "_log_sigmoid": "log_sigmoid_forward",
    "_max_pool2d": "max_pool2d_with_indices",
    "_mul_number": "mul",
    "_pair_norm": "norm.ScalarOpt_dim",
}
# PyTorch's own names that begin with "_".
_INTERNAL = frozenset(
    """
    _cdist_forward _euclidean_dist _log_softmax _log_softmax_backward_data
    _prelu_kernel _prelu_kernel_backward _reshape_alias _softmax _softmax_backward_data _to_copy
    _trilinear _unique2 _unsafe_view
    """.split()
)
# Functions that read no element: PyTorch does not count them as operations.
_QUERIES = frozenset(
    """
    can_cast is_complex is_conj is_floating_point is_inference is_neg is_same_size is_signed numel
    """.split()
)


class OpOverload:
    """One form of an operation: equal to itself alone, callable."""

    def __init__(self, packet, name):
        self.overloadpacket = packet
        self.namespace = packet.namespace
        self._opname, self._overloadname = packet.__name__, name
        self.__name__ = f"{packet.__name__}.{name}"

    def name(self):
        """Return ``aten::add.Tensor``, or ``aten::mm`` for a default."""
        suffix = "" if self._overloadname == "default" else f".{self._overloadname}"
        return f"{self.namespace}::{self._opname}{suffix}"

    def __call__(self, /, *args, **kwargs):
        return self.overloadpacket(*args, **kwargs)

    def __str__(self):
        return f"{self.namespace}.{self.__name__}"

    def __repr__(self):
        return f"<OpOverload(op='{self.overloadpacket}', overload='{self._overloadname}')>"

    def __reduce__(self):
        return _find, (str(self),)


class OpOverloadPacket:
    """All forms of an operation; called, it picks the one that fits."""

    def __init__(self, namespace, name):
        self.namespace = namespace
        self.__name__ = name

    def overloads(self):
        """Return the names of its forms."""
        return list(_overloads().get(self.__name__, ("default",)))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(
                f"'{self}' can't have an overload name beginning with '__' and the underlying op "
                f"{self.__name__} has no attribute {name} either."
            )
        if name not in self.overloads() and name != "out":
            raise AttributeError(
                f"The underlying op of '{self}' has no overload name '{name}'", name=name
            )
        overload = self.__dict__[name] = OpOverload(self, name)
        return overload

    def __call__(self, /, *args, **kwargs):
        return _function(self.__name__)(*args, **kwargs)

    def __str__(self):
        return f"{self.namespace}.{self.__name__}"

    def __repr__(self):
        return f"<OpOverloadPacket(op='{self}')>"

    def __reduce__(self):
        return _find, (str(self),)


class _OpNamespace(ModuleType):
    """torch.ops.aten; any other is empty."""

    __file__ = "torch.ops"

    def __init__(self, name):
        super().__init__(f"torch.ops.{name}")
        self._name = name

    def __getattr__(self, name):
        if name.startswith("__") or self._name != "aten" or name not in _names():
            raise AttributeError(
                f"'_OpNamespace' '{self._name}' object has no attribute '{name}'", name=name
            )
        packet = self.__dict__[name] = OpOverloadPacket(self._name, name)
        return packet

    def __dir__(self):
        return sorted(_names()) if self._name == "aten" else []


class _Ops(ModuleType):
    __file__ = "_ops.py"

    def __init__(self):
        super().__init__("torch.ops")

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        namespace = self.__dict__[name] = _OpNamespace(name)
        return namespace


ops = _Ops()


def _find(path):
    """What lies at ``aten.mm.default``, which is how an operation is pickled and copied."""
    return functools.reduce(getattr, path.split("."), ops)


_cache = {}


def _overloads():
    if "overloads" not in _cache:
        found = _cache["overloads"] = {}
        for entry in _OVERLOADS.split(";"):
            names, forms = entry.split(":")
            found.update(dict.fromkeys(names.split(), tuple(forms.split())))
    return _cache["overloads"]


def _names():
    if "names" not in _cache:
        names = _cache["names"] = {*_INTERNAL, *_overloads()}
        names.update(name for name in _RENAMED.values() if "." not in name)
        for op in _C._op_table():
            for name in (op["name"], *op["aliases"].split()):
                aten = name if name in _INTERNAL else name.lstrip("_")
                names.update((aten, aten + "_") if op["inplace"] else (aten,))
    return _cache["names"]


def _function(name):
    """What runs an operation of this name."""
    from rushlight.nn import functional

    for place in (sys.modules["rushlight"], _C.Tensor, functional):
        function = getattr(place, name, None)
        if function is not None:
            return function
    function = getattr(_C, f"_{name}", None)
    if function is None:
        raise NotImplementedError(
            f"aten::{name} is a part of other operations here: a policy may name it, but it cannot "
            "be called"
        )
    return function


def of_call(name, args, kwargs):
    """Return the OpOverload of an operation that ran, None for a query.

    name: the core's, with "_" behind it in place, ".out" for one with out=. args, kwargs: what it
    was given, without defaults.
    """
    if name in _QUERIES:
        return None
    name, _, out = name.partition(".")
    if name == "split" and not isinstance(args[1], int):
        name = "split_with_sizes"
    elif name not in _INTERNAL:
        name = _RENAMED.get(name) or name.lstrip("_")
    name, _, form = name.partition(".")
    forms = _overloads().get(name, ("default",))
    if out:
        form = "out"
    elif form:
        pass
    elif len(forms) == 1:
        form = forms[0]
    else:
        form = _form(name.rstrip("_"), forms, args, kwargs)
    return getattr(getattr(ops.aten, name), form)


def _form(name, forms, args, kwargs):
    """Choose among several forms as PyTorch does."""
    tensors = [isinstance(a, _C.Tensor) for a in args]
    if name in ("add", "sub", "mul"):
        return "Tensor"
    if name == "div":
        return "Tensor_mode" if kwargs.get("rounding_mode") is not None else "Tensor"
    if name in ("var", "std", "var_mean", "std_mean"):
        return "correction"
    if "Tensor_Tensor" in forms or "Tensor_Scalar" in forms:
        return _of_operands(name, forms, tensors)
    if name in ("xlogy", "special_xlog1py"):
        plain, other, self = forms if len(forms) == 3 else (*forms, None)
        return plain if all(tensors) else other if tensors[0] else self
    if "Scalar_Tensor" in forms and not tensors[0]:
        return "Scalar_Tensor"
    if forms == ("default", "Tensor"):  # clamp and its kind
        return "Tensor" if any(tensors[1:]) else "default"
    if name in ("scatter", "index_fill"):
        if name == "index_fill":
            return forms[0 if tensors[-1] else 1]
        reduces = "reduce" in kwargs
        return ("reduce" if reduces else "src") if tensors[3] else forms[3 if reduces else 0]
    if "Scalar" in forms and "Tensor" in forms:
        return "Tensor" if tensors[-1] else "Scalar"
    if name in ("floor_divide", "where", "sort", "split", "quantile"):
        return forms[0]
    if forms == ("Tensor", "float"):  # bernoulli_
        return forms[0 if any(tensors[1:]) else 1]
    if name in ("round", "squeeze", "view"):
        return _of_options(name, args, kwargs)
    if name == "arange":
        return forms[min(sum(a is not None for a in args), 3) - 1]
    given = len(args) > 1 and args[1] is not None
    return forms[1] if given or kwargs.get("dim") is not None else forms[0]


def _of_operands(name, forms, tensors):
    """Of two operands, of which one may be a number."""
    if all(tensors[:2]):
        return "Tensor_Tensor" if "Tensor_Tensor" in forms else "Tensor"
    if tensors[0]:
        return "Tensor_Scalar"
    return "Scalar" if name in ("pow", "float_power") else "Scalar_Tensor"


def _of_options(name, args, kwargs):
    if name == "round":
        return "decimals" if "decimals" in kwargs else "default"
    if len(args) < 2:
        return "default"
    if name == "view":
        return "dtype" if isinstance(args[1], _C.dtype) else "default"
    return "dim" if isinstance(args[1], int) else "dims"
