"""DLPack: tensors that other libraries and this one hand to each other without a copy."""

import enum

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]

_C._add_package_globals(globals())


class DLDeviceType(enum.IntEnum):
    """Where a tensor's memory is, in the numbers of the protocol."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16
    kDLMAIA = 17


_CPU = (DLDeviceType.kDLCPU, 0)


def capsule_of(tensor, stream, max_version, dl_device, copy):
    """Do what ``Tensor.__dlpack__`` promises."""
    if tensor.requires_grad:
        raise BufferError(
            "Can't export tensors that require gradient, use tensor.detach()\n"
            f"  got  a tensor of shape {tuple(tensor.shape)} with requires_grad=True"
        )
    if stream is not None and type(stream) is not int:
        raise TypeError("stream must be ``int`` or ``none``")
    if stream is not None and stream != -1:
        raise AssertionError(f"stream should be None on cpu.\n  got  {stream}")
    if dl_device is not None and not isinstance(dl_device, tuple):
        given = type(dl_device).__name__
        raise TypeError(f"_to_dlpack(): argument 'dl_device' must be tuple of ints, not {given}")
    if dl_device is not None and len(dl_device) != 2:
        raise RuntimeError("dl_device must be either None or a tuple of ints")
    if dl_device is not None and dl_device[0] != DLDeviceType.kDLCPU:
        if copy is False:
            raise ValueError(
                f"cannot move (i.e. copy=False) tensor from cpu to {dl_device} without copying."
            )
        raise BufferError(f"Unsupported device_type: {dl_device[0]}\n  fix: there is only the CPU.")
    versioned = max_version is not None and max_version[0] >= 1
    return _C._to_dlpack(tensor, versioned, bool(copy))


def to_dlpack(tensor):
    """Make a capsule, of DLPack's version 0, over the tensor's memory.

    tensor: also one that requires grad: what the consumer writes is in no graph.
    Returns: a capsule named "dltensor", which ``from_dlpack`` takes once.
    Raises: TypeError for what is no Tensor.
    """
    if not isinstance(tensor, _C.Tensor):
        raise TypeError(
            "_to_dlpack(): argument 'data' (position 1) must be Tensor, not "
            f"{type(tensor).__name__}"
        )
    return _C._to_dlpack(tensor, False, False)


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """Make a tensor over the memory of another library's.

    ext_tensor: an object with ``__dlpack__``, or a capsule of DLPack that nobody has taken yet.
    device: where the tensor shall be; the CPU is the only place there is. copy: True for memory of
        its own; otherwise the two see each other's writes.
    Returns: a leaf that does not require grad.
    Raises: BufferError for an element type or a device that does not exist here; ValueError for
        negative strides; RuntimeError for a capsule that has been taken; what the object raises.
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        if device is not None or copy is not None:
            raise AssertionError(
                "device and copy kwargs not supported when ext_tensor is already a DLPack capsule."
            )
        return _C._from_dlpack(ext_tensor)
    wanted = {"max_version": (1, 0)}
    if copy is not None:
        wanted["copy"] = copy
    where = ext_tensor.__dlpack_device__()
    if device is not None:
        if not isinstance(device, (str, _C.device)):
            raise AssertionError(f"from_dlpack: unsupported device type: {type(device)}")
        device = _C.device(device)
        if device.type == "cpu":
            wanted["dl_device"] = _CPU
    if where[0] in (DLDeviceType.kDLCUDA, DLDeviceType.kDLROCM):
        raise AssertionError(
            "Torch not compiled with CUDA enabled\n  fix: copy it to the CPU first."
        )
    capsule, copied = _ask(ext_tensor, wanted)
    tensor = _C._from_dlpack(capsule)
    if copy and not copied:
        tensor = tensor.clone()
    return tensor if device is None else tensor.to(device)


def _ask(ext_tensor, wanted):
    """Call ``__dlpack__`` with what its version of the protocol knows.

    Returns: the capsule, and whether the producer was asked for the copy.
    """
    for unknown in [name for name in ("max_version", "copy", "dl_device") if name in wanted]:
        try:
            return ext_tensor.__dlpack__(**wanted), "copy" in wanted
        except TypeError:
            del wanted[unknown]
    return ext_tensor.__dlpack__(), False


def __getattr__(name):
    raise _module_getattr(__name__, name)
