"""Borders and windows of images: pad in all modes, pixel and channel shuffles, unfold and fold."""

import numpy as np
import pytest
from support import assert_values, leaf, torch

F = __import__(torch.__name__ + ".nn.functional", fromlist=["pad"])
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
IMAGE = np.arange(60.0).reshape(1, 3, 4, 5)


def tensor_of(array, dtype=torch.float64):
    return torch.tensor(array.tolist(), dtype=dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pad", [(1, 2), (2, 0, 1, 3), (1, 1, 2, 1, 2, 0)])
def test_borders_are_numpys(mode, pad):
    array = IMAGE[0] if len(pad) == 4 else IMAGE[0, 0] if len(pad) == 2 else IMAGE
    widths = [(0, 0)] * (array.ndim - len(pad) // 2)
    widths += [pad[i : i + 2] for i in range(0, len(pad), 2)][::-1]
    expected = np.pad(array, widths, mode=MODES[mode]).tolist()
    for x in (tensor_of(array), tensor_of(array.swapaxes(-1, -2)).transpose(-1, -2)):
        assert F.pad(x, pad, mode).tolist() == expected
        for dtype in (torch.int16, torch.float16, torch.bfloat16, torch.uint8):
            assert F.pad(x.to(dtype), pad, mode).tolist() == expected


@pytest.mark.parametrize("mode", [*MODES, "constant"])
def test_negative_pads_cut_off(mode):
    x = tensor_of(IMAGE[0, 0])
    cut = F.pad(x, (-1, 2), mode)
    assert cut[:, :4].tolist() == x[:, 1:].tolist() and cut.shape == (4, 6)
    assert F.pad(x, (-2, -1), mode).tolist() == x[:, 2:4].tolist()
    assert F.pad(x, (-2, 2), mode).shape == x.shape


def test_constant_pad_takes_any_dtype_and_number():
    x = torch.tensor([1, 2], dtype=torch.int32)
    assert F.pad(x, (1, 1), value=2.5).tolist() == [2, 1, 2, 2]
    assert torch.constant_pad_nd(x.bool(), (0, 2), 7).tolist() == [True] * 4
    assert F.pad(x, (0, 0)).data_ptr() != x.data_ptr(), "always a copy"
    with pytest.raises(RuntimeError, match="value cannot be converted to type uint8_t without"):
        torch.constant_pad_nd(x.to(torch.uint8), (1, 1), 300)


@pytest.mark.parametrize(
    ("shape", "pad", "mode", "kind", "message"),
    [
        ((2, 3), (1,), "constant", RuntimeError, "Padding length must be divisible by 2"),
        ((2, 3), (1,) * 6, "constant", RuntimeError, "Padding length should be less than or equal"),
        ((2, 3), (1, 1), "foo", NotImplementedError, "Unrecognised padding mode foo"),
        ((2, 3), (3, 1), "reflect", RuntimeError, "Argument #4: Padding size should be less than"),
        ((1, 3, 3), (1, 1, 3, 1), "reflect", RuntimeError, "Argument #6: Padding size should be"),
        ((3,), (1, 1), "reflect", NotImplementedError, "Padding size 2 is not supported for 1D"),
        ((2, 3), (-4, -1), "replicate", RuntimeError, r"input \(W: 3\) is too small. Calculated"),
        ((2, 3), (-4, -1), "circular", RuntimeError, "Negative padding value is resulting in an"),
        ((2, 3), (4, 1), "circular", RuntimeError, "wrapping around more than once."),
        ((2, 3), (3, -1), "circular", RuntimeError, "wrapping around more than once."),
        ((1, 0), (1, 1), "replicate", RuntimeError, r"Expected 2D or 3D \(batch mode\) tensor"),
        ((2, 3), (-4, 0), "constant", RuntimeError, r"narrow\(\): length must be non-negative."),
        ((2, 3), (2**62, 2**62), "constant", RuntimeError, "resulted in a negative output size"),
        ((2, 3), (2**62, 2**62), "replicate", RuntimeError, "overflow"),
    ],
)
def test_errors_of_pad_are_pytorchs(shape, pad, mode, kind, message):
    with pytest.raises(kind, match=message):
        F.pad(torch.ones(shape), pad, mode)


def test_pad_refuses_a_value_without_a_use():
    x = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match='"reflect" doesn\'t take in value argument'):
        F.pad(x, (1, 1), "reflect", 1.0)
    assert F.pad(x, (1, 1), "reflect", 0.0).shape == (2, 5)
    with pytest.raises(NotImplementedError, match='"reflection_pad1d" not implemented'):
        F.pad(x.bool(), (1, 1), "reflect")
    with pytest.raises(TypeError, match="found element of type float at pos 0"):
        F.pad(x, (1.5, 1))


def test_gradient_of_a_border_goes_to_where_it_was_copied_from():
    x = leaf([[1.0, 2.0, 3.0]])
    for mode, expected in (("reflect", [34, 21, 8]), ("replicate", [7, 8, 112])):
        y = F.pad(x, (1 if mode == "reflect" else 2, 2), mode)
        weights = torch.tensor([[2.0**i for i in range(y.shape[1])]])
        (grad,) = torch.autograd.grad(y, x, weights)
        assert_values(grad, [expected])


NODES = [
    ((2, 3), (1, 1), "constant", "ConstantPadNdBackward0"),
    ((2, 3), (1, 1), "reflect", "ReflectionPad1DBackward0"),
    ((1, 3, 3), (1,) * 4, "reflect", "ReflectionPad2DBackward0"),
    ((1, 3, 3, 3), (1,) * 6, "reflect", "ReflectionPad3DBackward0"),
    ((2, 3), (1, 1), "replicate", "ReplicationPad1DBackward0"),
    ((1, 3, 3), (1,) * 4, "replicate", "ReplicationPad2DBackward0"),
    ((1, 3, 3, 3), (1,) * 6, "replicate", "ReplicationPad3DBackward0"),
    ((2, 3), (1, 1), "circular", "CopySlices"),
]


@pytest.mark.parametrize(("shape", "pad", "mode", "node"), NODES)
def test_nodes_of_pad_are_pytorchs(shape, pad, mode, node):
    x = torch.ones(shape, requires_grad=True)
    y = F.pad(x, pad, mode)
    assert type(y.grad_fn).__name__ == node
    (grad,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    copied = x.numel() if mode == "constant" else y.numel()
    assert grad.shape == x.shape and grad.sum().item() == copied


def test_pixel_shuffle_and_its_inverse():
    x = torch.arange(48.0).reshape(2, 4, 2, 3)
    y = F.pixel_shuffle(x, 2)
    expected = np.array(x.tolist()).reshape(2, 1, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3)
    assert y.tolist() == expected.reshape(2, 1, 4, 6).tolist()
    assert F.pixel_unshuffle(y, 2).tolist() == x.tolist()
    assert torch.pixel_shuffle(x.transpose(2, 3), 2).shape == (2, 1, 6, 4)
    with pytest.raises(RuntimeError, match="pixel_shuffle expects a positive upscale_factor"):
        F.pixel_shuffle(x, 0)
    with pytest.raises(RuntimeError, match="divisible by the square of upscale_factor"):
        F.pixel_shuffle(x, 3)
    with pytest.raises(RuntimeError, match="pixel_unshuffle expects width to be divisible"):
        F.pixel_unshuffle(x, 2)
    with pytest.raises(RuntimeError, match="upscale factor is too large"):
        F.pixel_shuffle(x, 2**33)


def test_channel_shuffle_deals_channels_out():
    x = torch.arange(6).reshape(1, 6, 1).expand(1, 6, 2)
    assert F.channel_shuffle(x, 2)[0, :, 0].tolist() == [0, 3, 1, 4, 2, 5]
    assert F.channel_shuffle(F.channel_shuffle(x, 2), 3).tolist() == x.tolist()
    with pytest.raises(RuntimeError, match="must be divisible by groups. Got 6 channels and 4"):
        F.channel_shuffle(x, 4)


def windows(array, kernel, dilation, padding, stride):
    """What unfold gives, window by window."""
    padded = np.pad(array, [(0, 0), (padding[0],) * 2, (padding[1],) * 2])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    rows = range(0, padded.shape[1] - reach[0] + 1, stride[0])
    columns = range(0, padded.shape[2] - reach[1] + 1, stride[1])
    cut = [
        padded[:, i : i + reach[0] : dilation[0], j : j + reach[1] : dilation[1]].reshape(-1)
        for i in rows
        for j in columns
    ]
    return np.stack(cut, 1)


@pytest.mark.parametrize(
    "options",
    [
        ((2, 2), (1, 1), (0, 0), (1, 1)),
        ((3, 2), (1, 2), (2, 1), (2, 1)),
        ((1, 3), (3, 1), (0, 3), (1, 4)),
        ((2, 2), (2, 2), (5, 5), (3, 3)),
    ],
)
def test_unfold_cuts_windows_and_fold_adds_them_up(options):
    x = torch.arange(60.0).reshape(3, 4, 5)
    columns = F.unfold(x, *options)
    assert columns.tolist() == windows(np.array(x.tolist()), *options).tolist()
    assert F.unfold(x[None], *options)[0].tolist() == columns.tolist()
    assert F.unfold(x.half(), *options).tolist() == columns.tolist()
    ones = F.unfold(torch.ones(3, 4, 5), *options)
    counted = F.fold(ones, (4, 5), *options)
    assert F.fold(columns, (4, 5), *options).tolist() == (x * counted).tolist()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: F.unfold(x, 7), RuntimeError, r"Given input with spatial size \(4, 5\), kernel"),
        (lambda x: F.unfold(x, 0), RuntimeError, "kernel size should be greater than zero"),
        (lambda x: F.unfold(x, 2, 0), RuntimeError, "dilation should be greater than zero, but"),
        (lambda x: F.unfold(x, 2, 1, -1), RuntimeError, "padding should be non-negative, but got"),
        (lambda x: F.unfold(x, 2, 1, 0, 0), RuntimeError, "stride should be greater than zero"),
        (lambda x: F.unfold(x, (1, 2, 3)), RuntimeError, "It is expected kernel_size equals to 2"),
        (lambda x: F.unfold(x.long(), 2), NotImplementedError, '"im2col_out_cpu" not'),
        (lambda x: F.unfold(x, 2**62), RuntimeError, "kernel_size"),
        (lambda x: F.unfold(x[0], 2), IndexError, "Dimension out of range"),
        (lambda x: F.fold(x[0], (4, 6), 3), RuntimeError, "divisible by the product of"),
        (lambda x: F.fold(x[0], (4, 6), 2), RuntimeError, "number of sliding blocks 3 . 5 = 15"),
    ],
)
def test_errors_of_windows_are_pytorchs(call, kind, message):
    with pytest.raises(kind, match=message):
        call(torch.ones(3, 4, 5))


def test_subclasses_see_the_functions_by_name():
    seen = []

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            seen.append(func)
            return super().__torch_function__(func, types, args, kwargs or {})

    x = torch.ones(1, 4, 2, 2).as_subclass(Watched)
    results = [F.pad(x, (1, 1)), F.unfold(x, 2), F.fold(x[:, :, 0], (2, 3), 2)]
    results.append(F.pixel_shuffle(x, 2))
    assert all(type(result) is Watched for result in results)
    assert [f for f in seen if f in (F.pad, F.unfold, F.fold, F.pixel_shuffle)] == [
        *(F.pad, F.unfold, F.fold, F.pixel_shuffle)
    ]
