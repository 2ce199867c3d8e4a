"""The data sets, and random_split."""

import importlib

import pytest
from support import MODULE, recorded_warnings, torch

data = importlib.import_module(f"{MODULE}.utils.data")


SPLIT = [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]


class Letters(data.Dataset):
    def __init__(self, letters):
        self.letters = letters

    def __len__(self):
        return len(self.letters)

    def __getitem__(self, index):
        return self.letters[index]


class Stream(data.IterableDataset):
    def __iter__(self):
        return iter("xy")

    def __len__(self):
        return 2


def test_tensor_dataset_gives_rows():
    ds = data.TensorDataset(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([5, 6]))
    x, y = ds[1]
    assert len(ds) == 2 and x.tolist() == [3, 4] and y.item() == 6
    assert [t.tolist() for t in ds[-1:]] == [[[3, 4]], [6]]
    with pytest.raises(IndexError):
        ds[2]
    with pytest.raises(AssertionError, match="^Size mismatch between tensors"):
        data.TensorDataset(torch.ones(2), torch.ones(3))


def test_dataset_without_getitem_raises():
    with pytest.raises(NotImplementedError, match="Subclasses of Dataset should implement __getit"):
        data.Dataset()[0]


def test_dataset_may_be_subscripted_with_a_type():
    class Typed(data.Dataset[int]):
        def __getitem__(self, index):
            return index

    assert isinstance(Typed(), data.Dataset) and Typed()[3] == 3


def test_sum_of_datasets_is_one_after_the_other():
    both = Letters("abc") + Letters("") + Letters("de")
    assert isinstance(both, data.ConcatDataset) and len(both) == 5
    assert "".join(both[i] for i in range(5)) == "abcde" and both[-1] == "e" and both[-5] == "a"
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset leng"):
        both[-6]
    with pytest.raises(IndexError):
        both[5]


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ([], "datasets should not be an empty iterable"),
        ([Stream()], "ConcatDataset does not support IterableDataset"),
    ],
)
def test_concat_refuses(datasets, message):
    with pytest.raises(AssertionError, match=message):
        data.ConcatDataset(datasets)


def test_sum_of_streams_is_a_chain():
    chain = Stream() + Stream()
    assert isinstance(chain, data.ChainDataset) and list(chain) == list("xyxy") and len(chain) == 4
    with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset"):
        list(data.ChainDataset([Letters("a")]))


def test_stack_puts_items_side_by_side():
    stack = data.StackDataset(Letters("ab"), [1, 2])
    assert stack[1] == ("b", 2) and len(stack) == 2
    assert stack.__getitems__([1, 0]) == [("b", 2), ("a", 1)]
    named = data.StackDataset(x=Letters("ab"), y=data.Subset([1, 2, 3], [2, 0]))
    assert named[0] == {"x": "a", "y": 3}
    assert named.__getitems__([1]) == [{"x": "b", "y": 1}]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "At least one dataset should be passed"),
        (("a",), {"x": "a"}, "Supported either ``tuple``- .via ``args``. or``dict``-"),
        (("a", "ab"), {}, "Size mismatch between datasets"),
    ],
)
def test_stack_refuses(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        data.StackDataset(*arguments, **options)


def test_subset_follows_its_indices():
    subset = data.Subset(Letters("abcd"), [3, 1])
    assert subset[0] == "d" and len(subset) == 2 and subset.__getitems__([1, 0]) == ["b", "d"]
    rows = data.Subset(data.TensorDataset(torch.arange(4)), [3, 1])
    assert rows[[0, 1]][0].tolist() == [3, 1]
    nested = data.Subset(subset, [1])
    assert nested.__getitems__([0]) == ["b"]


def test_subset_that_overrides_getitem_alone_raises():
    class Upper(data.Subset):
        def __getitem__(self, index):
            return super().__getitem__(index).upper()

    with pytest.raises(NotImplementedError, match="Upper overrides __getitem__ but not __getitems"):
        Upper(Letters("a"), [0])


def test_random_split_with_lengths_fractions_and_generator():
    """Recorded from PyTorch 2.13."""
    torch.manual_seed(42)
    a, b = data.random_split(range(10), [7, 3])
    assert a.indices == SPLIT[:7] and b.indices == SPLIT[7:]
    generator = torch.Generator().manual_seed(42)
    parts = data.random_split(range(10), [0.5, 0.25, 0.25], generator=generator)
    assert [len(p) for p in parts] == [6, 2, 2]
    assert sum((p.indices for p in parts), []) == SPLIT
    assert [len(p) for p in data.random_split(range(11), [1 / 3] * 3)] == [4, 4, 3]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 3], "Sum of input lengths does not equal the length of the input dataset!"),
        ([0.5, 0.4], "Sum of input lengths does not equal the length of the input dataset!"),
        ([1.5, -0.5], "Fraction at index 0 is not between 0 and 1"),
    ],
)
def test_random_split_refuses(lengths, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        data.random_split(range(10), lengths)


def test_random_split_with_an_empty_part_warns():
    with recorded_warnings() as caught:
        data.random_split(range(2), [0.9, 0.05, 0.05])
    assert [str(w.message) for w in caught] == [
        f"Length of split at index {i} is 0. This might result in an empty dataset." for i in (1, 2)
    ]
