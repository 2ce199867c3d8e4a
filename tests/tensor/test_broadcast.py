"""Broadcasting: shapes, values, gradients, and the errors where shapes do not fit."""

import itertools
import warnings

import pytest
from support import assert_values, torch

PAIRS = [
    ((3,), (3,), (3,)),
    ((), (), ()),
    ((), (2, 3), (2, 3)),
    ((1,), (), (1,)),
    ((1,), (3,), (3,)),
    ((2, 1), (3,), (2, 3)),
    ((3, 1), (1, 3), (3, 3)),
    ((2, 3), (3,), (2, 3)),
    ((4, 1, 2), (3, 1), (4, 3, 2)),
    ((2, 1, 3, 1), (4, 1, 5), (2, 4, 3, 5)),
    ((0,), (1,), (0,)),
    ((0,), (), (0,)),
    ((2, 0), (1, 1), (2, 0)),
    ((0, 3), (3,), (0, 3)),
    ((1, 1, 1, 1, 1), (2,), (1, 1, 1, 1, 2)),
]


def filled(shape, start=1.0):
    n = 1
    for size in shape:
        n *= size
    return torch.arange(start, start + n).view(shape)


def reference(a, b, shape, operation):
    """Elementwise over nested lists, by index."""

    def at(nested, sizes, index):
        for size, i in zip(sizes, index[len(index) - len(sizes) :]):
            nested = nested[0 if size == 1 else i]
        return nested

    left, right = a.tolist(), b.tolist()
    flat = [
        operation(at(left, a.shape, index), at(right, b.shape, index))
        for index in itertools.product(*map(range, shape))
    ]
    return flat


@pytest.mark.parametrize("left, right, shape", PAIRS, ids=str)
@pytest.mark.parametrize("swap", [False, True])
def test_values(left, right, shape, swap):
    a, b = filled(left), filled(right, 10.0)
    if swap:
        a, b = b, a
    for operation in (
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: x * y,
        lambda x, y: x / y,
        lambda x, y: x < y,
    ):
        y = operation(a, b)
        assert y.shape == shape
        got = y.reshape(-1).tolist()
        assert got == pytest.approx(reference(a, b, shape, operation), rel=1e-6)


@pytest.mark.parametrize("left, right, shape", PAIRS, ids=str)
def test_gradients_return_to_the_operands_shape(left, right, shape):
    a, b = filled(left).requires_grad_(), filled(right, 10.0).requires_grad_()
    y = a * b
    y.sum().backward()
    ones = torch.ones(shape)

    def total(other, own):
        """Sum over the result of the other operand, at each place of one's own."""
        values = (ones * other.detach()).reshape(-1).tolist()
        sums = {}
        for index, value in zip(itertools.product(*map(range, shape)), values):
            tail = index[len(index) - len(own) :]
            place = tuple(0 if size == 1 else i for size, i in zip(own, tail))
            sums[place] = sums.get(place, 0.0) + value
        return [sums.get(place, 0.0) for place in itertools.product(*map(range, own))]

    assert a.grad.shape == left and b.grad.shape == right
    assert a.grad.reshape(-1).tolist() == pytest.approx(total(b, left))
    assert b.grad.reshape(-1).tolist() == pytest.approx(total(a, right))


@pytest.mark.parametrize(
    "left, right, a, b, dim",
    [
        ((2, 3), (2, 4), 3, 4, 1),
        ((3,), (2,), 3, 2, 0),
        ((2, 3), (3, 3), 2, 3, 0),
        ((3,), (0,), 3, 0, 0),
        ((5, 2, 3), (4, 3), 2, 4, 1),
        ((2, 3), (3, 2), 3, 2, 1),
        ((5, 2, 3), (4, 3, 2), 3, 2, 2),
    ],
    ids=str,
)
def test_shapes_that_do_not_fit(left, right, a, b, dim):
    with pytest.raises(RuntimeError) as refused:
        torch.ones(left) + torch.ones(right)
    assert str(refused.value).startswith(
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
        f"dimension {dim}"
    )


def test_strided_and_expanded_operands():
    x = filled((2, 3))
    assert_values(x.t() + torch.tensor([10.0, 20.0]), [[11.0, 24.0], [12.0, 25.0], [13.0, 26.0]])
    assert_values(x + filled((3, 2)).t(), [[2.0, 5.0, 8.0], [6.0, 9.0, 12.0]])
    e = torch.tensor([[1.0], [2.0]]).expand(2, 3)
    assert_values(e * e, [[1.0] * 3, [4.0] * 3])
    assert_values(x.t() * x.t(), [[1.0, 16.0], [4.0, 25.0], [9.0, 36.0]])


def test_long_rows_and_columns():
    """Lengths around the edges of vector registers and tiles."""
    for n in (1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000, 4097):
        row, column = torch.arange(float(n)), torch.tensor([[100.0], [200.0]])
        y = row + column
        assert y.shape == (2, n)
        assert y.tolist() == [[i + c for i in range(n)] for c in (100.0, 200.0)]


def test_expand():
    x = torch.tensor([[1.0], [2.0]])
    y = x.expand(2, 3)
    assert y.stride() == (1, 0) and y.data_ptr() == x.data_ptr()
    assert x.expand(-1, 4).shape == (2, 4) and x.expand(5, 2, 1).shape == (5, 2, 1)
    assert x.expand((2, 2)).shape == (2, 2)
    assert torch.tensor(1.0).expand(2, 2).tolist() == [[1.0, 1.0]] * 2
    with pytest.raises(RuntimeError, match=r"^The expanded size of the tensor \(3\) must"):
        x.expand(3, 3)
    with pytest.raises(RuntimeError, match="number of sizes provided"):
        x.expand(2)


