"""The matrix's cases, generated from the tables, and what a call gives, as a line of text."""

import functools
import math
import warnings
from typing import NamedTuple

from support import torch

from .calls import SIGNATURES
from .values import DTYPES, FLOATS, row_major

F = torch.nn.functional

# Pairs of dtypes for calls of two tensors and more.
MIXED = (
    ("float32", "float64"),
    ("float16", "bfloat16"),
    ("float16", "int64"),
    ("int32", "float32"),
    ("bool", "float64"),
    ("uint8", "int8"),
    ("bool", "int16"),
    ("int64", "bool"),
)
SHORT = ("float32", "int64", "bool", "bfloat16")
DIGITS = {"float64": 14, "float32": 9, "float16": 5, "bfloat16": 4}
MANY = 256  # elements beyond which a line tells a sample of them


class Case(NamedTuple):
    form: str
    dtype: str
    other: str = ""  # the dtype of all varying tensors but the first
    kind: str = "plain"
    layout: str = "contiguous"
    gradient: bool = False

    def __str__(self):
        return " ".join(str(v) for v in self if v not in ("", False, "plain", "contiguous"))


def function_of(name):
    """The function of a name: of torch, else of nn.functional; with dots, of a submodule."""
    space = torch if "." in name or hasattr(torch, name) else F
    return functools.reduce(getattr, name.split("."), space)


def forms_of(name, operator, call):
    """The names under which PyTorch has the operator."""
    has = SIGNATURES.get(name) or {
        "function": ("." in name or hasattr(torch, name)) and not name.startswith("_"),
        "method": hasattr(torch.Tensor, name),
        "inplace": not name.endswith("_") and hasattr(torch.Tensor, name + "_"),
        "functional": hasattr(F, name) and not name.endswith("_"),
    }
    if call.run:
        return ["run"]
    method = (
        bool(call.args) and hasattr(call.args[0], "build") and not isinstance(call.args[0], list)
    )
    method = method and hasattr(call.args[0], "shape")
    forms = []
    for form in ("function", "functional", "method", "inplace"):
        if has[form] and (method or form.startswith("func")):
            if operator.forms is None or form in operator.forms:
                forms.append(form)
    if "function" in forms and (operator.forms is None or "out" in operator.forms):
        forms.append("out")
    return forms


def cases(name, operator, call, first):
    """All variations of a call; ``first`` of an operator's calls has the most."""
    forms = forms_of(name, operator, call)
    if not forms:
        return
    main = forms[0]
    size = max((math.prod(s.shape) for s in call.places), default=0)
    if size > 1000:
        for dtype in ("float32", "float64", "int64", "bool"):
            yield Case(main, dtype)
        return
    varies = bool(call.places) or any(
        type(v).__name__ == "DType" for v in (*call.args, *call.kwargs.values())
    )
    dtypes = DTYPES if varies else ("float32",)
    for form in forms:
        for dtype in dtypes if first or form == main else [d for d in dtypes if d in SHORT]:
            yield Case(form, dtype)
    if main in ("function", "functional") and call.args:
        for k in range(len(keyword_overloads(name, call))):
            yield Case(f"keywords{k}", "float32")
    if "out" in forms:
        for dtype in SHORT if first else ("float32",):
            yield Case("out_double", dtype)
            yield Case("out_int", dtype)
    if not call.places:
        return
    for kind in operator.kinds:
        for dtype in DTYPES:
            if dtype != "bool" and not (kind == "special" and dtype not in FLOATS):
                yield Case(main, dtype, kind=kind)
    for layout in operator.layouts:
        if any(len(s.shape) > (layout == "transposed") for s in call.places):
            for dtype in SHORT:
                yield Case(main, dtype, layout=layout)
            if "inplace" in forms:
                yield Case("inplace", "float32", layout=layout)
    if len(call.places) > 1:
        for dtype, other in MIXED:
            yield Case(main, dtype, other)
            if "inplace" in forms and first:
                yield Case("inplace", dtype, other)
    yield Case(main, "float32", gradient=True)
    for kind in ("plain", *operator.kinds):
        if kind != "huge":
            yield Case(main, "float64", kind=kind, gradient=True)
    for layout in (x for x in operator.layouts if x != "flipped"):
        if any(len(s.shape) > (layout == "transposed") for s in call.places):
            yield Case(main, "float64", layout=layout, gradient=True)


def keyword_overloads(name, call):
    """PyTorch's parameter names for the call's arguments, one list for each overload that fits."""
    found = []
    for overload in SIGNATURES.get(name, {}).get("overloads", []):
        parameters = overload["parameters"]
        if any(p.get("variadic") or p.get("out") for p in parameters):
            continue
        names = [p["name"] for p in parameters]
        if len(call.args) <= len(names) and not set(names[: len(call.args)]) & call.kwargs.keys():
            if names[: len(call.args)] not in found:
                found.append(names[: len(call.args)])
    return found


