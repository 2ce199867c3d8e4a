"""``torch.finfo`` and ``torch.iinfo``: the limits of the dtypes."""

from rushlight import _C

__all__ = ["finfo", "iinfo"]

_C._add_package_globals(globals())

# Digits of the significand with the leading one, the largest and the smallest normal exponent, and
# the resolution.
_FLOATS = {
    _C.float16: (11, 15, -14, 1e-3),
    _C.bfloat16: (8, 127, -126, 1e-2),
    _C.float32: (24, 127, -126, 1e-6),
    _C.float64: (53, 1023, -1022, 1e-15),
}
_PYTHON_TYPES = {float: _C.float64, int: _C.int64, bool: _C.bool}


def _dtype_of(name, given):
    dtype = _PYTHON_TYPES.get(given) if isinstance(given, type) else given
    if not isinstance(dtype, _C.dtype):
        raise TypeError(
            f"{name}(): argument 'type' (position 1) must be torch.dtype, not "
            f"{type(given).__name__}"
        )
    return dtype


# What ATen's messages and C++'s call a dtype, where that is not its name.
_TITLES = {
    "uint8": ("Byte", "unsigned char"),
    "int8": ("Char", "signed char"),
    "int16": ("Short", "short int"),
    "int32": ("Int", "int"),
    "int64": ("Long", "long int"),
    "float16": ("Half", "c10::Half"),
    "bfloat16": ("BFloat16", "c10::BFloat16"),
    "float32": ("Float", "float"),
    "float64": ("Double", "double"),
    "bool": ("Bool", "bool"),
}


def title(dtype):
    """The name of a dtype in the words of most errors: "Half" of float16."""
    return _TITLES[str(dtype).removeprefix("torch.")][0]


def cpp_name(dtype):
    """The name of a dtype's type in C++, which some errors say."""
    return _TITLES[str(dtype).removeprefix("torch.")][1]


class _Info:
    __slots__ = ("_dtype",)

    @property
    def bits(self):
        """Bits of one number."""
        return self._dtype.itemsize * 8

    @property
    def dtype(self):
        """The dtype's name, for example "float32"."""
        return str(self._dtype).removeprefix("torch.")

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self._dtype is other._dtype

    __hash__ = None

    def __reduce__(self):
        return type(self), (self._dtype,)


class finfo(_Info):
    """The limits of a dtype of floating point.

    type: such a dtype; without one, the default. Raises: TypeError for another dtype.
    """

    __slots__ = ()

    def __init__(self, type=None):
        dtype = _C.get_default_dtype() if type is None else _dtype_of("finfo", type)
        if not dtype.is_floating_point:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                "'torch.finfo'"
            )
        self._dtype = dtype

    @property
    def eps(self):
        """The distance from 1 to the next number."""
        return 2.0 ** (1 - _FLOATS[self._dtype][0])

    @property
    def max(self):
        """The largest finite number."""
        digits, largest = _FLOATS[self._dtype][:2]
        return (2.0 - 2.0 ** (1 - digits)) * 2.0**largest

    @property
    def min(self):
        """The lowest finite number."""
        return -self.max

    @property
    def smallest_normal(self):
        """The smallest positive number of full precision."""
        return 2.0 ** _FLOATS[self._dtype][2]

    tiny = smallest_normal

    @property
    def resolution(self):
        """The decimal power that is told from 0 beside 1."""
        return _FLOATS[self._dtype][3]

    def __repr__(self):
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo(_Info):
    """The limits of a dtype of integers.

    type: such a dtype. Raises: TypeError for another dtype.
    """

    __slots__ = ()

    def __init__(self, type=None):
        if type is None:
            raise TypeError('iinfo() missing 1 required positional arguments: "type"')
        dtype = _dtype_of("iinfo", type)
        if dtype is _C.bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if dtype.is_floating_point:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                "'torch.iinfo'"
            )
        self._dtype = dtype

    @property
    def max(self):
        """The largest number."""
        return 2 ** (self.bits - self._dtype.is_signed) - 1

    @property
    def min(self):
        """The lowest number."""
        return -(2 ** (self.bits - 1)) if self._dtype.is_signed else 0

    def __repr__(self):
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


for _class in (finfo, iinfo):
    _class.__module__ = "rushlight"
del _class


def __getattr__(name):
    from rushlight._missing import module_getattr as _module_getattr

    raise _module_getattr(__name__, name)
