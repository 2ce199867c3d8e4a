"""``copy`` and ``pickle`` of tensors."""

import copy
import gc
import io
import pickle
import weakref

import pytest
from support import ON_TORCH, inf, leaf, nan, recorded_warnings, rushlight_only, torch


def loaded(x, protocol=pickle.DEFAULT_PROTOCOL):
    return pickle.loads(pickle.dumps(x, protocol))


def test_copy_shares_memory():
    x = leaf([1.0, 2.0])
    x.note = "kept"
    c = copy.copy(x)
    assert c is not x and c.data_ptr() == x.data_ptr() and c.requires_grad and c.is_leaf
    assert c.note == "kept" and c.grad is None and not c._is_view()
    y = copy.copy(x * 2)
    assert y.is_leaf and y.requires_grad and y.tolist() == [2.0, 4.0]


def test_deepcopy_of_a_leaf_keeps_requires_grad_and_grad():
    x = leaf([1.0, 2.0])
    x.sum().backward()
    c = copy.deepcopy(x)
    assert c is not x and c.is_leaf and c.requires_grad and c.tolist() == [1.0, 2.0]
    assert c.grad is not x.grad and c.grad.tolist() == [1.0, 1.0]
    c.grad.zero_()
    with torch.no_grad():
        c.zero_()
    assert x.tolist() == [1.0, 2.0] and x.grad.tolist() == [1.0, 1.0]


def test_deepcopy_keeps_the_grad_of_a_tensor_that_was_frozen():
    # It was left out.
    x = leaf([1.0, 2.0])
    (x * 3).sum().backward()
    x.requires_grad_(False)
    c = copy.deepcopy(x)
    assert not c.requires_grad
    assert c.grad is not x.grad and c.grad.tolist() == [3.0, 3.0]


def test_deepcopy_keeps_identity_within_one_copy():
    x = leaf([1.0])
    a, b, c = copy.deepcopy([x, x, {"x": x}])
    assert a is b is c["x"] and a is not x


def test_deepcopy_of_a_computed_tensor_is_refused():
    with pytest.raises(
        RuntimeError,
        match=r"^Only Tensors created explicitly by the user \(graph leaves\) support the deepcopy "
        "protocol at the moment.",
    ):
        copy.deepcopy(leaf([1.0]) * 2)


def test_deepcopy_keeps_attributes():
    x = torch.ones(2)
    x.notes = ["a"]
    c = copy.deepcopy(x)
    assert c.notes == ["a"] and c.notes is not x.notes


def test_deepcopy_of_views():
    x = torch.arange(6.0).view(2, 3)
    assert copy.deepcopy(x.t()).tolist() == x.t().tolist()
    assert copy.deepcopy(x.t()).stride() == (1, 3)
    assert copy.deepcopy(torch.ones(1).expand(3)).tolist() == [1.0] * 3


@rushlight_only
def test_deepcopy_of_a_subclass_keeps_its_class():
    class Price(torch.Tensor):
        pass

    p = torch.ones(2).as_subclass(Price)
    p.currency = "EUR"
    c = copy.deepcopy(p)
    assert type(c) is Price and c.currency == "EUR" and c.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_deepcopy_works_in_every_mode(mode):
    x = leaf([1.0])
    with mode():
        assert copy.deepcopy(x).tolist() == [1.0]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_values_dtype_and_requires_grad(protocol):
    for x in (
        torch.tensor([1.5, nan, -inf, -0.0]),
        torch.tensor([[1, 2], [3, -(2**63)]]),
        torch.tensor([True, False]),
        torch.tensor(2.5, dtype=torch.float64),
        torch.zeros(2, 0, 3),
        leaf([1.0, 2.0]),
    ):
        y = loaded(x, protocol)
        assert y.dtype == x.dtype and y.shape == x.shape and y.requires_grad == x.requires_grad
        assert repr(y) == repr(x) and y.is_leaf


def test_pickle_of_a_computed_tensor_is_a_leaf():
    y = loaded(leaf([1.0, 2.0]) * 2)
    assert y.is_leaf and y.requires_grad and y.grad_fn is None and y.tolist() == [2.0, 4.0]


def test_pickle_leaves_the_grad_behind():
    x = leaf([1.0])
    x.sum().backward()
    assert loaded(x).grad is None


def test_pickle_warns_of_hooks():
    x = leaf([1.0])
    x.register_hook(lambda g: g)
    with recorded_warnings() as caught:
        loaded(x)
    assert [w.category for w in caught] == [UserWarning]
    assert "on tensor will not be serialized" in str(caught[0].message)


def test_pickle_of_views_keeps_the_values():
    x = torch.arange(6.0).view(2, 3)
    assert loaded(x.t()).tolist() == x.t().tolist()
    assert loaded(torch.ones(1).expand(3)).tolist() == [1.0] * 3


