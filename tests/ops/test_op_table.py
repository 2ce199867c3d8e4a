"""Everything that follows from an op's record, for every op in the table."""

import dataclasses
import inspect

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from op_samples import behind_first, bind, public, samples
from support import torch

OPS = [op for op in torch._C._op_table() if op["form"] != "internal"]
DIFFERENTIABLE = [op for op in OPS if op["differentiable"]]
ELEMENTWISE = [op for op in OPS if op["elementwise"]]


def ids(op):
    return f"{op['name']}-{op['overload']}"


# PyTorch's words about ops that work nevertheless.
pytestmark = [
    pytest.mark.filterwarnings("ignore:index_reduce"),
    pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter"),
]
every_op = pytest.mark.parametrize("op", OPS, ids=ids)


@every_op
def test_record_has_all_fields(op):
    assert op["doc"].endswith("."), "the doc is a sentence"
    assert op["signature"].startswith(op["name"] + "(")
    assert op["derivative"], "an op says what its derivative is, or that it has none"
    assert op["differentiable"] == (op["derivative"] != "not differentiable")


@every_op
def test_public_forms_exist_and_document_themselves(op):
    forms = []
    if op["form"] != "method":
        forms.append(public(op["name"]))
    if op["form"] != "function" and op["signature"].split("(")[1].startswith("input: Tensor"):
        forms.append(getattr(torch.Tensor, op["name"]))
        if op["inplace"]:
            forms.append(getattr(torch.Tensor, op["name"] + "_"))
    assert forms
    for form in forms:
        assert op["doc"] in form.__doc__
        inspect.signature(form)


@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
@every_op
def test_samples_run(op):
    for sample in samples(op):
        function, tensors = bind(op, sample)
        result = function(*tensors)
        if op["signature"].endswith(("-> bool", "-> int")):
            assert isinstance(result, bool if op["signature"].endswith("bool") else int)
            continue
        assert isinstance(result, torch.Tensor)
        assert result.is_leaf and not result.requires_grad


# normal() moves with its mean, and still PyTorch gives it a gradient of 0.
SMOOTH = [op for op in DIFFERENTIABLE if op["name"] != "normal"]
# Of hardsigmoid PyTorch has no second derivative.
TWICE = [op for op in DIFFERENTIABLE if op["name"] != "_hardsigmoid"]


@pytest.mark.parametrize("op", SMOOTH, ids=ids)
def test_first_derivative_matches_finite_differences(op):
    for sample in samples(op):
        function, tensors = bind(op, sample)
        if is_random(op):
            function = with_fixed_seed(function)
        assert_gradients_match(function, tensors, name=f"{op['name']} {sample}")


@pytest.mark.parametrize("op", TWICE, ids=ids)
def test_second_derivative_matches_finite_differences(op):
    for sample in samples(op):
        function, tensors = bind(op, sample)
        if is_random(op):
            function = with_fixed_seed(function)
        assert_second_gradients_match(
            function, tensors, rtol=1e-4, atol=1e-6, name=f"{op['name']} {sample}"
        )


def is_random(op):
    return "generator: Generator?" in op["signature"] or "dropout" in op["name"]


def with_fixed_seed(function):
    def seeded(*arguments):
        torch.manual_seed(1)
        return function(*arguments)

    return seeded


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=ids)
def test_fused_and_recorded_derivatives_give_the_same_bits(op):
    for sample in samples(op):
        for dtype in (torch.float32, torch.float64):
            function, tensors = bind(op, sample, dtype=dtype)
            results = []
            for create_graph in (False, True):
                leaves = [t.detach().clone().requires_grad_() for t in tensors]
                torch.manual_seed(1)
                output = function(*leaves)
                upstream = torch.ones_like(output) * 0.7
                found = torch.autograd.grad(
                    output, leaves, upstream, create_graph=create_graph, allow_unused=True
                )
                results.append([None if g is None else g.tolist() for g in found])
            assert repr(results[0]) == repr(results[1]), sample


