"""The same bytes under other types and tensors: view(dtype), set_, repeat, broadcasting."""

import pytest
from support import assert_values, leaf, torch


def test_view_as_a_dtype_of_the_same_size_reads_the_bits():
    x = torch.tensor([1.0, -2.0])
    bits = x.view(torch.int32)
    assert bits.tolist() == [0x3F800000, -0x40000000]
    bits.add_(1)
    assert x.tolist() == [1.0000001192092896, -2.000000238418579] and x._version == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_view_as_a_dtype_of_the_same_size_keeps_the_strides(swapped):
    x = torch.ones(4, 2, dtype=torch.float64)
    x = x.t() if swapped else x
    assert x.view(torch.int64).stride() == x.stride()


def test_view_as_wider_and_narrower_dtypes_changes_the_last_size():
    x = torch.arange(12.0).reshape(2, 6)
    wide = x[:, 2:].view(torch.float64)
    assert wide.shape == (2, 2) and wide.stride() == (3, 1) and wide.storage_offset() == 1
    assert wide.view(torch.float32).tolist() == x[:, 2:].tolist()
    assert x.view(torch.uint8).shape == (2, 24)
    assert torch.ones(2, 1, 2).expand(2, 4, 2).view(torch.float64).stride() == (1, 0, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.ones(2, 3), "self.size(-1) must be divisible by 2 to view Float as Double"),
        (lambda: torch.ones(4, 2).t(), "self.stride(-1) must be 1 to view Float as Double"),
        (lambda: torch.ones(2, 4)[:, 1:3], "self.storage_offset() must be divisible by 2"),
        (lambda: torch.ones(2, 5)[:, :4], "self.stride(0) must be divisible by 2 to view"),
        (lambda: torch.ones(()), "self.dim() cannot be 0 to view Float as Double"),
    ],
)
def test_view_as_a_wider_dtype_needs_whole_elements(make, message):
    with pytest.raises(RuntimeError) as caught:
        make().view(torch.float64)
    assert str(caught.value).startswith(message)


def test_bits_are_not_differentiable():
    x = leaf([1.0, 2.0])
    bits = (x * 1).view(torch.int32)
    assert not bits.requires_grad and not bits._is_view()
    assert not (x * 1).view(torch.float32).requires_grad


def test_set_shares_memory_and_counts_as_a_write():
    a, b = torch.ones(3), torch.zeros(2, 2)
    assert a.set_(b) is a
    b.add_(5)
    assert a.tolist() == [[5.0, 5.0], [5.0, 5.0]] and a._version == 1
    assert a.data_ptr() == b.data_ptr()


def test_set_takes_a_part_with_strides_of_its_own():
    a = torch.empty(0).set_(torch.arange(6.0), 1, (2, 2), (3, 1))
    assert a.tolist() == [[1.0, 2.0], [4.0, 5.0]]
    a = torch.empty(0).set_(torch.arange(6.0), 2, (4,))
    assert a.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert torch.ones(3).set_().shape == (0,)


