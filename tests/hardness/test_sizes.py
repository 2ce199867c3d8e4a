"""Sizes and dims without sense: an exception or a correct result, never a crash."""

import warnings

import pytest
from support import rushlight_only, torch

HUGE = [2**31, 2**40, 2**62, 2**63 - 1, 2**63, 10**30]
NEGATIVE = [-2, -(2**31), -(2**63), -(2**63) - 1]
REFUSED = (RuntimeError, IndexError, TypeError, ValueError, OverflowError, MemoryError)

CREATE = {
    "ones": lambda size: torch.ones(size),
    "zeros": lambda size: torch.zeros(size),
    "empty": lambda size: torch.empty(size),
    "rand": lambda size: torch.rand(size),
    "randn": lambda size: torch.randn(size),
    "full": lambda size: torch.full(size, 1.0),
}
RESHAPE = {
    "view": lambda t, size: t.view(size),
    "reshape": lambda t, size: t.reshape(size),
    "expand": lambda t, size: t.expand(size),
    "as_strided": lambda t, size: t.as_strided(size, (1,) * len(size)),
    "unflatten": lambda t, size: t.unflatten(0, size),
}
SHAPES = [(n,) for n in HUGE] + [(2**31, 2**31), (2**40, 2**40), (2**62, 4), (2**32, 2**32, 2**32)]


def refused(call):
    """The call raises one of the exceptions of wrong arguments; it says something."""
    with pytest.raises(REFUSED) as caught:
        call()
    assert str(caught.value)


@pytest.mark.parametrize("name", CREATE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_creation_of_more_than_memory_is_refused(name, shape):
    # The smallest asks for 8 GiB, which a machine may have: what it asks for must then be there.
    if shape == (2**31,):
        shape = (2**31, 2**13)
    refused(lambda: CREATE[name](shape))


@pytest.mark.parametrize("name", CREATE)
@pytest.mark.parametrize("size", NEGATIVE)
def test_creation_with_a_negative_size_is_refused(name, size):
    refused(lambda: CREATE[name]((size,)))
    refused(lambda: CREATE[name]((2, size)))
    refused(lambda: CREATE[name]((size, size)))


@pytest.mark.parametrize("name", RESHAPE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_view_of_more_elements_than_there_are_is_refused(name, shape):
    refused(lambda: RESHAPE[name](torch.ones(6), shape))


@pytest.mark.parametrize("name", sorted(set(RESHAPE) - {"expand"}))
@pytest.mark.parametrize("size", NEGATIVE)
def test_view_with_a_negative_size_is_refused(name, size):
    refused(lambda: RESHAPE[name](torch.ones(6), (size,)))
    refused(lambda: RESHAPE[name](torch.ones(6), (size, -3)))


@pytest.mark.parametrize("start", [*HUGE, *NEGATIVE])
def test_narrow_and_unfold_beyond_the_end_are_refused(start):
    x = torch.ones(6)
    refused(lambda: x.narrow(0, start, 2) if start != -2 else x.narrow(0, -2, 3))
    refused(lambda: x.narrow(0, 1, start))
    refused(lambda: x.unfold(0, start, 1))
    refused(lambda: x.unfold(0, 2, start) if start < 0 else x.unfold(0, 7, start))
    refused(lambda: x.select(0, start) if start != -2 else x.select(0, -7))


def test_steps_beyond_the_end_give_the_first_item():
    x = torch.arange(6.0)
    for step in (2**31, 2**40, 2**62):
        assert x[::step].tolist() == [0.0]
        assert x.unfold(0, 2, step).tolist() == [[0.0, 1.0]]
    assert x[2**40 :].tolist() == x[: -(2**40)].tolist() == []
    assert x[-(2**62) : 2**62].tolist() == x.tolist()


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((3,), (100,), 0),
        ((2**40,), (1,), 0),
        ((2**31, 2**31), (2**31, 2**31), 0),
        ((3,), (-1,), 0),
        ((3,), (1,), 29),
        ((3,), (1,), -1),
        ((3,), (1,), 2**62),
        ((2,), (2**62,), 0),
        ((3,), (2**63 - 1,), 0),
        ((2**62, 2**62), (0, 0), 0),
        ((2, 2), (1,), 0),
    ],
)
def test_as_strided_outside_the_memory_is_refused(size, stride, offset):
    refused(lambda: torch.ones(30).as_strided(size, stride, offset))


def test_elements_that_share_memory_may_be_more_than_memory():
    x = torch.ones(1).expand(2**40)
    assert x.numel() == 2**40 and x[2**39].item() == 1.0 and x[-1].item() == 1.0
    assert repr(x) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"
    refused(x.clone)
    refused(lambda: x + 1)
    refused(lambda: x.reshape(2**20, 2**20).contiguous())
    assert x[:3].clone().tolist() == [1.0] * 3


# Every call with a dim, for a tensor of two dimensions.
WITH_DIM = {
    "size": lambda t, d: t.size(d),
    "stride": lambda t, d: t.stride(d),
    "sum": lambda t, d: t.sum(d),
    "sum of several": lambda t, d: t.sum((0, d)),
    "mean": lambda t, d: t.mean(d),
    "transpose": lambda t, d: t.transpose(0, d),
    "permute": lambda t, d: t.permute(0, d),
    "squeeze": lambda t, d: t.squeeze(d),
    "flatten": lambda t, d: t.flatten(d),
    "flatten end": lambda t, d: t.flatten(0, d),
    "unflatten": lambda t, d: t.unflatten(d, (1, -1)),
    "select": lambda t, d: t.select(d, 0),
    "narrow": lambda t, d: t.narrow(d, 0, 1),
    "unbind": lambda t, d: t.unbind(d),
    "split": lambda t, d: t.split(1, d),
    "chunk": lambda t, d: t.chunk(2, d),
    "tensor_split": lambda t, d: t.tensor_split(2, d),
    "diagonal": lambda t, d: t.diagonal(0, 0, d),
    "unfold": lambda t, d: t.unfold(d, 1, 1),
    "movedim": lambda t, d: t.movedim(0, d),
    "cat": lambda t, d: torch.cat([t, t], d),
}


