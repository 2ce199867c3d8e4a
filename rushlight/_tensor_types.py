"""The tensor types of old code: ``torch.DoubleTensor`` and its like, one for each dtype."""

from rushlight import _C

__all__ = [
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
]

_C._add_package_globals(globals())

_WORDS = {
    _C.uint8: "unsigned char",
    _C.int8: "signed char",
    _C.int16: "short int",
    _C.int64: "long int",
    _C.float16: "c10::Half",
    _C.bfloat16: "c10::BFloat16",
    _C.float32: "float",
    _C.float64: "double",
}


def _options(dtype):
    word = _WORDS.get(dtype, str(dtype).removeprefix("torch.").removesuffix("32"))
    return (
        f"TensorOptions(dtype={word}, device=cpu, layout=Strided, requires_grad=false (default), "
        "pinned_memory=false (default), memory_format=(nullopt))"
    )


class tensortype(type):
    """What the tensor types are instances of. They have no instances: they make tensors."""

    layout = _C.strided
    is_cuda = False

    def __instancecheck__(cls, instance):
        return isinstance(instance, _C.Tensor) and instance.dtype == cls.dtype

    def __call__(cls, *args, **kwargs):
        """Make a tensor of the dtype: of sizes, from data, or a given tensor's alias.

        Raises: as ``torch.Tensor``; TypeError for a tensor of another dtype.
        """
        made = _C.Tensor(*args, **kwargs)
        data = kwargs.get("data", args[0] if len(args) == 1 else kwargs.get("other"))
        if isinstance(data, _C.Tensor):
            if data.dtype != cls.dtype:
                raise TypeError(f"expected {_options(cls.dtype)} (got {_options(data.dtype)})")
            return made
        if not hasattr(data, "__len__") or isinstance(data, _C.Size):
            return _C.empty(made.shape, dtype=cls.dtype)
        return _C.tensor(data, dtype=cls.dtype)


def _made(name, dtype):
    doc = f"Tensors of {dtype}: ``torch.tensor(..., dtype={dtype})`` is the way to make them now."
    return tensortype(name, (), {"dtype": dtype, "__module__": "rushlight", "__doc__": doc})


BFloat16Tensor = _made("BFloat16Tensor", _C.bfloat16)
BoolTensor = _made("BoolTensor", _C.bool)
ByteTensor = _made("ByteTensor", _C.uint8)
CharTensor = _made("CharTensor", _C.int8)
DoubleTensor = _made("DoubleTensor", _C.float64)
FloatTensor = _made("FloatTensor", _C.float32)
HalfTensor = _made("HalfTensor", _C.float16)
IntTensor = _made("IntTensor", _C.int32)
LongTensor = _made("LongTensor", _C.int64)
ShortTensor = _made("ShortTensor", _C.int16)
tensortype.__module__ = "rushlight"
