"""DataLoader and the samplers: the order is PyTorch's, recorded from 2.13; batches, refusals."""

import importlib
from collections import OrderedDict, namedtuple

import numpy
import pytest
from support import MODULE, recorded_warnings, rushlight_only, torch

data = importlib.import_module(f"{MODULE}.utils.data")
Point = namedtuple("Point", ["x", "y"])


def rows(n=10):
    x = torch.arange(float(n))
    return data.TensorDataset(x, x * 10)


def firsts(loader):
    return [batch[0].tolist() for batch in loader]


# --- the order ----------------------------------------------------------------------------------


def test_split_and_two_shuffled_passes_are_pytorchs():
    torch.manual_seed(13)
    train, valid = data.random_split(rows(), [0.8, 0.2])
    assert train.indices == [8, 5, 4, 6, 2, 3, 1, 9] and valid.indices == [0, 7]
    loader = data.DataLoader(train, batch_size=3, shuffle=True)
    assert firsts(loader) == [[5, 1, 6], [2, 4, 9], [8, 3]]
    assert [b[1].tolist() for b in loader] == [[50, 10, 20], [30, 40, 60], [80, 90]]
    assert torch.rand(1).item() == pytest.approx(0.33900290727615356)


def test_generator_draws_the_order_and_the_seed():
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(0)
    loader = data.DataLoader(
        rows(), batch_size=4, shuffle=True, generator=generator, drop_last=True
    )
    assert firsts(loader) == [[7, 4, 8, 1], [2, 3, 6, 5]]
    assert torch.rand(1, generator=generator).item() == pytest.approx(0.6697648167610168)
    torch.manual_seed(0)
    untouched = torch.rand(1).item()
    torch.manual_seed(0)
    list(data.DataLoader(rows(), shuffle=True, generator=generator))
    assert torch.rand(1).item() == untouched


def test_samplers_draw_pytorchs_indices():
    torch.manual_seed(1)
    drawn = list(data.RandomSampler(range(5), replacement=True, num_samples=40))
    assert "".join(map(str, drawn)) == "1204140041214302421423303113211403132430"
    assert list(data.RandomSampler(range(5), num_samples=13)) == [4, 1, 3, 0, 2] * 2 + [4, 3, 2]
    assert list(data.SubsetRandomSampler([10, 20, 30, 40])) == [40, 30, 10, 20]
    assert list(data.DataLoader([1, 2.5, 3], batch_size=None)) == [1, 2.5, 3]
    list(data.DataLoader([{"a": 1}] * 3, batch_size=2))
    assert torch.rand(1).item() == pytest.approx(0.524665892124176)


def test_sequential_order_and_lengths():
    loader = data.DataLoader(rows(5), batch_size=2)
    assert firsts(loader) == [[0, 1], [2, 3], [4]] and len(loader) == 3
    assert len(data.DataLoader(rows(5), batch_size=2, drop_last=True)) == 2
    assert firsts(data.DataLoader(rows(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert len(data.DataLoader(rows(5), batch_size=None)) == 5


def test_two_iterators_of_a_loader_are_independent():
    loader = data.DataLoader(rows(4), batch_size=2)
    a, b = iter(loader), iter(loader)
    assert next(a)[0].tolist() == next(b)[0].tolist() == [0, 1] and iter(a) is a and len(a) == 2
    next(a)
    with pytest.raises(StopIteration):
        next(a)


def test_given_samplers_are_followed():
    assert firsts(data.DataLoader(rows(5), sampler=[3, -1, 0], batch_size=2)) == [[3, 4], [0]]
    loader = data.DataLoader(rows(5), batch_sampler=[[0, 4], [2]])
    assert firsts(loader) == [[0, 4], [2]] and len(loader) == 2 and loader.batch_size is None
    batches = data.BatchSampler(data.SequentialSampler(range(3)), 2, False)
    assert list(batches) == [[0, 1], [2]]
    assert len(data.BatchSampler(range(5), 2, True)) == 2


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: data.Subset(d, [4, 2, 0, 1])])
def test_rows_of_tensors_are_gathered_as_collated(wrap):
    dataset = wrap(data.TensorDataset(torch.arange(10.0).reshape(5, 2), torch.arange(5)))

    class Plain:
        def __len__(self):
            return len(dataset)

        def __getitem__(self, i):
            return dataset[i]

    fast = list(data.DataLoader(dataset, batch_size=3))
    slow = list(data.DataLoader(Plain(), batch_size=3))
    assert [type(b) for b in fast] == [list] * len(slow)
    for a, b in zip(fast, slow):
        assert [t.tolist() for t in a] == [t.tolist() for t in b]
        assert [t.dtype for t in a] == [t.dtype for t in b]


def test_batches_of_rows_are_copies():
    x = torch.zeros(4)
    batch = next(iter(data.DataLoader(data.TensorDataset(x), batch_size=4)))[0]
    batch.fill_(1)
    assert x.tolist() == [0] * 4


def test_rows_that_require_grad_keep_their_history():
    x = torch.ones(4, requires_grad=True)
    batch = next(iter(data.DataLoader(data.TensorDataset(x), batch_size=2)))[0]
    assert batch.grad_fn.name() == "StackBackward0"
    batch.sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 0]


