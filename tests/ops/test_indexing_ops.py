"""Scatter, gather, index_..., sets, searching and counting.

What PyTorch answers to many calls, first and second gradients of ties and zeros among them, stands
in tests/data/indexing_cases.json; what such a table cannot say is here.
"""

import json
import math
import pathlib
import warnings

import pytest
from support import leaf, recorded_warnings, rushlight_only, torch

F = torch.nn.functional
CASES = json.loads((pathlib.Path(__file__).parents[1] / "data/indexing_cases.json").read_text())


def words():
    """The names that the recorded expressions use."""

    def store(tensor, key, value):
        tensor[key] = value
        return tensor

    names = {
        "torch": torch,
        "F": F,
        "T": torch.tensor,
        "O": torch.ones,
        "R": torch.arange,
        "I": lambda *numbers: torch.tensor(list(numbers), dtype=torch.int64),
        "B": lambda *bits: torch.tensor([bool(bit) for bit in bits], dtype=torch.bool),
        "S": store,
    }
    return names


def leaves():
    """The tensors of the gradient cases: ties, zeros and a nan."""
    rows = CASES["leaves"]
    named = {name: leaf(eval_floats(text), dtype=torch.float64) for name, text in rows.items()}
    return named | {
        "G": torch.tensor([[0, 1, 1], [1, 0, 2]]),
        "H": torch.tensor([[0, 1, 1], [1, 0, 0]]),
        "P": torch.tensor([1, 0]),
        "M": torch.tensor([[True, False, True], [True, True, False]]),
    }


def eval_floats(text):
    return eval(text, {"nan": math.nan, "inf": math.inf})


def shown(result):
    if isinstance(result, torch.Tensor):
        return [str(result.dtype).removeprefix("torch."), list(result.shape), repr(result.tolist())]
    if isinstance(result, (tuple, list)):
        return [shown(item) for item in result]
    return repr(result)


def answer(expression, names=None):
    """The result as text and numbers, or the error's type and first line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return shown(eval(expression, names or words()))
        except Exception as error:  # compared with the recorded one
            return [type(error).__name__, str(error).split("\n")[0]]


def answers_of(dtype):
    """What the calls of the dtype table give with X and Y of a dtype."""
    names = words() | {
        "X": torch.tensor([[1, 2, 3], [2, 1, 0]]).to(getattr(torch, dtype)),
        "Y": torch.tensor([[3, 2, 2], [4, 1, 2]]).to(getattr(torch, dtype)),
        "G": torch.tensor([[0, 1, 1], [1, 0, 2]]),
    }
    return [answer(expression, names) for expression in CASES["dtypes"]["calls"]]


@pytest.mark.parametrize("dtype", CASES["dtypes"]["results"])
def test_every_dtype_gives_what_was_recorded(dtype):
    recorded = CASES["dtypes"]["results"][dtype]
    found = zip(CASES["dtypes"]["calls"], answers_of(dtype), recorded, strict=True)
    assert not {call: pair for call, *pair in found if pair[0] != pair[1]}


@pytest.mark.parametrize("group", sorted(CASES["values"]))
def test_results_and_errors_are_the_recorded_ones(group):
    wrong = {}
    for expression, expected in CASES["values"][group]:
        if (found := answer(expression)) != expected:
            wrong[expression] = (found, expected)
    assert not wrong


def is_close(found, expected):
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(is_close, found, expected))
    if math.isnan(expected):
        return math.isnan(found)
    return found == expected or abs(found - expected) <= 1e-12 * max(1.0, abs(expected))


def weighted(tensor):
    return tensor * torch.arange(1, tensor.numel() + 1, dtype=torch.float64).reshape(tensor.shape)


def gradients(expression):
    """The grad_fn's name, first gradients of all leaves, and those of their weighted squares."""
    named = leaves()
    inputs = [named[name] for name in CASES["leaves"]]
    result = eval(expression, words() | named)
    first = torch.autograd.grad(
        weighted(result).sum(), inputs, create_graph=True, allow_unused=True
    )
    again = [weighted(g * g).sum() for g in first if g is not None and g.requires_grad]
    second = None
    if again:
        total = again[0] if len(again) == 1 else again[0] + again[1]
        try:
            second = torch.autograd.grad(total, inputs, allow_unused=True)
        except RuntimeError as error:
            second = str(error).split("\n")[0]
    return result.grad_fn.name(), first, second