def test_set_lets_memory_grow_where_the_strides_need_it():
    source = torch.arange(4.0)
    a = torch.empty(0).set_(source, 3, (2,))
    assert a.shape == (2,) and a[0].item() == 3.0 and source.tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: torch.ones(3).set_(torch.ones(2).double()),
            "Could not set tensor of type double to a tensor of type float",
        ),
        (
            lambda: leaf([1.0]).set_(torch.ones(2)),
            "a leaf Variable that requires grad is being used in an in-place operation",
        ),
        (lambda: torch.ones(3).set_(torch.ones(4), -1, (2,), (1,)), "Tensor: invalid storage off"),
        (lambda: torch.ones(3).set_(torch.ones(4), 0, (2, 2), (1,)), "unequal size length"),
    ],
)
def test_set_refuses_what_pytorch_refuses(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


def test_set_has_no_derivative():
    y = leaf([1.0, 2.0]) * 2
    y.set_(torch.ones(2))
    assert y.grad_fn.name() == "torch::autograd::NotImplemented"
    with pytest.raises(RuntimeError, match="derivative for set_ is not implemented"):
        y.sum().backward()


def test_repeat_writes_the_tensor_several_times():
    x = torch.tensor([[1.0, 2.0]])
    assert x.repeat(2, 2).tolist() == [[1.0, 2.0, 1.0, 2.0]] * 2
    assert x.repeat(2, 1, 1).shape == (2, 1, 2)
    assert x.t().repeat(1, 2).tolist() == [[1.0, 1.0], [2.0, 2.0]]
    assert x.repeat(0, 3).shape == (0, 6)
    assert x.tile(2).tolist() == [[1.0, 2.0, 1.0, 2.0]]


def test_gradient_of_repeat_counts_the_copies():
    x = leaf([[1.0, 2.0]])
    y = x.repeat(3, 2, 1)
    assert y.grad_fn.name() == "RepeatBackward0" and y.grad_fn._saved_repeats == (3, 2, 1)
    (y * y).sum().backward()
    assert_values(x.grad, [[12.0, 24.0]])


def test_repeat_refuses_too_few_negative_and_too_many():
    x = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match="Number of dimensions of repeat dims can not be small"):
        x.repeat(2)
    with pytest.raises(RuntimeError, match="negative dimension -2: .-2, 6."):
        x.repeat(-1, 2)
    with pytest.raises(RuntimeError, match="Storage size calculation overflowed|memory"):
        x.repeat(2**40, 2**40)


def test_broadcast_tensors_expands_to_one_shape():
    x, y = leaf([[1.0], [2.0]]), leaf([3.0, 4.0, 5.0])
    a, b = torch.broadcast_tensors(x, y)
    assert a.tolist() == [[1.0] * 3, [2.0] * 3] and b.tolist() == [[3.0, 4.0, 5.0]] * 2
    assert a.grad_fn.name() == "ExpandBackward0"
    (same,) = torch.broadcast_tensors(y)
    assert same is y
    assert torch.broadcast_tensors() == ()
    with pytest.raises(RuntimeError, match=r"The size of tensor a \(3\) must match the size of te"):
        torch.broadcast_tensors(torch.ones(3), torch.ones(4))
    with pytest.raises(TypeError, match="expected Tensor as element 1 in argument 0, but got int"):
        torch.broadcast_tensors(y, 2)


def test_broadcast_shapes():
    assert torch.broadcast_shapes((3, 1), (4,), 1) == (3, 4)
    assert isinstance(torch.broadcast_shapes(), torch.Size)
    with pytest.raises(RuntimeError, match="dimension of length 4 at -1! Mismatching"):
        torch.broadcast_shapes((3,), (4,))
    with pytest.raises(ValueError, match="negative length"):
        torch.broadcast_shapes((2, -1))


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda x: x.fill_(2), [[2] * 4] * 3),
        (lambda x: x.fill_(torch.tensor(2.0)), [[2] * 4] * 3),
        (lambda x: x.zero_(), [[0] * 4] * 3),
        (lambda x: x.tril_(), [[0] * 4] * 3),
        (lambda x: x.triu_(), [[1] * 4, [0] * 4, [0] * 4]),
    ],
)
def test_writes_that_expanded_tensors_take_as_in_pytorch(write, expected):
    # They were refused.
    x = torch.ones(3, 1).expand(3, 4)
    assert write(x) is x and x.tolist() == expected


def test_set_of_an_expanded_tensor_gives_it_other_memory():
    # It was refused, though it writes nothing.
    assert torch.ones(3, 1).expand(3, 4).set_().shape == (0,)


@pytest.mark.parametrize("name", ["add_", "relu_", "copy_", "exp_", "normal_", "clamp_", "pow_"])
def test_other_writes_into_expanded_tensors_are_refused(name):
    args = {"copy_": (torch.ones(3, 4),), "add_": (1,), "clamp_": (0,), "pow_": (2,)}.get(name, ())
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        getattr(torch.ones(3, 1).expand(3, 4), name)(*args)
