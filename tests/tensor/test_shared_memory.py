"""Writes that read the memory they write: refused where PyTorch does, else read before written."""

import pytest
from support import rushlight_only, torch

REFUSED = r"some elements of the input tensor and the written-to tensor refer to a single memory"


def square():
    return torch.arange(9.0).view(3, 3)


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x[1:].copy_(x[:-1]),
        lambda x: x.__setitem__(slice(1, None), x[:-1]),
        lambda x: x[1:].add_(x[:-1]),
        lambda x: x.copy_(x.t()),
        lambda x: x.mul_(x.t()),
        lambda x: x.copy_(x[0]),
        lambda x: x.add_(x[0, 0]),
        lambda x: torch.add(x[1:], 1, out=x[:-1]),
        lambda x: torch.exp(x.t(), out=x),
    ],
)
def test_dense_operands_that_overlap_are_refused(write):
    x = square()
    with pytest.raises(RuntimeError, match=REFUSED):
        write(x)
    assert x.tolist() == square().tolist()


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda x: x.copy_(x.view(3, 3)), [[0, 1, 2], [3, 4, 5], [6, 7, 8]]),
        (lambda x: x.view(9).add_(x.view(9)), [[0, 2, 4], [6, 8, 10], [12, 14, 16]]),
        (lambda x: x[0].copy_(x[1]), [[3, 4, 5], [3, 4, 5], [6, 7, 8]]),
        (lambda x: x[:, 0].copy_(x[:, 1]), [[1, 1, 2], [4, 4, 5], [7, 7, 8]]),
        (lambda x: x[:, 0].add_(x[:, 1]), [[1, 1, 2], [7, 4, 5], [13, 7, 8]]),
        (lambda x: x[0].copy_(x.diagonal()), [[0, 4, 8], [3, 4, 5], [6, 7, 8]]),
        (lambda x: x[0].add_(x.diagonal()), [[0, 5, 10], [3, 4, 5], [6, 7, 8]]),
    ],
)
def test_operands_side_by_side_in_one_memory_are_taken(write, expected):
    x = square()
    write(x)
    assert x.tolist() == expected


@rushlight_only  # PyTorch's result depends on the order of its loop
def test_strided_operands_that_overlap_are_read_before_they_are_written():
    x = square()
    x[:, 1:] = x[:, :-1]
    assert x.tolist() == [[0, 0, 1], [3, 3, 4], [6, 6, 7]]
    x = square()
    x[:, 1:] += x[:, :-1]
    assert x.tolist() == [[0, 1, 3], [3, 7, 9], [6, 13, 15]]


def test_permutation_of_a_tensor_by_itself():
    t = torch.arange(4)
    t[torch.tensor([3, 2, 1, 0])] = t.clone()
    assert t.tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda x: x.as_strided((3, 2), (1, 1)).mul_(2), [2, 8, 12, 8, 5]),
        (lambda x: x.unfold(0, 2, 1).add_(1), [2, 4, 5, 6, 6]),
        (lambda x: x.unfold(0, 2, 1).copy_(torch.arange(8.0).view(4, 2)), [0, 2, 4, 6, 7]),
        (lambda x: x.unfold(0, 2, 1).fill_(2), [2, 2, 2, 2, 2]),
        (lambda x: x.unfold(0, 2, 1).neg_().relu_(), [0, 2, 3, 4, 0]),
        (
            lambda x: torch.add(torch.arange(6.0).view(3, 2), 1, out=x.as_strided((3, 2), (1, 1))),
            [1, 3, 5, 6, 5],
        ),
    ],
)
def test_windows_that_overlap_are_written_row_by_row(write, expected):
    # They were refused, as an expanded tensor is.
    x = torch.arange(1.0, 6.0)
    write(x)
    assert x.tolist() == expected


def test_windows_that_overlap_are_written_into_the_history():
    x = torch.arange(1.0, 6.0).requires_grad_()
    y = x * 1
    y.unfold(0, 2, 1).mul_(2)
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2, 2, 2]


def test_large_windows_that_overlap_are_written_row_by_row():
    n, width = 40_000, 40
    rows = torch.arange(float(n * width)).reshape(n, width)
    for source in (rows, rows.t().contiguous().t()):
        x = torch.zeros(n + width - 1)
        x.unfold(0, width, 1).copy_(source)
        assert x[:n].tolist() == rows[:, 0].tolist()
        assert x[n:].tolist() == rows[-1, 1:].tolist()