def texts(found):
    """Gradients as they stand in the file."""
    if not isinstance(found, tuple):
        return found
    return [None if g is None else repr(g.tolist()) for g in found]


@pytest.mark.parametrize(("expression", "name", "first", "second"), CASES["gradients"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_gradients_are_the_recorded_ones(expression, name, first, second):
    found_name, found_first, found_second = gradients(expression)
    assert found_name == name
    for found, expected in ((found_first, first), (found_second, second)):
        if not isinstance(expected, list):
            assert found == expected
            continue
        for g, values in zip(found, expected, strict=True):
            assert (g is None) == (values is None)
            assert g is None or is_close(g.tolist(), eval_floats(values))


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda t, i: t.scatter_(0, i, t),
        lambda t, i: t.scatter_add_(0, i, t),
        lambda t, i: t.scatter_reduce_(0, i, t, "sum"),
        lambda t, i: t.index_add_(0, i[0, :2], t),
        lambda t, i: t.index_copy_(0, i[0, :2], t),
        lambda t, i: t.put_(i, t),
        lambda t, i: i.scatter_(1, i, 1),
        lambda t, i: i.index_fill_(0, i[0, :2], 1),
    ],
)
def test_reading_the_written_memory_is_refused(write):
    t = torch.arange(6.0).reshape(2, 3)
    index = torch.tensor([[0, 1, 1], [1, 0, 0]])
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to"):
        write(t, index)
    assert t.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_masked_scatter_reads_its_own_memory_first():
    t = torch.arange(6.0)
    assert t.masked_scatter_(t > 2, t).tolist() == [0, 1, 2, 0, 1, 2]


def test_a_strided_source_in_the_targets_memory_is_read_first():
    base = torch.arange(8.0)
    base[::2].scatter_(0, torch.tensor([3, 2, 1, 0]), base[1::2])
    assert base.tolist() == [7, 1, 5, 3, 3, 5, 1, 7]


