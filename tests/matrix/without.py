"""What the matrix leaves out, and where rushlight differs from PyTorch on purpose: with reasons."""

import math
import re

from .records import read

# Ops of the table that other operators of the matrix call, or that take no values.
UNDER_ANOTHER_NAME = {
    "set_": "shares memory: tests/tensor/test_memory.py",
}


class Difference:
    """A difference from the record that is meant: which cases, and why."""

    def __init__(self, reason, holds):
        self.reason, self.holds = reason, holds


def kind_of(line):
    """The exception's type, where the line is of one."""
    kind = line.split(":")[0]
    return kind if kind.endswith(("Error", "Exception")) and " " not in kind else ""


def both_raise(want, got):
    return bool(kind_of(want) and kind_of(got))


def skeleton(line):
    """An error's words, without numbers and names of dtypes."""
    return re.sub(r"'\w+'|\d+|Bool|Byte|Char|Short|Int|Long|Half|BFloat16|Float|Double", "#", line)


def not_implemented(name, call, case, want, got):
    words = "not implemented for "
    same = both_raise(want, got) and kind_of(want) == kind_of(got)
    return same and words in want and want.split(words)[1:] == got.split(words)[1:]


def refused_out(name, call, case, want, got):
    return case.form in ("out_double", "out_int") and bool(kind_of(want) or kind_of(got))


def parsed(name, call, case, want, got):
    types = kind_of(want) == kind_of(got) == "TypeError"
    lists = "invalid combination" in want or "takes no keyword arguments" in want
    return types and (lists or case.form.startswith(("out", "keywords")))


def wrong_twice(name, call, case, want, got):
    """Both raise, and PyTorch says the same of this call or of this kind of tensors."""
    if not both_raise(want, got):
        return False
    wanted = skeleton(got)
    for (other_call, other_case), line in read(name).items():
        if (other_call == call.key() or other_case == str(case)) and skeleton(line) == wanted:
            return True
    return False


def more_keywords(name, call, case, want, got):
    refused = kind_of(want) == "TypeError" and not kind_of(got)
    return refused and case.form.startswith(("keywords", "out"))


def whole_number_result(name, call, case, want, got):
    return case.gradient and "Autograd not support dtype" in want and got == "no gradient"


def expanded_write(name, call, case, want, got):
    written = case.form == "inplace" and case.layout == "expanded"
    return written and "more than one element of the written-to tensor" in got


def refused_anyway(name, call, case, want, got):
    little = not call.places or any(math.prod(s.shape) <= 1 for s in call.places)
    return little and bool(kind_of(got)) and not kind_of(want)


def undefined_products(name, call, case, want, got):
    return case.gradient and case.kind == "special" and name in UNDEFINED_PRODUCTS


def mean_of_infinities(name, call, case, want, got):
    return name in ("var_mean", "std_mean") and case.kind == "special"


def bins_of_16_bits(name, call, case, want, got):
    return name == "histc" and case.dtype in ("float16", "bfloat16") and not kind_of(got)


def counted(name, call, case, want, got):
    return name == "dist" and case.gradient and "got None" in want and " None" in got


# Gradients in which PyTorch multiplies infinities by 0, or divides by it, in another order.
UNDEFINED_PRODUCTS = ("prod", "cumprod", "var", "std", "var_mean", "std_mean", "logcumsumexp")
UNDEFINED_PRODUCTS += ("nanmean",)
DIFFERENT = [
    Difference(
        "the quoted name is a PyTorch kernel's; rushlight's the operator's", not_implemented
    ),
    Difference(
        "out= of another dtype: each PyTorch kernel has its own rule; rushlight casts where "
        "can_cast allows and refuses elsewhere",
        refused_out,
    ),
    Difference("what is said of a call that no overload takes lists overloads", parsed),
    Difference("a call that is wrong in two ways: either is told first", wrong_twice),
    Difference("rushlight takes by keyword what PyTorch takes by place alone", more_keywords),
    Difference("an integer result needs no gradient; PyTorch's says so later", whole_number_result),
    Difference("writes through expanded tensors: deprecated there, refused here", expanded_write),
    Difference("a dtype is refused also where there is next to nothing to compute", refused_anyway),
    Difference("0 times infinity in another order: each is nan somewhere", undefined_products),
    Difference("PyTorch's mean beside a variance loses infinities", mean_of_infinities),
    Difference("PyTorch rounds the edges of bins to 16 bits, too", bins_of_16_bits),
    Difference("what counts elements has no gradient; PyTorch's backward fails there", counted),
]

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
}


def has_no_slope(name, call):
    part, _ = NO_FINITE_DIFFERENCES.get(name, ("none such", ""))
    return call.key().startswith(part) or call.key().endswith(part)


# In-place forms that need memory beside their tensor, and why.
ALLOCATES_IN_PLACE = {}