def test_index_outside_of_the_rows_raises():
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"index {index} is out of bounds for dimension 0 wit"):
            list(data.DataLoader(rows(5), sampler=[0, index], batch_size=2))


def test_dataset_with_getitems_is_asked_once_a_batch():
    class Many(data.Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [torch.tensor(i) for i in reversed(indices)]

    assert [b.tolist() for b in data.DataLoader(Many(), batch_size=3)] == [[2, 1, 0], [3]]


def test_subclass_of_tensor_dataset_is_asked_for_its_items():
    class Doubled(data.TensorDataset):
        def __getitem__(self, index):
            return tuple(t * 2 for t in super().__getitem__(index))

    loader = data.DataLoader(Doubled(torch.arange(3)), batch_size=3)
    assert firsts(loader) == [[0, 2, 4]]


def test_collate_function_gets_the_items():
    loader = data.DataLoader([3, 1, 2], batch_size=2, collate_fn=sorted)
    assert list(loader) == [[1, 3], [2]]


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ([1, 2], "tensor([1, 2])"),
        ([1.5, 2], "tensor([1.5000, 2.0000], dtype=torch.float64)"),
        ([True, False], "tensor([ True, False])"),
        (["a", "b"], "['a', 'b']"),
        ([(1, "x"), (2, "y")], "[tensor([1, 2]), ('x', 'y')]"),
        ([[1, 2], [3, 4]], "[tensor([1, 3]), tensor([2, 4])]"),
        ([{"a": 1}, {"a": 2}], "{'a': tensor([1, 2])}"),
        ([OrderedDict(a=1)], "OrderedDict([('a', tensor([1]))])"),
        ([Point(1, 2), Point(3, 4)], "Point(x=tensor([1, 3]), y=tensor([2, 4]))"),
        ([numpy.float64(1), numpy.float64(2)], "tensor([1., 2.], dtype=torch.float64)"),
        ([numpy.ones(1), numpy.zeros(1)], "tensor([[1.],\n        [0.]], dtype=torch.float64)"),
    ],
    ids=str,
)
def test_default_collate(batch, expected):
    assert repr(data.default_collate(batch)) == expected


def test_default_collate_stacks_tensors():
    out = data.default_collate([torch.ones(2), torch.zeros(2)])
    assert out.tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([object()], TypeError, "default_collate: batch must contain tensors, numpy arrays"),
        ([None], TypeError, "default_collate: batch must contain tensors, numpy arrays"),
        ([[1, 2], [3]], RuntimeError, "each element in list of batch should be of equal size"),
        ([numpy.array(["a"])], TypeError, "default_collate: batch must contain tensors, numpy arr"),
        ([torch.ones(2), torch.ones(3)], RuntimeError, "stack expects each tensor to be"),
    ],
)
def test_default_collate_refuses(batch, error, message):
    with pytest.raises(error) as caught:
        data.default_collate(batch)
    assert str(caught.value).startswith(message)


