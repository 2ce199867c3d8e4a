"""Functions under PyTorch's names: keywords, what is refused, pickles, what ``dir`` shows."""

import copy
import pickle
import types

import pytest
from support import leaf, torch

F, special, linalg = torch.nn.functional, torch.special, torch.linalg


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: special.ndtr(1), "special_ndtr(): argument 'input' (position 1)"),
        (lambda: torch.vander(1), "vander(): argument 'x' (position 1)"),
        (lambda: torch.combinations(1), "combinations(): argument 'input' (position 1)"),
        (lambda: F.one_hot(1), "one_hot(): argument 'input' (position 1)"),
        (lambda: F.rms_norm(1, [2]), "rms_norm(): argument 'input' (position 1)"),
        (lambda: F.cosine_similarity(1, 2), "cosine_similarity(): argument 'x1' (position 1)"),
        (lambda: F.pairwise_distance(1, 2), "pairwise_distance(): argument 'x1' (position 1)"),
        (lambda: torch.detach_(1), "detach_(): argument 'input' (position 1)"),
        (
            lambda: F.triplet_margin_loss(1, 2, 3),
            "triplet_margin_loss(): argument 'anchor' (position 1)",
        ),
    ],
)
def test_what_is_no_tensor_is_a_type_error(call, message):
    # It was an AttributeError of whatever came first.
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value) == message + " must be Tensor, not int"


@pytest.mark.parametrize(("dtype", "title"), [("int64", "Long"), ("bool", "Bool")])
def test_rms_norm_of_integers_is_not_implemented(dtype, title):
    # It was an error of finfo.
    x = torch.ones(2, 2, dtype=getattr(torch, dtype))
    for eps in (None, 1e-3):
        with pytest.raises(
            NotImplementedError, match=f"\"rms_norm\" not implemented for '{title}'"
        ):
            F.rms_norm(x, [2], eps=eps)


@pytest.mark.parametrize(
    "function",
    [
        F.logsigmoid,
        special.entr,
        special.xlog1py,
        linalg.cross,
        linalg.diagonal,
        linalg.matrix_power,
        linalg.vecdot,
    ],
)
def test_function_survives_pickle_and_copy(function):
    # Its own name was not found where pickle looked.
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function


def test_result_type_has_a_name_for_each_kind_of_argument():
    whole, real = torch.tensor([1]), torch.tensor([1.0])
    assert torch.result_type(scalar=1.0, tensor=whole) == torch.float32
    assert torch.result_type(tensor=whole, scalar=1.0) == torch.float32
    assert torch.result_type(1, tensor=whole) == torch.int64
    assert torch.result_type(tensor=whole, other=real) == torch.float32
    assert torch.result_type(scalar1=1, scalar2=2.0) == torch.float32
    for wrong in ({"tensor1": whole, "tensor2": real}, {"tensor": 1, "other": 2}):
        with pytest.raises(TypeError, match="invalid combination of arguments"):
            torch.result_type(**wrong)
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        torch.result_type(whole, scalar=1.0)


def test_fill_makes_a_new_tensor():
    x, value = leaf([1.0, 2.0]), leaf(3.0)
    filled = torch.fill(x, 2)
    assert filled.tolist() == [2, 2] and x.tolist() == [1, 2]
    assert filled.grad_fn.name() == "FillBackward0"
    filled = torch.fill(x, value)
    assert filled.grad_fn.name() == "FillBackward1"
    filled.sum().backward()
    assert x.grad.tolist() == [0, 0] and value.grad.item() == 2
    with pytest.raises(RuntimeError, match="only supports 0-dimension value tensor"):
        torch.fill(x, torch.ones(2))


def test_detach_as_a_function_in_place():
    y = leaf([1.0]) * 2
    assert torch.detach_(y) is y and not y.requires_grad
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        torch.detach_((leaf([1.0]) * 2)[:1])


def test_tensor_types_make_and_convert():
    x = torch.ones(2)
    assert x.type(torch.DoubleTensor).dtype == torch.float64
    assert x.type(torch.Tensor).dtype == torch.float32
    assert isinstance(x, torch.FloatTensor) and not isinstance(x, torch.LongTensor)
    assert torch.LongTensor([2**40 + 1]).tolist() == [2**40 + 1]
    assert torch.DoubleTensor(2, 3).shape == (2, 3)
    assert torch.BoolTensor([2, 0]).tolist() == [True, False]
    assert str(torch.DoubleTensor).replace("rushlight", "torch") == "<class 'torch.DoubleTensor'>"
    with pytest.raises(TypeError, match=r"expected TensorOptions\(dtype=double"):
        torch.DoubleTensor(x)
    with pytest.raises(TypeError, match="data must be a sequence"):
        torch.DoubleTensor(2.5)
    with pytest.raises(ValueError, match="invalid type: 'list'"):
        x.type(list)


def test_modules_show_no_names_of_their_imports():
    for module in (torch, torch.nn, F, special, linalg, torch.functional, torch.autograd):
        assert "module_getattr" not in dir(module)
    for module in (special, torch.functional):
        for name in dir(module):
            assert (
                not isinstance(getattr(module, name), types.ModuleType)
                or name[0] == "_"
                or (name == "torch")
            )
    assert {"ndtr", "entr", "softmax"} <= set(special.__all__)
    assert all(hasattr(special, name) for name in special.__all__)


def test_constants_of_modules_are_pytorchs():
    assert torch.nn.HuberLoss.__constants__ == ["reduction", "delta"]
    assert torch.nn.Unflatten.__constants__ == ["dim", "unflattened_size"]
    assert not hasattr(torch.nn.BCEWithLogitsLoss, "__constants__")