def in_place(op, target, *arguments, **keywords):
    """The in-place form, a function where the op is no method."""
    name = op["name"] + "_"
    if op["form"] == "function":
        return public(name)(target, *arguments, **keywords)
    return getattr(target, name)(*arguments, **keywords)


@pytest.mark.parametrize("op", [op for op in OPS if op["inplace"]], ids=ids)
def test_inplace_form_writes_what_the_plain_form_returns(op):
    for sample in samples(op):
        function, tensors = bind(op, sample)
        expected = function(*tensors)
        if expected.shape != tensors[0].shape or "expanded" in str(sample.shapes):
            continue  # an in-place result keeps its shape; the refusals have tests of their own
        target = tensors[0].clone()
        version = target._version
        assert in_place(op, target, *behind_first(sample, tensors), **sample.kwargs) is target
        assert target.tolist() == expected.tolist()
        assert target._version == version + 1


@pytest.mark.parametrize("op", [op for op in DIFFERENTIABLE if op["inplace"]], ids=ids)
def test_inplace_form_on_a_nonleaf_has_the_plain_forms_gradient(op):
    for sample in samples(op):
        function, tensors = bind(op, sample)
        if function(*tensors).shape != tensors[0].shape or "expanded" in str(sample.shapes):
            continue

        def plain(*leaves, function=function):
            return function(*leaves)

        def inplace(*leaves, op=op, sample=sample):
            target = leaves[0] * 1.0
            return in_place(op, target, *behind_first(sample, leaves), **sample.kwargs)

        gradients = []
        for form in (plain, inplace):
            leaves = [t.detach().clone().requires_grad_() for t in tensors]
            form(*leaves).sum().backward()
            gradients.append([leaf.grad for leaf in leaves])
        # Not the same bits: elu_ and its kin have a derivative of the output.
        for want, got in zip(*gradients, strict=True):
            assert torch.allclose(want, got, rtol=1e-13, atol=0, equal_nan=True), sample


# empty() has nothing to write.
WITH_OUT = [op for op in OPS if "out: Tensor?" in op["signature"] and op["name"] != "empty"]


@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
@pytest.mark.parametrize("op", WITH_OUT, ids=ids)
def test_out_takes_the_result(op):
    for sample in samples(op):
        if sample.kwargs.get("as_tuple"):
            continue  # refused: tests/ops/test_indexing_ops.py
        function, tensors = bind(op, sample)
        function = with_fixed_seed(function)
        expected = function(*tensors)
        torch.manual_seed(1)
        out = torch.empty(0, dtype=expected.dtype)
        with_out = dataclasses.replace(sample, kwargs={**sample.kwargs, "out": out})
        given = bind(op, with_out)[0](*tensors)
        assert given is out and out.shape == expected.shape and out.tolist() == expected.tolist()


@pytest.mark.parametrize("op", ELEMENTWISE, ids=ids)
def test_strided_and_contiguous_operands_give_the_same_bits(op):
    for sample in samples(op):
        for dtype in (torch.float32, torch.float64):
            function, tensors = bind(op, sample, dtype=dtype)
            packed = [t.contiguous() for t in tensors]
            assert repr(function(*tensors).tolist()) == repr(function(*packed).tolist())


@pytest.mark.parametrize("op", ELEMENTWISE, ids=ids)
def test_grad_fn_shows_the_nodes_name_and_saved_values(op):
    if not op["differentiable"]:
        return
    sample = samples(op)[0]
    function, tensors = bind(op, sample)
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    node = function(*leaves).grad_fn
    assert type(node).__name__ == op["node"] == node.name()
    shown = {name for name in dir(node) if name.startswith("_saved_")}
    assert shown == {f"_saved_{name}" for name in op["saved"]}
    for name in shown:
        getattr(node, name)
