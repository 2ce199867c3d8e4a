"""Max pooling: windows, indices, gradients to the place that the maximum came from."""

import pytest
from support import leaf, nan, torch

F = torch.nn.functional


def naive(x, kernel, stride, padding, dilation):
    """The definition, place by place, for a plane of lists."""
    height, width = len(x), len(x[0])
    rows = (height + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    columns = (width + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    out = []
    for i in range(rows):
        out.append([])
        for j in range(columns):
            ys = [i * stride - padding + dilation * k for k in range(kernel)]
            xs = [j * stride - padding + dilation * k for k in range(kernel)]
            seen = [x[a][b] for a in ys if 0 <= a < height for b in xs if 0 <= b < width]
            out[-1].append(max(seen))
    return out


@pytest.mark.parametrize(
    "kernel, stride, padding, dilation", [(2, 2, 0, 1), (3, 1, 1, 2), (3, 2, 1, 1)]
)
def test_windows_are_those_of_the_definition(kernel, stride, padding, dilation):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 9, 8)
    got = F.max_pool2d(x, kernel, stride, padding, dilation)
    for n in range(2):
        for c in range(3):
            assert got[n, c].tolist() == naive(x[n, c].tolist(), kernel, stride, padding, dilation)


def test_indices_name_the_elements():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 7, 9)
    values, indices = F.max_pool2d(x, 3, 2, 1, return_indices=True)
    assert indices.dtype == torch.int64
    assert torch.equal(x.flatten(2).gather(2, indices.flatten(2)).view_as(values), values)


def test_gradient_goes_to_the_first_of_equal_elements():
    x = leaf([[[2.0, 2.0, 2.0, 1.0]]])
    F.max_pool1d(x, 2).sum().backward()
    assert x.grad.flatten().tolist() == [1.0, 0.0, 1.0, 0.0]


def test_windows_that_overlap_add_their_gradients_up():
    x = leaf([[[0.0, 5.0, 1.0]]])
    F.max_pool1d(x, 2, 1).sum().backward()
    assert x.grad.flatten().tolist() == [0.0, 2.0, 0.0]


def test_nan_wins():
    x = torch.tensor([[[nan, 1.0, nan, 0.0]]])
    values, indices = F.max_pool1d(x, 4, return_indices=True)
    assert values.isnan().all() and indices.item() == 2


def test_derivatives_of_first_and_second_order():
    torch.manual_seed(0)
    x = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    pool = lambda t: F.max_pool2d(t, (2, 3), (2, 1), (1, 0), (1, 2)) ** 2  # noqa: E731
    assert torch.autograd.gradcheck(pool, x)
    assert torch.autograd.gradgradcheck(pool, x)


def test_strided_and_transposed_images():
    torch.manual_seed(0)
    x = torch.randn(3, 6, 8)
    turned = x.transpose(1, 2)
    assert torch.equal(F.max_pool2d(turned, 2), F.max_pool2d(turned.contiguous(), 2))
    assert torch.equal(F.max_pool2d(x[:, ::2], 2), F.max_pool2d(x[:, ::2].contiguous(), 2))


def test_many_planes_are_pooled_alike_on_any_number_of_threads():
    torch.manual_seed(0)
    x = torch.randn(64, 8, 32, 32)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = F.max_pool2d(x, 3, return_indices=True)
        torch.set_num_threads(3)
        three = F.max_pool2d(x, 3, return_indices=True)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(one, three, strict=True))


def test_modules():
    x = torch.arange(16.0).view(1, 4, 4)
    pool = torch.nn.MaxPool2d(2, padding=1, ceil_mode=True)
    assert repr(pool) == (
        "MaxPool2d(kernel_size=2, stride=2, padding=1, dilation=1, ceil_mode=True)"
    )
    assert torch.equal(pool(x), F.max_pool2d(x, 2, 2, 1, 1, True))
    values, indices = torch.nn.MaxPool1d(2, stride=1, return_indices=True)(x[0])
    assert values.shape == (4, 3) and indices[0].tolist() == [1, 2, 3]


def test_functions_of_torch():
    x = torch.arange(8.0).view(1, 1, 8)
    assert torch.max_pool1d(x, 4).tolist() == [[[3.0, 7.0]]]
    assert torch.max_pool2d(x, (1, 4)).tolist() == [[[3.0, 7.0]]]
    assert torch.max_pool1d_with_indices(x, 4)[1].tolist() == [[[3, 7]]]