def test_default_convert_makes_tensors_of_arrays_alone():
    array = numpy.ones(2)
    out = data.default_convert({"a": array, "b": (1, [array])})
    assert type(out["a"]) is torch.Tensor and out["b"][0] == 1
    assert type(out["b"][1][0]) is torch.Tensor and data.default_convert("text") == "text"
    text = numpy.array(["a"])
    assert data.default_convert(text) is text
    assert type(data.default_convert(Point(array, 1))) is Point


# --- streams ------------------------------------------------------------------------------------


class Stream(data.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


class Counted(Stream):
    def __len__(self):
        return 2


def test_stream_is_batched_until_it_ends():
    assert [b.tolist() for b in data.DataLoader(Stream(5), batch_size=2)] == [[0, 1], [2, 3], [4]]
    loader = data.DataLoader(Stream(5), batch_size=2, drop_last=True)
    assert [b.tolist() for b in loader] == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    assert [b.tolist() for b in data.DataLoader(Stream(4), batch_size=2)] == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Stream(0), batch_size=2)) == []


def test_stream_longer_than_it_said_warns():
    loader = data.DataLoader(Counted(3), batch_size=None)
    assert len(loader) == 2
    with recorded_warnings() as caught:
        assert len(list(loader)) == 3
    assert len(caught) == 1 and "was reported to be 2" in str(caught[0].message)
    assert len(data.DataLoader(Counted(3), batch_size=3)) == 1
    with pytest.raises(TypeError):
        len(data.DataLoader(Stream(3)))


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative; use num_workers=0 to di"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multipro"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"multiprocessing_context": "fork"}, "multiprocessing_context can only be used with"),
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually excl"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto"),
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"batch_size": 1.5}, "batch_size should be a positive integer value, but got batch"),
        ({"drop_last": 3}, "drop_last should be a boolean value, but got drop_last=3"),
    ],
)
def test_options_that_make_no_sense_raise(options, message):
    with pytest.raises(ValueError) as caught:
        data.DataLoader(rows(), **options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": True}, "expected unspecified shuffle option, but got shuffle=True"),
        ({"sampler": [0]}, "expected unspecified sampler option, but got sampler=[0]"),
        ({"batch_sampler": [[0]]}, "expected unspecified batch_sampler option, but got batch_samp"),
    ],
)
def test_options_that_a_stream_cannot_have_raise(options, message):
    with pytest.raises(ValueError) as caught:
        data.DataLoader(Stream(3), **options)
    assert str(caught.value).startswith(f"DataLoader with IterableDataset: {message}")


@rushlight_only
def test_workers_are_refused_with_the_way_out():
    with pytest.raises(NotImplementedError, match="(?s)num_workers=2.*fix: use num_workers=0"):
        data.DataLoader(rows(), num_workers=2)
    assert data.get_worker_info() is None


def test_random_sampler_refuses():
    with pytest.raises(TypeError, match="replacement should be a boolean value, but got"):
        data.RandomSampler(range(3), replacement=1)
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but"):
        data.RandomSampler(range(3), num_samples=0)
    with pytest.raises(ValueError, match="num_samples=0"):
        data.DataLoader([], shuffle=True)


def test_fixed_attributes_may_not_be_set():
    loader = data.DataLoader(rows())
    for name in ("batch_size", "sampler", "dataset", "drop_last"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, None)
    loader.collate_fn = len
    assert list(loader)[0] == 1


def test_pinned_memory_warns():
    loader = data.DataLoader(rows(2), pin_memory=True)
    with recorded_warnings() as caught:
        list(loader)
    assert [str(w.message) for w in caught] == [
        "'pin_memory' argument is set as true but no accelerator is found, then device pinned "
        "memory won't be used."
    ]