def invoke(name, call, case, args, kwargs):
    """Call the operator in the form of a case."""
    if case.form == "run":
        return call.run(*args, **kwargs)
    if case.form == "method":
        return getattr(args[0], name)(*args[1:], **kwargs)
    if case.form == "inplace":
        result = getattr(args[0], name + "_")(*args[1:], **kwargs)
        assert result is args[0], "an in-place form returns its tensor"
        return result
    if case.form == "functional":
        return getattr(F, name)(*args, **kwargs)
    function = function_of(name)
    if case.form.startswith("keywords"):
        names = keyword_overloads(name, call)[int(case.form[8:])]
        return function(**dict(zip(names, args, strict=True)), **kwargs)
    if case.form.startswith("out"):
        dtype = {"out_double": torch.float64, "out_int": torch.int32}.get(case.form)
        state = torch.get_rng_state()
        plain = function(*args, **kwargs)
        torch.set_rng_state(state)  # a random result is the same once more
        if isinstance(plain, tuple | list):
            out = tuple(torch.empty(0, dtype=dtype or p.dtype) for p in plain)
        else:
            out = torch.empty(0, dtype=dtype or plain.dtype)
        result = function(*args, **kwargs, out=out)
        if isinstance(out, tuple):
            assert all(r is o for r, o in zip(result, out, strict=True)), "out is returned"
        else:
            assert result is out, "out is returned"
        return result
    return function(*args, **kwargs)


def observe(name, operator, call, case, function=invoke):
    """What a case gives: values as text, or the exception's type and first line.

    function: what takes the call, in the form of ``invoke``.
    """
    args, kwargs, tensors = call.build(case, operator.domain)
    if operator.seeded:
        torch.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if case.gradient:
                leaves = [t.requires_grad_() for t in tensors]
                return gradient_text(function(name, call, case, args, kwargs), leaves)
            return text_of(function(name, call, case, args, kwargs))
        except AssertionError:
            raise
        except Exception as error:
            line = str(error).split("\n")[0].split(" (Triggered internally")[0]
            return f"{type(error).__name__}: {line}"


def gradient_text(result, leaves):
    """The node's name and the gradients of every varying tensor, of a weighted sum."""
    outputs = result if isinstance(result, tuple | list) else [result]
    outputs = [o for o in outputs if isinstance(o, torch.Tensor) and o.requires_grad]
    if not outputs:
        return "no gradient"
    found = torch.autograd.grad(outputs, leaves, [weights(o) for o in outputs], allow_unused=True)
    nodes = " ".join(o.grad_fn.name() if o.grad_fn else "leaf" for o in outputs)
    return f"{nodes} ; " + " ; ".join("None" if g is None else text_of(g) for g in found)


def weights(output):
    """An upstream gradient in which no two neighbours are alike."""
    values = [((i * 29 + 7) % 31 - 15) / 16 or 1.0 for i in range(output.numel())]
    return torch.tensor(values, dtype=output.dtype).reshape(output.shape)


def text_of(result):
    if isinstance(result, torch.Tensor):
        return tensor_text(result)
    if isinstance(result, tuple | list):
        fields = getattr(type(result), "n_fields", None)
        name = type(result).__name__.split(".")[-1] if fields else "tuple"
        return f"{name} {len(result)} ; " + " ; ".join(text_of(r) for r in result)
    if isinstance(result, torch.dtype):
        return f"dtype {str(result).split('.')[-1]}"
    if isinstance(result, float):
        return f"float () {number_text(result, 9)}"
    return f"{type(result).__name__} {result}"


def tensor_text(tensor):
    dtype = str(tensor.dtype).split(".")[-1]
    shape = ("x".join(map(str, tensor.shape)) or "()") + layout_text(tensor)
    if hasattr(tensor, "_is_zerotensor") and tensor._is_zerotensor():
        tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)  # PyTorch's zeros without memory
    values = tensor.detach().reshape(-1).tolist()
    head = f"{dtype} {shape} "
    if len(values) > MANY:
        sample = [values[i] for i in range(0, len(values), max(len(values) // 16, 1))]
        head, values = f"{head}sum ", [math.fsum(map(float, values)), *sample]
    if dtype not in DIGITS:
        return head + " ".join([str(int(v)) for v in values])
    digits = DIGITS[dtype]
    return head + " ".join([number_text(v, digits) for v in values])


def layout_text(tensor):
    """Strides and storage offset, where they are not those of a tensor just made."""
    strides, offset = list(tensor.stride()), tensor.storage_offset()
    text = "" if strides == row_major(tensor.shape) else "@" + ",".join(map(str, strides))
    return text + (f"+{offset}" if offset else "")


def number_text(value, digits):
    return f"{value:.{digits}g}"
