"""Tensors stacked and split by name, grids, blocks and products, against NumPy."""

import itertools

import numpy as np
import pytest
from support import leaf, recorded_warnings, torch

A, V, S = torch.arange(6.0).reshape(2, 3), torch.arange(3.0), torch.tensor(2.0)
NAMES = ("hstack", "vstack", "dstack", "column_stack")


def arrays(tensors):
    return [np.array(t.tolist()) for t in tensors]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tensors", [[A, A], [V, V], [S, S], [V], [A.t(), A.t()]])
def test_stacks_are_numpys(name, tensors):
    expected = getattr(np, name)(arrays(tensors))
    assert getattr(torch, name)(tensors).tolist() == expected.tolist()


def test_stacks_promote_and_take_out():
    joined = torch.hstack([torch.arange(2), torch.ones(1, dtype=torch.float16)])
    assert joined.dtype == torch.float16 and joined.tolist() == [0, 1, 1]
    out = torch.empty(0, dtype=torch.float64)
    assert torch.vstack([V, V], out=out) is out and out.shape == (2, 3)
    for name in (*NAMES, "row_stack", "cat", "stack"):
        with pytest.raises(TypeError, match="input types can't be cast to the desired output type"):
            getattr(torch, name)([A, A], out=torch.empty(0, dtype=torch.int64))
    for name in NAMES:
        with pytest.raises(RuntimeError, match=f"{name} expects a non-empty TensorList"):
            getattr(torch, name)([])


@pytest.mark.parametrize(("name", "axis"), [("hsplit", 1), ("vsplit", 0), ("dsplit", 2)])
def test_splits_are_numpys(name, axis):
    x = torch.arange(64.0).reshape(4, 4, 4).clone()
    for how in (2, 4, [1, 3], [1, -1], [3, 1], []):
        parts = getattr(torch, name)(x, how)
        expected = getattr(np, name)(arrays([x])[0], how)
        assert [p.tolist() for p in parts] == [e.tolist() for e in expected]
        assert all(p._base is x for p in parts)
    with pytest.raises(RuntimeError, match=f"torch.{name} attempted to split along dimension"):
        getattr(x, name)(3)
    with pytest.raises(RuntimeError, match="number of sections must be larger than 0, got -1"):
        getattr(x, name)(-1)
    with pytest.raises(RuntimeError, match=f"torch.{name} requires a tensor with at least"):
        getattr(torch.tensor(1.0), name)(1)
    assert len(V.hsplit(3)) == 3, "a vector's only dimension"
    assert [p.tolist() for p in V.hsplit(1, 2)] == [[0], [1], [2]]


def test_lists_of_parts_may_be_long():
    x = leaf(range(200))
    parts = x.split([1, 3] * 50)
    assert len(parts) == 100 and parts[1].tolist() == [1, 2, 3]
    assert parts[0].grad_fn._saved_split_sizes == (1, 3) * 50
    torch.cat(parts).sum().backward()
    assert x.grad.tolist() == [1.0] * 200
    assert len(x.tensor_split(list(range(100)))) == 101
    assert [p.shape for p in torch.empty(0, 2).chunk(100)] == [(0, 2)] * 100
    assert len(x.unsafe_split_with_sizes([2] * 100)) == 100


def test_tensor_split_by_a_tensor():
    by = torch.tensor
    assert [p.tolist() for p in V.tensor_split(by(2))] == [[0, 1], [2]]
    assert [p.tolist() for p in V.tensor_split(by([2]))] == [[0, 1], [2]]
    assert [p.tolist() for p in torch.tensor_split(V, by([1, -1]))] == [[0], [1], [2]]
    assert len(V.tensor_split(tensor_indices_or_sections=by([], dtype=torch.int64))) == 1
    with pytest.raises(RuntimeError, match="to have dtype of long, but got Int"):
        V.tensor_split(by([1], dtype=torch.int32))
    with pytest.raises(RuntimeError, match="zero-dimensional or one-dimensional tensor, but got"):
        V.tensor_split(by([[1]]))


def test_narrow_takes_its_start_from_a_tensor():
    assert V.narrow(0, torch.tensor(-2), 2).tolist() == [1, 2]
    for wrong in (torch.tensor([1]), torch.tensor(1.0), torch.tensor(True)):
        with pytest.raises(RuntimeError, match="start must be an 0-dim integral Tensor."):
            V.narrow(0, wrong, 1)


def test_unsafe_parts_are_no_views():
    x = leaf([1.0, 2.0, 3.0, 4.0]) * 1
    first, second = x.unsafe_split(2)
    assert first._base is None and first.data_ptr() == x.data_ptr()
    first.mul_(3)
    assert x._version == 0 and x.tolist() == [3, 6, 3, 4]
    (first.sum() + second.sum()).backward()
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        x.split(2)[0].mul_(2)