@pytest.mark.parametrize("name", WITH_DIM)
@pytest.mark.parametrize("dim", [2, -3, 2**31, -(2**31), 2**62, *HUGE, *NEGATIVE[1:]])
def test_dim_out_of_range_is_refused(name, dim):
    refused(lambda: WITH_DIM[name](torch.ones(2, 3), dim))


@pytest.mark.parametrize("name", ["unsqueeze", "stack"])
@pytest.mark.parametrize("dim", [3, -4, *HUGE, *NEGATIVE[1:]])
def test_new_dim_out_of_range_is_refused(name, dim):
    x = torch.ones(2, 3)
    calls = {"unsqueeze": lambda: x.unsqueeze(dim), "stack": lambda: torch.stack([x, x], dim)}
    refused(calls[name])


@pytest.mark.parametrize("count", [64, 65, 70, 1000])
def test_many_dimensions_are_refused_or_right(count):
    for call in (
        lambda: torch.ones((1,) * count),
        lambda: torch.ones(1).view((1,) * count),
        lambda: torch.ones(1).expand((1,) * count),
        lambda: torch.ones(1)[(None,) * (count - 1)],
        lambda: torch.ones(1).permute(tuple(range(count))),
    ):
        try:
            result = call()
        except REFUSED:
            continue
        assert result.dim() == count and result.numel() == 1


def read_and_differentiate(result):
    """Read all elements of the tensors in a result, and run backward through each."""
    for t in result if isinstance(result, tuple | list) else [result]:
        if isinstance(t, torch.Tensor) and t.numel() < 1000:
            t.tolist()
            if t.requires_grad and t.is_floating_point():
                t.sum().backward(retain_graph=True)


SHAPES_WITHOUT_ELEMENTS = [(0,), (2, 0), (0, 3)]


@pytest.mark.parametrize("shape", SHAPES_WITHOUT_ELEMENTS, ids=str)
@pytest.mark.parametrize("owner", ["functions", "methods"])
def test_no_elements_anywhere(owner, shape):
    """Every public function of tensors: a result whose elements can be read, or an exception."""
    source = torch if owner == "functions" else torch.Tensor
    others = ([], [0], [(0,)], [torch.ones(shape)], [1.5], [[0]], [0, 0], [0, 0, 1])
    left_out = {"set_num_threads", "set_num_interop_threads", "set_rng_state", "set_default_dtype"}
    left_out |= {"install_as_torch", "set_grad_enabled", "set_printoptions", "compile"}
    names = [n for n in dir(torch.Tensor) if not n.startswith("_") and n not in left_out]
    ran = 0
    for name in names:
        function = getattr(source, name, None)
        for extra in others if callable(function) else ():
            for grad in (False, True):
                x = torch.ones(shape, requires_grad=grad)
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        read_and_differentiate(function(x * 1, *extra))
                except SystemError:
                    raise
                except Exception as error:
                    assert type(error) is not AssertionError or str(error)
                else:
                    ran += 1
                assert x.grad is None or x.grad.shape == x.shape
    assert ran > 50


@pytest.mark.parametrize("shape", SHAPES_WITHOUT_ELEMENTS, ids=str)
def test_gradients_of_no_elements(shape):
    x = torch.ones(shape, requires_grad=True)
    ((x * 2).exp().sum() + (x + x).sum() + (x @ x.t() if x.dim() == 2 else x).sum()).backward()
    assert x.grad.shape == x.shape and x.grad.tolist() == torch.zeros(shape).tolist()


@rushlight_only  # PyTorch fills the memory first
@pytest.mark.parametrize(
    "split",
    [
        lambda: torch.ones(3).tensor_split(2**40),
        lambda: torch.ones(0).tensor_split(2**63 - 1),
        lambda: torch.ones(1).expand(2**40).split(1),
        lambda: torch.ones(1).expand(2**40).chunk(2**39),
        lambda: torch.ones(1).expand(2**40).unbind(),
        lambda: list(torch.ones(1).expand(2**40)),
    ],
)
def test_absurd_number_of_parts_is_refused_at_once(split):
    with pytest.raises(RuntimeError, match="tensors asked for, and at most 16777216"):
        split()


@rushlight_only  # PyTorch keeps the refused sizes
@pytest.mark.parametrize("shape", [(2**62,), (2**61, 2), (2**62 + 1,), (2**63 - 1,)])
def test_resize_to_more_bytes_than_can_be_counted_is_refused(shape):
    for x in (torch.ones(4), torch.ones(4)[2:]):
        before = x.shape
        with pytest.raises(RuntimeError, match="Storage size calculation overflowed with sizes="):
            x.resize_(shape)
        assert x.shape == before and x.sum() == x.numel()


def test_resize_to_the_same_sizes_is_no_write():
    x = torch.ones(3)
    assert x.resize_(3)._version == 0 and x.resize_(2)._version == 1