@rushlight_only
@pytest.mark.parametrize(
    "write",
    [
        lambda t: t.scatter_(0, torch.tensor([[0, 1, 2]]), 1.0),
        lambda t: t.index_add_(0, torch.tensor([0, 2]), torch.ones(2, 3)),
        lambda t: t.index_copy_(0, torch.tensor([0, -1]), torch.ones(2, 3)),
        lambda t: t.index_fill_(0, torch.tensor([0, 2]), 1.0),
        lambda t: t.put_(torch.tensor([0, 6]), torch.ones(2)),
        lambda t: t.scatter_reduce_(0, torch.tensor([[0, 2, 0]]), torch.ones(1, 3), "prod"),
    ],
)
def test_an_index_out_of_range_writes_nothing(write):
    t = torch.zeros(2, 3)
    with pytest.raises((RuntimeError, IndexError), match="out of"):
        write(t)
    assert t.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("layout", ["plain", "transposed", "sliced", "expanded"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_strided_targets_sources_and_indices_agree_with_packed_ones(layout, dim):
    def laid_out(tensor):
        if layout == "transposed":
            return tensor.transpose(0, 2).contiguous().transpose(0, 2)
        if layout == "sliced":
            wide = torch.zeros(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)
            wide[..., ::2] = tensor
            return wide[..., ::2]
        return tensor

    generator = torch.Generator().manual_seed(dim)
    t = torch.randn(3, 4, 5, generator=generator)
    source = torch.randn(3, 4, 5, generator=generator)
    size = t.shape[dim]
    index = torch.randint(size, (3, 4, 5), generator=generator)
    rows = torch.randint(size, (size,), generator=generator)
    if layout == "expanded":  # one line of indices and of values for all
        index, source = index[:1].expand(3, 4, 5), source[:, :1].expand(3, 4, 5)
        if dim == 0:
            index = index.clone()
        t2, source2, index2 = t, source, index
        source, index = source.clone(), index.clone()
    else:
        t2, source2, index2 = laid_out(t), laid_out(source), laid_out(index)
    for name in ("scatter", "scatter_add"):
        assert getattr(t2, name)(dim, index2, source2).equal(getattr(t, name)(dim, index, source))
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        found = t2.clone().scatter_reduce_(dim, index2, source2, reduce, include_self=False)
        assert found.equal(t.scatter_reduce(dim, index, source, reduce, include_self=False))
    for name in ("index_add", "index_copy"):
        assert getattr(t2, name)(dim, rows, source2).equal(getattr(t, name)(dim, rows, source))
    assert t2.gather(dim, index2).equal(t.gather(dim, index))
    assert t2.index_select(dim, rows).equal(t.index_select(dim, rows))
    assert t2.index_fill(dim, rows, 2).equal(t.index_fill(dim, rows, 2))
    places = torch.randint(60, (7,), generator=generator)
    values = torch.randn(7, generator=generator)
    assert t2.put(places, values, True).equal(t.put(places, values, True))


def test_16_bit_sums_are_rounded_once():
    ones = torch.ones(4096, dtype=torch.float16)
    index = torch.zeros(4096, dtype=torch.int64)
    assert torch.zeros(1, dtype=torch.float16).scatter_add(0, index, ones).item() == 4096
    mean = torch.zeros(1, dtype=torch.bfloat16).scatter_reduce(
        0, index, ones.to(torch.bfloat16), "mean", include_self=False
    )
    assert mean.item() == 1


# --- recording ----------------------------------------------------------------------------------


def saved(node):
    values = {name[7:]: getattr(node, name) for name in dir(node) if name.startswith("_saved_")}
    return {name: value is not None for name, value in values.items()}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("turned", [False, True])
def test_few_slices_of_a_long_16_bit_target_are_met_as_many_are(dtype, dim, turned):
    torch.manual_seed(0)
    start = torch.randn(40, 40).to(dtype)
    start = start.t() if turned else start
    source = torch.randn(40, 40).to(dtype).narrow(dim, 0, 4)
    index = torch.tensor([31, 2, 31, 7])
    writes = {
        "add": lambda t, i, s: t.index_add_(dim, i, s),
        "scaled": lambda t, i, s: t.index_add_(dim, i, s, alpha=0.25),
        "mean": lambda t, i, s: t.index_reduce_(dim, i, s, "mean"),
        "mean of the source": lambda t, i, s: t.index_reduce_(
            dim, i, s, "mean", include_self=False
        ),
        "product": lambda t, i, s: t.index_reduce_(dim, i, s, "prod"),
    }
    narrow = torch.tensor([1, 0, 1, 2])  # the same slices of a target that has no others
    for name, write in writes.items():
        few, all_named = start.clone(), start.index_select(dim, torch.tensor([2, 31, 7]))
        write(few, index, source)
        write(all_named, narrow, source)
        named = few.index_select(dim, torch.tensor([2, 31, 7]))
        assert torch.equal(named, all_named), name
        rest = [i for i in range(40) if i not in (2, 7, 31)]
        kept = few.index_select(dim, torch.tensor(rest))
        assert torch.equal(kept, start.index_select(dim, torch.tensor(rest))), name


def test_a_source_that_nobody_differentiates_is_not_saved():
    a, plain, rows = leaf([[1.0, 2.0]] * 2), torch.ones(2, 2), torch.tensor([1, 0])
    node = a.index_add(0, rows, plain).grad_fn
    assert saved(node) == dict(alpha=True, dim=True, index=False, source=False, source_dim=True)
    node = plain.index_copy(0, rows, a).grad_fn
    assert saved(node) == dict(dim=True, index=True, source=True, source_dim=True)
    node = a.put(rows, plain[0]).grad_fn
    assert saved(node) == dict(accumulate=True, index=True, source=False)
    node = a.scatter_add(0, torch.zeros(2, 2, dtype=torch.int64), plain).grad_fn
    assert saved(node) == dict(dim=True, index=False)


def test_the_saved_reduction_outlives_the_callers_string():
    x = leaf([1.0, 2.0])
    y = x.scatter_reduce(0, torch.tensor([0, 0]), torch.ones(2), "".join(["am", "ax"]))
    assert y.grad_fn._saved_reduce == "amax"
    y.sum().backward()
    assert [round(g, 6) for g in x.grad.tolist()] == [0.333333, 1.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.unique(), NotImplementedError, "the derivative for '_unique2'"),
        (lambda x: x.unique(dim=0), NotImplementedError, "the derivative for 'unique_dim'"),
        (
            lambda x: x.unique_consecutive(),
            NotImplementedError,
            "the derivative for 'unique_consecutive' is not implemented.",
        ),
        (
            lambda x: torch.bincount(torch.tensor([0, 1, 1]), x),
            RuntimeError,
            "derivative for aten::bincount is not implemented",
        ),
        (
            lambda x: torch.scatter(x, 0, torch.tensor([0]), x, reduce="add"),
            RuntimeError,
            "derivative for aten::scatter is not implemented",
        ),
        (
            lambda x: (x * 1).scatter_(0, torch.tensor([0]), 2.0, reduce="add"),
            RuntimeError,
            "derivative for aten::scatter_ is not implemented",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_op_without_derivative_refuses_when_it_is_reached(call, error, message):
    y = call(leaf([3.0, 1.0, 3.0]))
    assert y.requires_grad
    with pytest.raises(error, match=message):
        y.sum().backward()


@rushlight_only
@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.embedding(torch.tensor([0, 1]), x, sparse=True),
        lambda x: x.gather(0, torch.tensor([[0, 1]]), sparse_grad=True),
    ],
)
def test_a_sparse_gradient_is_refused(call):
    y = call(leaf([[1.0, 2.0], [3.0, 4.0]]))
    with pytest.raises(NotImplementedError, match="sparse"):
        y.sum().backward()


# --- warnings, named results, methods -----------------------------------------------------------


def test_unique_is_stable_for_many_elements():
    t = torch.randint(50, (1000,), generator=torch.Generator().manual_seed(0))
    values, inverse, counts = t.unique(return_inverse=True, return_counts=True)
    assert values.tolist() == sorted(set(t.tolist()))
    assert values[inverse].equal(t) and counts.sum().item() == 1000
    assert counts.tolist() == [t.tolist().count(v) for v in values.tolist()]


def test_histogram_names_its_results():
    result = torch.histogram(torch.tensor([1.0, 2.0, 1.0]), 2)
    assert result.hist.tolist() == [2, 1] and result.bin_edges.tolist() == [1, 1.5, 2]
    assert type(result) is torch.return_types.histogram
    assert torch.tensor([1.0, 2.0]).histogram(bins=1).hist.tolist() == [2]
    out = torch.empty(0), torch.empty(0)
    torch.histogram(torch.tensor([1.0, 2.0, 1.0]), 2, out=out)
    assert out[0].tolist() == [2, 1]


def test_renormed_rows_count_as_one_write_and_are_not_recorded():
    weight = leaf([[3.0, 4.0], [0.3, 0.4]])
    rows = F.embedding(torch.tensor([0, 1, 0]), weight, max_norm=1.0)
    assert weight._version > 0 and weight.is_leaf
    assert [[round(v, 5) for v in row] for row in rows.tolist()] == [
        [0.6, 0.8],
        [0.3, 0.4],
        [0.6, 0.8],
    ]
    rows.sum().backward()
    assert weight.grad.tolist() == [[2, 2], [1, 1]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda t, i: t.index_reduce(0, i, t, "prod"),
            "index_reduce() is in beta and the API may change at any time.",
        ),
        (lambda t, i: t.scatter(0, i, t, reduce="add"), "The reduce argument of torch.scatter"),
        (lambda t, i: torch.where(i.byte(), t, t), "where received a uint8 condition tensor."),
        (
            lambda t, i: t[:1].expand(2).index_fill_(0, i, 2),
            "Use of index_fill_ on expanded tensors is deprecated.",
        ),
        (
            lambda t, i: t[:1].expand(2).masked_fill_(i.bool(), 2),
            "Use of masked_fill_ on expanded tensors is deprecated.",
        ),
        (
            lambda t, i: t[:1].expand(2).index_put_((i,), t),
            "Use of index_put_ on expanded tensors is deprecated.",
        ),
    ],
)
def test_what_pytorch_warns_of_is_warned_of(call, text):
    with recorded_warnings() as caught:
        call(torch.ones(2), torch.tensor([0, 1]))
    assert [str(w.message).startswith(text) for w in caught] == [True]