def test_pickle_keeps_identity_within_one_pickle():
    x = leaf([1.0])
    a, b = loaded([x, x])
    assert a is b


def test_pickle_keeps_attributes_and_class():
    x = torch.ones(2)
    x.note = "kept"
    assert loaded(x).note == "kept"
    p = torch.ones(2).as_subclass(ModuleLevel)
    p.note = "kept"
    q = loaded(p)
    assert type(q) is ModuleLevel and q.note == "kept"


class ModuleLevel(torch.Tensor):
    pass


def test_loaded_tensor_is_independent_and_usable():
    x = leaf([1.0, 2.0])
    y = loaded(x)
    (y * y).sum().backward()
    assert y.grad.tolist() == [2.0, 4.0] and x.grad is None
    with torch.no_grad():
        y.zero_()
    assert x.tolist() == [1.0, 2.0]


def family():
    """A tensor and two views of it."""
    base = torch.arange(6.0)
    return [base, base[2:5], base.view(2, 3).t()]


def test_deepcopy_of_tensors_that_share_memory_shares_it_too():
    # Each copy had memory of its own.
    before = family()
    base, part, transposed = copy.deepcopy(before)
    base[2] = 99.0
    assert part.tolist() == [99.0, 3.0, 4.0] and transposed[2, 0].item() == 99.0
    assert transposed.stride() == (1, 3) and part.storage_offset() == 2
    assert part._base is None and before[0][2].item() == 2.0
    again = copy.deepcopy(before)
    assert again[0].data_ptr() != base.data_ptr()


def test_deepcopy_of_a_parameter_and_its_detached_twin():
    x = leaf([1.0, 2.0])
    copied, twin = copy.deepcopy([x, x.detach()])
    with torch.no_grad():
        copied[0] = 5.0
    assert twin.tolist() == [5.0, 2.0] and x.tolist() == [1.0, 2.0]
    assert copied.requires_grad and not twin.requires_grad


def test_deepcopy_of_a_tensor_and_its_grad_keeps_their_identity():
    x = leaf([1.0])
    x.grad = torch.tensor([3.0])
    copied, grad = copy.deepcopy([x, x.grad])
    assert copied.grad is grad and grad is not x.grad


def test_deepcopy_leaves_hooks_behind():
    x = leaf([1.0])
    x.register_hook(lambda g: g * 2)
    copied = copy.deepcopy(x)
    (copied * 1).sum().backward()
    assert copied.grad.tolist() == [1.0]


@rushlight_only  # PyTorch's attributes are set too early, or refer to the original
def test_tensor_that_refers_to_itself():
    x = torch.ones(2)
    x.me = {"x": x}
    for copied in (copy.deepcopy(x), loaded(x)):
        assert copied.me["x"] is copied and copied is not x


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_strides_and_offset(protocol):
    # A transposed tensor came back row-major.
    x = torch.arange(12.0).view(3, 4)
    for t in (x.t(), x[1], x[:, ::2], torch.ones(1).expand(3), torch.zeros(2, 0, 3), x[1, 2]):
        copied = loaded(t, protocol)
        assert copied.stride() == t.stride() and copied.storage_offset() == t.storage_offset()
        assert copied.tolist() == t.tolist() and copied.shape == t.shape


@rushlight_only  # as torch.save does; a plain pickle of PyTorch's parts them
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_tensors_of_one_pickle_that_share_memory_share_it_again(protocol):
    base, part, transposed = loaded(family(), protocol)
    base[2] = 99.0
    assert part.tolist() == [99.0, 3.0, 4.0] and transposed[2, 0].item() == 99.0
    small, large = torch.zeros(1000), pickle.dumps(family() * 100, protocol)
    assert len(pickle.dumps([small, small[1:], small.view(10, 100)], 4)) < 2 * small.nbytes
    assert len(large) < 100_000


def test_pickle_of_every_dtype():
    for name in ("bool", "uint8", "int8", "int16", "int32", "float16", "bfloat16"):
        t = torch.tensor([0, 1, 1]).to(getattr(torch, name))
        copied = loaded(t)
        assert copied.dtype == t.dtype and copied.tolist() == t.tolist()


def test_pickle_with_buffers_outside():
    buffers = []
    t = torch.arange(1000.0)
    data = pickle.dumps([t, t[1:]], 5, buffer_callback=buffers.append)
    copied, part = pickle.loads(data, buffers=buffers)
    assert copied.tolist() == t.tolist() and part.tolist() == t[1:].tolist()
    copied.zero_()
    assert t[1].item() == 1.0
    if not ON_TORCH:  # PyTorch has none
        assert len(buffers) == 1 and buffers[0].raw().nbytes == t.nbytes and len(data) < 1000


