"""``Variable``: the name that tensors had before PyTorch 0.4."""

import rushlight


class _VariableMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, rushlight.Tensor)


class Variable(metaclass=_VariableMeta):
    """Returns the tensor itself, its requires_grad set; every Tensor is an instance."""

    def __new__(cls, data, requires_grad=False, volatile=None):
        return data.detach().requires_grad_(requires_grad)