def test_reductions():
    x = filled((2, 3))
    assert x.sum().item() == 21.0 and x.mean().item() == 3.5
    assert_values(x.sum(0), [5.0, 7.0, 9.0])
    assert_values(x.sum(1, keepdim=True), [[6.0], [15.0]])
    assert_values(x.mean(dim=(0, 1)), 3.5)
    assert_values(x.sum(-1), [6.0, 15.0])
    assert_values(x.t().sum(0), [6.0, 15.0])
    assert torch.zeros(0).sum().item() == 0.0
    assert torch.zeros(0).mean().isnan().item() if hasattr(torch, "isnan") else True
    assert_values(torch.zeros(0, 3).sum(0), [0.0] * 3)
    with pytest.raises(IndexError, match=r"^Dimension out of range \(expected to be in range of "):
        x.sum(2)


def test_sum_is_accurate():
    n = 1_000_000
    assert torch.full((n,), 0.1).sum().item() == pytest.approx(0.1 * n, rel=1e-6)
    x = torch.full((n,), 1.0)
    assert x.sum().item() == n and x.mean().item() == 1.0


@pytest.mark.parametrize(
    "left, right, shape",
    [
        ((2, 3), (3, 4), (2, 4)),
        ((3,), (3,), ()),
        ((2, 3), (3,), (2,)),
        ((3,), (3, 2), (2,)),
        ((0, 3), (3, 2), (0, 2)),
        ((2, 0), (0, 3), (2, 3)),
    ],
    ids=str,
)
def test_matmul_shapes(left, right, shape):
    y = filled(left) @ filled(right)
    assert y.shape == shape and torch.matmul(filled(left), filled(right)).shape == shape


def test_matmul_refuses():
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2 shapes cannot be multiplied \(2x3 and"):
        torch.ones(2, 3) @ torch.ones(2, 3)
    with pytest.raises(RuntimeError, match="^self must be a matrix"):
        torch.mm(torch.ones(3), torch.ones(3))
    with pytest.raises(RuntimeError, match="dtype"):
        torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64)


def test_view_and_reshape():
    x = filled((2, 3))
    assert x.view(3, 2).data_ptr() == x.data_ptr() and x.view(-1).shape == (6,)
    assert x.reshape(-1, 2).shape == (3, 2) and x.view((6,)).shape == (6,)
    assert_values(x.t().reshape(6), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0])
    assert torch.ones(0, 3).view(3, 0).shape == (3, 0)
    with pytest.raises(RuntimeError, match=r"^shape '\[5\]' is invalid for input of size 6"):
        x.view(5)
    with pytest.raises(RuntimeError, match="^view size is not compatible with input tensor's size"):
        x.t().view(6)
    with pytest.raises(RuntimeError, match="^only one dimension can be inferred"):
        x.reshape(-1, -1)
    with pytest.raises(RuntimeError, match="^cannot reshape tensor of 0 elements into shape"):
        torch.ones(0).view(-1, 0)


def test_transpose():
    x = filled((2, 3, 4))
    assert x.transpose(0, 2).shape == (4, 3, 2) and x.transpose(-1, -2).stride() == (12, 1, 4)
    assert filled((3,)).t().shape == (3,) and torch.tensor(1.0).t().shape == ()
    with pytest.raises(RuntimeError, match=r"^t\(\) expects a tensor with <= 2 dimensions,"):
        x.t()
    with pytest.raises(IndexError, match=r"^Dimension out of range \(expected to be in"):
        x.transpose(0, 3)


@pytest.mark.parametrize(
    ("to", "source", "message"),
    [
        ((2, 3), (2, 1, 2), r"The size of tensor a \(3\) must match the size of tensor b \(2\)"),
        ((2,), (2, 2), r"output with shape \[2\] doesn't match the broadcast shape \[2, 2\]"),
        ((1, 3), (2, 3), r"output with shape \[1, 3\] doesn't match the broadcast shape \[2, 3\]"),
    ],
)
def test_copy_of_what_does_not_fit_says_which_rule_it_breaks(to, source, message):
    with pytest.raises(RuntimeError, match=message):
        torch.ones(to).copy_(torch.ones(source))


def test_expand_names_the_last_dimension_that_does_not_fit():
    with pytest.raises(
        RuntimeError,
        match=r"size of the tensor \(2\) must match the existing size "
        r"\(3\) at non-singleton dimension 1",
    ):
        torch.ones(2, 3).expand(1, 2)


def test_result_into_expanded_memory_is_refused_before_it_is_resized():
    out = torch.zeros(2).expand(3, 2)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        torch.add(torch.ones(4), 1, out=out)
    assert out.shape == (3, 2)


def test_ravel_of_expanded_memory_is_row_major():
    flat = torch.ones(1).expand(2, 3).ravel()
    assert flat.stride() == (1,) and flat.tolist() == [1.0] * 6


def test_transposed_scalar_is_the_scalar():
    x = torch.tensor(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert x.mT.shape == x.T.shape == ()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x[0], "invalid index of a 0-dim tensor"),
        (lambda x: x[-1], "index -1 is out of bounds for dimension 0 with size 0"),
        (lambda x: x.unbind(-1), "Dimension specified as 0 but tensor has no dimensions"),
        (lambda x: x.split([1]), "split expects at least a 1-dimensional tensor"),
    ],
)
def test_part_of_a_scalar_is_refused(call, message):
    with pytest.raises((IndexError, RuntimeError), match=message):
        call(torch.tensor(1.0))


def test_transpose_in_place_is_refused_under_its_own_name():
    with pytest.raises(RuntimeError, match=r"^t_\(\) expects a tensor with <= 2 dimensions"):
        torch.ones(1, 1, 1).t_()
