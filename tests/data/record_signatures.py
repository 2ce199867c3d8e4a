"""Record the signatures of PyTorch's operators in torch_signatures.json.

    python tests/data/record_signatures.py      with a Python that has torch

For each operator of the list: where it exists (function, method, in-place method, nn.functional)
and the parameters of every overload: name, type, default and whether it is keyword-only.
"""

import inspect
import json
import pathlib

import torch
import torch.nn.functional as F

OPERATORS = {
    "creation": """linspace logspace eye full_like new_zeros new_ones new_empty new_full new_tensor
        randint randperm bernoulli bernoulli_ exponential_ multinomial normal zeros ones empty full
        arange zeros_like ones_like empty_like rand randn rand_like randn_like tensor""",
    "pointwise": """add sub mul div true_divide floor_divide remainder fmod pow float_power square
        reciprocal rsqrt sqrt exp exp2 expm1 log log1p log2 log10 xlogy logaddexp logaddexp2 sin cos
        tan asin acos atan sinh cosh tanh asinh acosh atanh atan2 hypot sinc sign sgn copysign erf
        erfc erfinv lgamma digamma polygamma logit sigmoid clamp clamp_min clamp_max clip minimum
        maximum fmax fmin where lerp addcmul addcdiv floor ceil round trunc fix frac nan_to_num abs
        neg positive deg2rad rad2deg rsub""",
    "activations": """relu relu6 leaky_relu elu selu celu gelu silu mish softplus hardtanh
        hardsigmoid hardswish logsigmoid softsign threshold tanhshrink softshrink hardshrink prelu
        glu softmax log_softmax softmin""",
    "comparisons": """eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and
        bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift isnan isinf
        isfinite isposinf isneginf isclose allclose equal signbit""",
    "reductions": """sum nansum mean nanmean prod max min amax amin aminmax argmax argmin any all
        count_nonzero var std var_mean std_mean norm logsumexp cumsum cumprod cummax cummin
        logcumsumexp median nanmedian mode kthvalue quantile nanquantile dist diff""",
    "linear": """matmul mm bmm mv dot vdot inner outer addmm addmv addr baddbmm addbmm einsum
        tensordot kron trace cross""",
    "shape": """view reshape permute transpose t squeeze unsqueeze expand broadcast_to flatten
        unflatten cat stack hstack vstack dstack split chunk tensor_split unbind flip fliplr flipud
        roll rot90 repeat repeat_interleave tile narrow select diagonal diag diag_embed diagflat
        tril triu movedim swapaxes unfold as_strided contiguous meshgrid atleast_1d atleast_2d
        atleast_3d constant_pad_nd pad""",
    "indexing": """index_select index_add index_copy index_fill put_ index_put gather scatter
        scatter_add scatter_reduce masked_fill masked_select masked_scatter take take_along_dim
        nonzero argwhere sort argsort topk msort searchsorted bucketize unique bincount histc
        one_hot""",
    "further": """gcd lcm isreal is_nonzero is_same_size is_floating_point is_complex is_signed
        is_conj is_neg is_inference numel ldexp heaviside nextafter frexp mvlgamma isin
        nonzero_static index_reduce trapezoid trapz cumulative_trapezoid ger matrix_power swapdims
        adjoint sum_to_size unsafe_split unsafe_split_with_sizes unsafe_chunk pixel_shuffle
        pixel_unshuffle channel_shuffle tril_indices triu_indices diagonal_copy diagonal_scatter
        select_scatter slice_scatter as_strided_scatter narrow_copy row_stack column_stack hsplit
        vsplit dsplit scalar_tensor range geometric_ cauchy_ log_normal_ poisson dropout
        feature_dropout alpha_dropout feature_alpha_dropout moveaxis ravel concat concatenate
        absolute negative multiply subtract divide greater greater_equal less less_equal not_equal
        arcsin arccos arctanh arctan arcsinh arccosh arctan2 embedding""",
    "types": """to type float double half bfloat16 int long short char byte bool type_as
        result_type can_cast promote_types finfo iinfo clone copy_ fill_ zero_""",
}

# Overloads that plain real tensors never reach.
IGNORED = ("Dimname", "complex", " t[] ", "(t[] ", "(t[](a!)", "str[]", "Any ")


def is_for_tensors(schema):
    types = [str(p.type) for p in schema.arguments]
    if any(word in str(schema) for word in IGNORED):
        return False
    makes = [str(r.type) for r in schema.returns]
    if not any("Tensor" in t for t in types + makes):
        return False
    return not schema.overload_name.startswith("prim_") and makes != []


def default_of(p):
    value = p.default_value
    return value if isinstance(value, bool | int | float | str | type(None)) else repr(value)


def from_schema(schema):
    parameters = []
    for p in schema.arguments:
        entry = {"name": "input" if p.name == "self" else p.name, "type": str(p.type)}
        if p.has_default_value():
            entry["default"] = default_of(p)
        if p.kwarg_only:
            entry["keyword_only"] = True
        if p.is_out:
            entry["out"] = True
        parameters.append(entry)
    return {"overload": schema.overload_name, "parameters": parameters}


def from_python(function):
    parameters = []
    for p in inspect.signature(function).parameters.values():
        entry = {"name": p.name, "type": "any"}
        if p.kind is p.VAR_POSITIONAL or p.kind is p.VAR_KEYWORD:
            entry["variadic"] = True
        elif p.default is not p.empty:
            entry["default"] = p.default if isinstance(p.default, bool | int | float | str) else None
        if p.kind is p.KEYWORD_ONLY:
            entry["keyword_only"] = True
        parameters.append(entry)
    return {"overload": "python", "parameters": parameters}


def record(name):
    plain = name.rstrip("_")
    entry = {
        "function": hasattr(torch, name),
        "method": hasattr(torch.Tensor, name),
        "inplace": not name.endswith("_") and hasattr(torch.Tensor, name + "_"),
        "functional": hasattr(F, name) and not name.endswith("_"),
    }
    overloads = []
    builtin = [form for form in ("method", "inplace") if entry[form]]
    for form, space in (("function", torch), ("functional", F)):
        function = getattr(space, name, None)
        if inspect.isfunction(function):
            overloads.append({**from_python(function), "forms": [form]})
        elif function is not None and entry[form]:
            builtin.append(form)
    for full in (f"aten::{name}", f"aten::{plain}", "aten::log_" + plain[3:]):
        schemas = [s for s in SCHEMAS.get(full, []) if is_for_tensors(s)]
        if schemas and builtin:
            overloads += [{**from_schema(s), "forms": builtin} for s in schemas]
            break
    assert any(entry.values()), f"{name} is in no namespace of torch"
    return {**entry, "overloads": overloads}


SCHEMAS = {}
for _schema in torch._C._jit_get_all_schemas():
    SCHEMAS.setdefault(_schema.name, []).append(_schema)


def main():
    recorded = {}
    for names in OPERATORS.values():
        for name in names.split():
            recorded[name] = record(name)
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(recorded.items()))
    target = pathlib.Path(__file__).parent / "torch_signatures.json"
    target.write_text("{\n" + lines + "\n}\n")
    print(f"{len(recorded)} operators, {sum(len(r['overloads']) for r in recorded.values())} overloads")


if __name__ == "__main__":
    main()