def test_meshgrid_is_numpys():
    w = torch.tensor([5.0, 7.0])
    for indexing in ("ij", "xy"):
        for tensors in ([V, w], [V, w, V[:1]], [V], [V, S]):
            grids = torch.meshgrid(*tensors, indexing=indexing)
            expected = np.meshgrid(*arrays(tensors), indexing=indexing)
            assert [g.tolist() for g in grids] == [e.tolist() for e in expected]
            assert torch.meshgrid(tensors, indexing=indexing)[0].tolist() == grids[0].tolist()
    with recorded_warnings() as caught:
        torch.meshgrid(V, w)
    assert str(caught[0].message).startswith(
        "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument."
    )
    for tensors, message in (
        ((), "meshgrid expects a non-empty TensorList"),
        ((A, V), "Expected 0D or 1D tensor in the tensor list"),
        ((V, V.int()), "meshgrid expects all tensors to have the same dtype"),
    ):
        with pytest.raises(RuntimeError, match=message):
            torch.meshgrid(*tensors, indexing="ij")
    with pytest.raises(RuntimeError, match='indexing must be one of "xy" or "ij", but received: z'):
        torch.meshgrid(V, V, indexing="z")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_atleast_is_numpys(n):
    name = f"atleast_{n}d"
    tensors = [S, V, A, A[None]]
    expected = [getattr(np, name)(array).tolist() for array in arrays(tensors)]
    at_least = getattr(torch, name)
    assert [at_least(t).tolist() for t in tensors] == expected
    for result in (at_least(*tensors), at_least(tensors)):
        assert type(result) is tuple and [t.tolist() for t in result] == expected
    assert at_least() == ()
    with pytest.raises(TypeError, match=f"{name}\\(\\) received an invalid combination"):
        at_least(1)


def test_block_diag_places_blocks_and_promotes():
    result = torch.block_diag(A, V.to(torch.float64), torch.tensor(7))
    assert result.dtype == torch.float64 and result.shape == (4, 7)
    assert result[:2, :3].tolist() == A.tolist() and result[2, 3:6].tolist() == V.tolist()
    assert result[3, 6] == 7 and result.sum() == A.sum() + V.sum() + 7
    assert torch.block_diag().shape == (1, 0)
    with pytest.raises(RuntimeError, match="Input 0 has 3 dimensions"):
        torch.block_diag(A[None])


def test_products_and_combinations_are_itertools():
    w = torch.tensor([5.0, 7.0])
    expected = [list(row) for row in itertools.product(V.tolist(), w.tolist())]
    assert torch.cartesian_prod(V, w).tolist() == expected
    assert torch.cartesian_prod(V) is V
    x = torch.tensor([4.0, 1.0, 3.0, 2.0])
    for r in (1, 2, 3, 5):
        rows = [list(c) for c in itertools.combinations(x.tolist(), r)]
        assert torch.combinations(x, r).tolist() == rows
        rows = [list(c) for c in itertools.combinations_with_replacement(x.tolist(), r)]
        assert torch.combinations(x, r, with_replacement=True).tolist() == rows
    assert torch.combinations(x, 0).shape == (0,)
    with pytest.raises(RuntimeError, match="Expect a non-negative number, but got -1"):
        torch.combinations(x, -1)
    with pytest.raises(RuntimeError, match="Expect a 1D vector, but got shape"):
        torch.combinations(A)


def test_transposes_by_other_names():
    x = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for turned in (x.adjoint(), x.H, x.mH, x.mT, x.swapaxes(axis0=0, axis1=1), x.swapdims(0, -1)):
        assert turned.tolist() == [[1, 4], [2, 5], [3, 6]] and turned._base is x
        assert type(turned.grad_fn).__name__ == "TransposeBackward0"
    with pytest.raises(RuntimeError, match=r"only supported on matrices \(2-D tensors\). Got 1-D"):
        _ = V.H
    with pytest.raises(RuntimeError, match="tensor.adjoint.. is only supported on matrices"):
        V.adjoint()


def test_sum_to_size_adds_what_broadcasting_repeats():
    assert A.sum_to_size(1, 3).tolist() == [[3, 5, 7]]
    assert A.sum_to_size((3,)).tolist() == [3, 5, 7]
    with pytest.raises(RuntimeError, match=r"size \{\[2, 2\]\} is not expandable to size"):
        A.sum_to_size(2, 2)


def test_as_strided_in_place_is_recorded():
    x = leaf([1.0, 2.0, 3.0, 4.0])
    y = x * 2
    assert y.as_strided_((2,), (2,), 1) is y and y.tolist() == [4, 8] and y._version == 1
    y.sum().backward()
    assert x.grad.tolist() == [0, 2, 0, 2]
    z = torch.arange(4.0)
    assert torch.as_strided_(z, (2,), (1,)) is z and z.shape == (2,)