@rushlight_only
def test_tensor_may_grow_after_its_pickle():
    for protocol in (4, 5):
        t = torch.zeros(3)
        pickle.dumps(t, protocol)
        assert t.resize_(1000).shape == (1000,)
    buffers = []
    pickle.dumps(t, 5, buffer_callback=buffers.append)
    with pytest.raises(RuntimeError, match="^Trying to resize storage that is not resizable"):
        t.resize_(10_000)
    buffers.clear()
    t.resize_(10_000)


def test_singletons_are_copied_and_pickled_as_themselves():
    for one in (torch.float32, torch.bool, torch.contiguous_format, torch.preserve_format):
        assert copy.copy(one) is copy.deepcopy(one) is loaded(one) is one
    assert loaded(torch.device("cpu")) == torch.device("cpu")
    assert type(loaded(torch.Size([1, 2]))) is torch.Size


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, loaded], ids=["copy", "deep", "pickle"])
def test_copy_is_weakly_referenced_and_collected(make):
    x = leaf([1.0])
    copied = make(x)
    watch = weakref.ref(copied)
    loss = (copied * 2).sum()
    del copied
    gc.collect()
    assert watch() is not None and watch().tolist() == [1.0]
    loss.backward()
    del loss
    gc.collect()
    assert watch() is None


@rushlight_only
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_names_nothing_but_the_rebuild_functions(protocol):
    """Loading calls two functions of rushlight: nothing else can be reached through a tensor."""
    named = set()

    class Watched(pickle.Unpickler):
        def find_class(self, module, name):
            named.add(f"{module}.{name}")
            return super().find_class(module, name)

    Watched(io.BytesIO(pickle.dumps(leaf([1.0, 2.0]), protocol))).load()
    named.discard("_codecs.encode")  # bytes, before protocol 3
    assert named == {"rushlight._tensor._rebuild", "rushlight._tensor._rebuild_storage"}


def over(count, dtype="float32", offset=0, shape=(2,), stride=(1,), requires_grad=False, cls=None):
    """Rebuild a tensor over a storage of so many bytes."""
    from rushlight._tensor import _rebuild, _rebuild_storage

    storage = _rebuild_storage(bytes(count)) if isinstance(count, int) else count
    return _rebuild(storage, dtype, offset, shape, stride, requires_grad, cls)


@rushlight_only
@pytest.mark.parametrize(
    "damage",
    [
        {"count": 7},
        {"shape": (3,)},
        {"shape": (2, 2), "stride": (2, 1)},
        {"offset": 1},
        {"offset": -1},
        {"offset": 2**62},
        {"offset": 2**63 - 1},
        {"offset": 2**80},
        {"stride": (2,)},
        {"stride": (-1,)},
        {"stride": (2**62,)},
        {"stride": (2**63 - 1,)},
        {"stride": ()},
        {"stride": (1, 1)},
        {"stride": (True,)},
        {"stride": [1]},
        {"shape": (-2,)},
        {"shape": (2**62, 2**62), "stride": (0, 0)},
        {"shape": (2**63 - 1,), "stride": (0,), "offset": 2},
        {"shape": (1,) * 65, "stride": (1,) * 65},
        {"shape": "ab"},
        {"shape": (2.0,)},
        {"dtype": "float64"},
        {"dtype": "__class__"},
        {"dtype": "no_such_dtype"},
        {"dtype": None},
        {"dtype": "int32", "requires_grad": True},
        {"cls": int},
        {"cls": 3},
        {"count": "text"},
        {"count": b"12345678"},
        {"count": None},
        {"count": torch.ones(2)},
    ],
    ids=str,
)
def test_damaged_pickle_raises_and_does_not_crash(damage):
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        over(**{"count": 8, **damage})


@rushlight_only
def test_pickle_at_the_edge_of_its_storage_loads():
    assert over(8).tolist() == [0.0, 0.0]
    assert over(8, offset=1, shape=(1,)).tolist() == [0.0]
    assert over(8, shape=(4, 2), stride=(0, 1)).tolist() == [[0.0, 0.0]] * 4
    assert over(0, shape=(0,)).tolist() == [] == over(0, shape=(0,), stride=(2**62,)).tolist()
    assert over(8, shape=(2, 1), stride=(1, 2**62)).tolist() == [[0.0], [0.0]]


@rushlight_only
def test_storage_of_a_pickle_refuses_what_is_no_buffer():
    from rushlight._tensor import _rebuild_storage

    for wrong in (3, "text", None, [1]):
        with pytest.raises(TypeError):
            _rebuild_storage(wrong)
