"""Where rushlight differs from PyTorch on purpose: listed cases, and the rules that say why."""

import functools
import json
import lzma
import re

from support import DATA

from . import exact
from .compare import differs
from .rules import (
    REFUSAL,
    Difference,
    SixteenBits,
    as_float32,
    both_raise,
    elsewhere,
    empty_refused,
    expanded_write,
    gradient,
    layout,
    more_keywords,
    nan_apart,
    no_out,
    not_implemented,
    of,
    one_element,
    parsed,
    refused_anyway,
    refused_out,
    right,
    special_gradient,
    told_first,
    without_layouts,
    wrong_twice,
    zero_for_nan,
)

LIST = DATA / "matrix_differences.json.xz"


@functools.cache
def _all_listed():
    return json.loads(lzma.decompress(LIST.read_bytes())) if LIST.exists() else {}


def listed(name):
    """The cases of an operator that may differ, with what rushlight gives: a rule alone excuses
    nothing. ``tests/data/list_differences.py`` writes the list.
    """
    return {tuple(key): line for *key, line in _all_listed().get(name, ())}


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
    Difference("writes through expanded tensors: deprecated there, refused here", expanded_write),
    Difference("a dtype is refused also where there is next to nothing to compute", refused_anyway),
    # Single operators, where PyTorch's kernels have their ways.
    of(
        "prod cumprod var std var_mean std_mean logcumsumexp nanmean",
        "0 times infinity in another order: each is nan somewhere",
        lambda *said: special_gradient(*said) and nan_apart(*said),
    ),
    right("var_mean", "PyTorch's mean beside a variance loses infinities", exact.spread, 4),
    right(
        "std_mean",
        "PyTorch's mean beside a deviation loses infinities",
        functools.partial(exact.spread, root_of=True),
        4,
    ),
    right("histc", "PyTorch rounds the edges of bins to 16 bits, too", exact.histc, 0),
    of(
        "dist",
        "what counts elements has no gradient; PyTorch's backward fails there",
        lambda call, case, want, got: case.gradient and "got None" in want and " None" in got,
    ),
    of(
        "addbmm baddbmm",
        "PyTorch resizes the tensor that it writes into; rushlight refuses, as addmm_ does",
        lambda call, case, want, got: case.form == "inplace" and "Bad in-place call" in got,
    ),
    elsewhere(
        "kron",
        "PyTorch's kron needs a view of its operand; rushlight's copies where there is none",
        "view size is not compatible",
        layout="contiguous",
    ),
    of(
        "inner dot tensordot matmul",
        "PyTorch multiplies bools where an operand is not contiguous, and refuses elsewhere",
        lambda call, case, want, got: case.dtype == "bool" and "not implemented for 'Bool'" in got,
    ),
    elsewhere(
        "normal",
        "out= is resized, as everywhere; PyTorch's has to have the mean's shape already",
        "must match the size",
        form="function",
    ),
    of(
        "meshgrid",
        "PyTorch prints the tensor into its message, in C++'s way",
        lambda call, case, want, got: "1D tensor in the tensor list" in want and "1D" in got,
    ),
    right(
        "remainder",
        "exact; PyTorch's is nan where the quotient is beyond the largest number",
        exact.remainder,
        1,
    ),
    right(
        "fmod",
        "exact; PyTorch's is nan where the quotient is beyond the largest number",
        functools.partial(exact.remainder, floored=False),
        1,
    ),
    right("pow", "0.5 is a square root in every dtype: nan of -inf, not inf", exact.root, 1),
    right(
        "relu6 hardtanh softshrink hardshrink",
        "the gradient passes at nan; PyTorch's depends on the element's place",
        exact.slope_at_nan,
        0,
        special_gradient,
    ),
    right("gelu", "inf of inf; PyTorch's vectors give nan", exact.gelu, 4),
    of(
        "layer_norm",
        "a deviation whose square is infinite divides to 0; PyTorch multiplies it by 0 and has nan",
        lambda *said: said[1].kind == "huge" and nan_apart(*said) and zero_for_nan(*said),
    ),
    right(
        "binary_cross_entropy_with_logits",
        "in the dtype that both promote to; PyTorch's logarithm is in the input's",
        exact.logits_loss,
        8,
        lambda call, case, want, got: bool(case.other),
    ),
    right(
        "nn.functional.binary_cross_entropy_with_logits",
        "in the dtype that both promote to; PyTorch's logarithm is in the input's",
        functools.partial(exact.logits_loss, usual="mean"),
        8,
        lambda call, case, want, got: bool(case.other),
    ),
    right(
        "cdist",
        "of the differences: PyTorch's squares and product of infinities are nan, its maximum none",
        exact.cdist,
        8,
        lambda call, case, want, got: case.kind == "special" and not case.gradient,
    ),
    of(
        "cdist",
        "the slope of a distance that is nan is 0; PyTorch's is nan",
        lambda *said: special_gradient(*said) and " nan" in said[2] and " nan" not in said[3],
    ),
    of(
        "cdist",
        "16 bits and two dtypes are refused in every mode; PyTorch multiplies matrices in some",
        lambda call, case, want, got: (
            (bool(case.other) or case.dtype in ("float16", "bfloat16"))
            and bool(REFUSAL.search(got))
        ),
    ),
    right(
        "nn.functional.soft_margin_loss",
        "the slope has a limit where PyTorch divides infinities",
        exact.soft_margin_slope,
        8,
        special_gradient,
    ),
    right(
        "nn.functional.binary_cross_entropy",
        "PyTorch's bound of the divisor, 1e-12, has the digits of float32",
        exact.bce_slope,
        8,
        gradient,
    ),
    of(
        "nn.functional.kl_div nn.functional.cross_entropy",
        "the product of float16 and bfloat16 is in float32; PyTorch rounds a step to bfloat16",
        lambda call, case, want, got: (
            (case.dtype, case.other) == ("float16", "bfloat16")
            and without_layouts(got).split(" ")[:2] == without_layouts(want).split(" ")[:2]
            and differs(want, got, SixteenBits(), case) is None
        ),
    ),
    right(
        "vander",
        "PyTorch writes into what it has saved, and has no gradient",
        exact.vander_slope,
        8,
        gradient,
    ),
    of(
        "nn.functional.nll_loss nn.functional.cross_entropy",
        "the weight's size is looked at before its requires_grad",
        lambda call, case, want, got: (
            "with respect to argument 'weight'" in want and "weight tensor should be defined" in got
        ),
    ),
    elsewhere(
        "nn.functional.nll_loss",
        "PyTorch's kernel refuses to write the gradient of an image that is not contiguous",
        "grad_input must be contiguous",
        layout="contiguous",
    ),
    of(
        "histogram",
        "the weight is looked at before the dtype and the range",
        lambda call, case, want, got: (
            both_raise(want, got)
            and "weight tensor" in got
            and ("is not finite" in want or "not implemented for" in want)
        ),
    ),
    of(
        "hardsigmoid",
        "PyTorch's slope in float64 is a sixth in float32",
        lambda call, case, want, got: case.gradient and as_float32(call, case, want, got),
    ),
    right(
        "digamma polygamma special.digamma special.psi special.polygamma",
        "infinite at poles, where PyTorch's sine is not quite 0; its trigamma keeps nine digits",
        exact.gamma_derivatives,
        16,
    ),
    right("sinc special.sinc", "PyTorch's angle has no digits left, or overflows", exact.sinc, 4),
    right(
        "as_strided_scatter",
        "PyTorch gives the gradient to the elements that were replaced, not to the others",
        exact.scattered_slope,
        0,
        gradient,
    ),
    right(
        "ldexp",
        "PyTorch's power of two is one of whole numbers: 0 where the exponent is negative",
        exact.ldexp,
        2,
    ),
    of(
        "ldexp",
        "PyTorch's refusal names the operator, rushlight's the dtype of the result",
        lambda call, case, want, got: (
            want.replace("ldexp can't", "result type Float can't") == got.replace("Double", "Float")
        ),
    ),
    of(
        "hardtanh",
        "PyTorch cuts the limits to whole numbers before it looks for negative ones",
        lambda call, case, want, got: "unsigned type with negative limits" in got,
    ),
    # Layouts: the values agree.
    layout(
        "",
        "a gradient is laid out by one loop, or is a number expanded; PyTorch's by its last step",
        gradient,
    ),
    layout("", "the stride of a dimension of one element is any", one_element),
    layout(
        "diagonal_scatter select_scatter slice_scatter",
        "PyTorch copies the memory of the operand, gaps and offset too",
    ),
    layout(
        "pow float_power",
        "PyTorch's power of a number is row-major",
        lambda call, case, want, got: isinstance(call.args[0], int | float),
    ),
    layout("rrelu logsigmoid any all", "PyTorch's kernel writes row-major"),
    layout(
        "addr nextafter",
        "row-major: computed along rows; PyTorch's follows the operand",
    ),
    layout(
        "nonzero argwhere",
        "out= is written row by row; PyTorch's has the layout of the result",
        lambda call, case, want, got: case.form.startswith("out"),
    ),
    # Which of two errors is told first, by operator; and what is refused of empty operands.
    told_first(
        "addbmm addcmul addmm atan2 baddbmm binary_cross_entropy_with_logits bitwise_and "
        "bitwise_or bitwise_xor bmm cauchy_ celu copysign cross div einsum exponential_ "
        "floor_divide fmod gcd geometric_ hardtanh histc hypot index_put lcm lerp logaddexp "
        "logaddexp2 matmul multinomial nextafter pow relu6 remainder trace true_divide histogram "
        "linalg.cross nn.functional.binary_cross_entropy_with_logits nn.functional.linear "
        "nn.functional.nll_loss nn.functional.cross_entropy",
        "the dtype is looked at before or after the shapes",
    ),
    of(
        "addbmm addmv bilinear floor_divide fmod nn.functional.linear remainder",
        "refused by dtype or by a zero, though there is nothing to compute",
        empty_refused,
    ),
    of(
        "bilinear rand_like randn_like where",
        "PyTorch takes no out= here; rushlight takes it, and refuses its dtype",
        no_out,
    ),
    of(
        "expand",
        "PyTorch names a dtype's type in two ways",
        lambda call, case, want, got: re.sub(r"CPU(\w+)Type", r"torch.\1Tensor", want) == got,
    ),
    of(
        "multinomial",
        "the entries below 0 are told with those that are infinite or nan",
        lambda call, case, want, got: "probability entry < 0" in want and "element < 0" in got,
    ),
]
