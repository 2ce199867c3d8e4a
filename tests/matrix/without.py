"""What the matrix leaves out, and the signatures that differ from PyTorch's: with reasons."""

# Ops of the table that other operators of the matrix call, or that take no values.
UNDER_ANOTHER_NAME = {
    "set_": "shares memory: tests/tensor/test_shared_memory.py",
    "index_put_": "index_put has it as its in-place form",
}

# Forms that PyTorch shows and rushlight has not: (form, name), with the reason.
OTHER_FORMS = {}

# Operators whose parameters PyTorch's schemas do not tell as Python sees them.
OTHER_PARAMETERS = {
    "copy_": "the schema calls src other",
    "tensor": "is no operator: takes data of any kind",
    "unfold": "nn.functional.unfold is another function of the same name",
    "normal": "normal_ is the method of another operator",
}

# (operator, parameter) that Python does not take, or takes under another default, and why.
ANOTHER_DEFAULT = {
    ("eq", "a"): "of the schema for lists",
    ("eq", "b"): "of the schema for lists",
    ("ne", "a"): "of the schema for lists",
    ("ne", "b"): "of the schema for lists",
    ("contiguous", "memory_format"): "None and torch.contiguous_format are the same",
    ("randint", "dtype"): "None is int64 there",
    ("randperm", "dtype"): "None is int64 there",
    ("randint_like", "dtype"): "None is the operand's dtype",
    ("all", "dim"): "no dim and None are overloads of their own",
    ("any", "dim"): "no dim and None are overloads of their own",
    ("norm", "p"): "Tensor.norm is written in Python there, with the function's default",
    ("tensor_split", "tensor_indices_or_sections"): "the three overloads share a name here",
    ("relu", "inplace"): "of nn.functional.relu alone",
    ("dropout", "inplace"): "of nn.functional.dropout alone",
    ("alpha_dropout", "inplace"): "of nn.functional.alpha_dropout alone",
    ("feature_alpha_dropout", "inplace"): "of nn.functional.feature_alpha_dropout alone",
    ("split", "split_sizes"): "of the schema: split() is written in Python there, without it",
    ("tril_indices", "dtype"): "None is int64 there",
    ("triu_indices", "dtype"): "None is int64 there",
}

# Parameters of PyTorch's schemas that its Python functions do not take, or not on a CPU.
PARAMETERS_OF_PYTORCH = {
    "implicit": "of expand, for the tracer",
    "out_dtype": "of products on a GPU",
    "_stacklevel": "of a warning",
}

# Calls (by a part of their text) whose gradient is not the slope in PyTorch either, and why.
NO_FINITE_DIFFERENCES = {
    **{
        n: (", ()", "no dims leave one element each, divided by 0")
        for n in (*("var", "std", "var_mean", "std_mean"),)
    },
    "pow": ("0, T(", "the gradient of the gradient reads log 0"),
    "float_power": ("0.0, T(", "the gradient of the gradient reads log 0"),
    "dist": ("), 0", "counts elements: no gradient at all"),
    "cdist": ("), inf", "the coordinates are equally far: an edge"),
    "pairwise_distance": (
        "p=inf, eps=0.5, keepdim=True",
        "the coordinates are equally far: an edge",
    ),
    "cosine_similarity": ("eps=2.0", "the bound of the length is not in the graph"),
    "nn.functional.gaussian_nll_loss": ("eps=0.5", "the bound of the variance is not in the graph"),
}


def has_no_slope(name, call):
    part, _ = NO_FINITE_DIFFERENCES.get(name, ("none such", ""))
    return call.key().startswith(part) or call.key().endswith(part)


# In-place forms that need memory beside their tensor: a part of the call's text, and why.
ALLOCATES_IN_PLACE = {
    "scatter_reduce": ("'mean'", "counts what each element receives, as PyTorch does"),
}