@pytest.mark.parametrize(
    "name",
    [
        "gather",
        "index_add",
        "index_copy",
        "index_reduce",
        "scatter",
        "scatter_add",
        "scatter_reduce",
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_out_takes_the_result(name):
    t, index = torch.ones(2, 2), torch.tensor([1, 0])
    arguments = [t, 0, index, 2 * t] if name.startswith("index") else [t, 0, index[None]]
    if name.startswith("scatter"):
        arguments.append(2 * t)
    if name.endswith("reduce"):
        arguments.append("prod")
    out = torch.empty(0)
    expected = getattr(torch, name)(*arguments)
    assert getattr(torch, name)(*arguments, out=out) is out and out.equal(expected)


def test_nonzero_takes_out_unless_it_gives_a_tuple():
    x, out = torch.tensor([1, 0, 2]), torch.empty(0, dtype=torch.int64)
    assert torch.nonzero(x, out=out) is out and out.tolist() == [[0], [2]]
    with pytest.raises(RuntimeError, match="nonzero does not support the out kwarg when as_tuple"):
        torch.nonzero(x, out=out, as_tuple=True)


def test_coordinates_of_a_dimension_lie_side_by_side():
    # As PyTorch's: a view of one tensor, so that each column is contiguous.
    x = torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    assert x.nonzero().stride() == (1, 3)
    assert [c.storage_offset() for c in x.nonzero(as_tuple=True)] == [0, 3]
    assert torch.nonzero_static(x, size=4).tolist() == [[0, 0], [1, 0], [1, 1], [-1, -1]]


def test_histogram_without_a_derivative_says_its_name():
    y = torch.histogram(torch.ones(3, requires_grad=True), 2).hist
    with pytest.raises(RuntimeError, match="^derivative for aten::histogram is not implemented"):
        y.sum().backward()


def test_where_with_out_takes_tensors_only():
    # It computed with the number.
    x = torch.arange(3.0)
    for input, other, argument, place in ((x, 0.5, "other", 3), (1, x, "input", 2)):
        with pytest.raises(
            TypeError,
            match=rf"where\(\): argument '{argument}' \(position {place}\) must be Tensor",
        ):
            torch.where(x > 1, input, other, out=torch.empty(3))
    assert torch.where(x > 1, x, -x, out=torch.empty(3)).tolist() == [0.0, -1.0, 2.0]


def test_places_without_lines_are_none_to_check():
    # A division by a size of 0 looked for the first line.
    rows = torch.ones(4, 3)
    for shape in ((2, 0), (0, 2), (0, 3, 0)):
        index = torch.zeros(shape, dtype=torch.int64)
        assert torch.embedding(rows, index).shape == (*shape, 3)
    empty = torch.zeros(0, 2, dtype=torch.int64)
    assert torch.gather(rows, 0, empty).shape == (0, 2)
    assert torch.equal(rows.scatter(0, empty, torch.ones(0, 2)), rows)


@pytest.mark.parametrize("n", [511, 512, 513, 70_001])
def test_places_are_checked_block_by_block_and_the_first_one_outside_is_named(n):
    x = torch.arange(10.0)
    for at in (0, n - 1):
        index = torch.arange(n) % 10
        index[at] = 10
        index[n // 2] = 11 if at else 10
        worst = 11 if at else 10
        with pytest.raises(RuntimeError, match=f"index {worst} is out of bounds for dimension 0"):
            torch.gather(x, 0, index)
        with pytest.raises(IndexError, match="index out of range in self"):
            torch.index_select(x, 0, index)
        with pytest.raises(IndexError, match=f"index {worst} is out of bounds for dimension 0"):
            x[index]
    for value in (-1, -(2**63), 2**63 - 1):
        index = torch.arange(n) % 10
        index[n // 3] = value
        with pytest.raises(RuntimeError, match=f"index {value} is out of bounds"):
            torch.gather(x, 0, index)
        if value != -1:
            with pytest.raises(IndexError, match=f"index {value} is out of bounds"):
                x[index]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.int64])
def test_rows_and_columns_of_a_large_matrix_are_gathered_as_small_ones_are(dtype):
    # More rows than the cache holds are read some columns at a time.
    x = ((torch.arange(5000 * 130) * 7919) % 251).reshape(5000, 130).to(dtype)
    rows = (torch.arange(700 * 130) * 37 % 5000).reshape(700, 130)
    columns = torch.arange(130).expand(700, 130)
    by_number = x.reshape(-1)[rows * 130 + columns]
    assert torch.equal(torch.gather(x, 0, rows), by_number)
    assert torch.equal(x[rows, columns], by_number)
    assert torch.equal(x[rows - 5000, torch.arange(130) - 130], by_number)
    assert torch.equal(torch.take(x, rows * 130 + columns), by_number)
    assert torch.equal(torch.gather(x.t(), 1, rows.t()), by_number.t())


def test_indices_that_broadcast_step_over_their_own_strides():
    x = torch.arange(60.0).reshape(3, 4, 5)
    a, b = torch.tensor([2, -3, 1]), torch.tensor([[3], [-4]])
    expected = torch.stack([torch.stack([x[i, j] for i in a.tolist()]) for j in (3, 0)])
    assert torch.equal(x[a, b], expected)
    assert torch.equal(x[a.expand(2, 3).t()[:, :1].squeeze(1), b], expected)
    wide = torch.arange(600) % 3
    assert torch.equal(x[wide[:, None], torch.arange(4)], x[wide])
    assert torch.equal(x[wide.flip(0)[::2]], x[wide].flip(0)[::2])


@pytest.mark.parametrize("shape", [(3,), (600,), (40, 30)])
def test_gradients_of_indexing_add_where_places_meet(shape):
    # Added tile by tile: 512 places at a time, from several tensors of indices.
    x = torch.zeros(7, 5, 4, dtype=torch.float64, requires_grad=True)
    a = torch.arange(math.prod(shape)).reshape(shape) * 3 % 7
    b = torch.arange(math.prod(shape)).reshape(shape) * 2 % 5 - 5
    w = torch.arange(math.prod(shape) * 4, dtype=torch.float64).reshape(*shape, 4)
    (found,) = torch.autograd.grad(x[a, b], x, w)
    expected = torch.zeros(7, 5, 4, dtype=torch.float64)
    flat = w.reshape(-1, 4)
    for k, (i, j) in enumerate(zip(a.reshape(-1).tolist(), b.reshape(-1).tolist(), strict=True)):
        expected[i, j] += flat[k]
    assert torch.equal(found, expected)
    (rows,) = torch.autograd.grad(x[a], x, w[..., None, :].expand(*shape, 5, 4))
    assert torch.equal(rows.sum((0, 1)), 5 * flat.sum(0))
    assert torch.equal(rows[:, 0], torch.zeros(7, 4).double().index_add(0, a.reshape(-1), flat))
