"""Printing of tensors, character for character as PyTorch prints them.

Imported at the first ``repr``. It reads numbers through ``_C._edge_list`` and runs no tensor
operation, so printing records nothing and works in every mode.
"""

import rushlight
from rushlight import _C


class _PrintOptions:
    """The five options of ``set_printoptions``; ``sci_mode=None`` chooses by the numbers."""

    __slots__ = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")

    def __init__(self):
        self.precision = 4
        self.threshold = 1000
        self.edgeitems = 3
        self.linewidth = 80
        self.sci_mode = None


PRINT_OPTS = _PrintOptions()

# precision, threshold, edgeitems, linewidth
_PROFILES = {
    "default": (4, 1000, 3, 80),
    "short": (2, 1000, 2, 80),
    "full": (4, float("inf"), 3, 80),
}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
):
    """Set how tensors are printed.

    precision: digits after the point (4). threshold: more elements than this are summarised (1000).
    edgeitems: elements kept at each end of a summarised dimension (3). linewidth: characters (80).
    profile: "default", "short" or "full", which the other arguments override.
    sci_mode: True or False forces scientific notation on or off; None, also when not given, lets
        the numbers decide.
    Returns: None.
    Raises: nothing; an unknown profile is ignored, as in PyTorch.
    """
    options = PRINT_OPTS
    if isinstance(profile, str) and profile in _PROFILES:
        defaults = _PROFILES[profile]
        options.precision, options.threshold, options.edgeitems, options.linewidth = defaults
    if precision is not None:
        options.precision = precision
    if threshold is not None:
        options.threshold = threshold
    if edgeitems is not None:
        options.edgeitems = edgeitems
    if linewidth is not None:
        options.linewidth = linewidth
    options.sci_mode = sci_mode


def get_printoptions():
    """Return the printing options as a dict that ``set_printoptions`` accepts.

    Returns: dict with precision, threshold, edgeitems, linewidth, sci_mode.
    Raises: nothing.
    """
    return {name: getattr(PRINT_OPTS, name) for name in _PrintOptions.__slots__}


class printoptions:
    """Context manager that changes the printing options inside its block.

    Arguments: as ``set_printoptions``.
    Raises: TypeError on entering, for an option that does not exist.
    """

    def __init__(self, **kwargs):
        self._kwargs = kwargs
        self._saved = []

    def __enter__(self):
        self._saved.append(get_printoptions())
        try:
            set_printoptions(**self._kwargs)
        except BaseException:
            self._saved.pop()
            raise

    def __exit__(self, *exc_info):
        set_printoptions(**self._saved.pop())


def _format_floats(values):
    """Format floats with one common layout.

    Returns the texts, not yet aligned, and the width they are aligned to. Only finite nonzero
    values choose layout and width; nan, inf and zeros follow.
    """
    precision = PRINT_OPTS.precision
    # v - v is nan, hence true here, for inf and nan alone.
    deciding = [v for v in values if v and v - v == 0.0]
    int_mode, sci_mode = True, False
    if deciding:
        magnitudes = [abs(v) for v in deciding]
        low, high = min(magnitudes), max(magnitudes)
        int_mode = all(map(float.is_integer, deciding))
        sci_mode = PRINT_OPTS.sci_mode
        if sci_mode is None:
            sci_mode = high / low > 1000.0 or high > 1e8 or low < 1e-4
    if int_mode and not sci_mode:
        width = max((len(format(v, ".0f")) + 1 for v in deciding), default=1)
        # v - v is nan for inf and nan alone: no point follows them.
        return [format(v, ".0f") + ("." if v - v == 0.0 else "") for v in values], width
    spec = f".{precision}e" if sci_mode else f".{precision}f"
    width = max((len(format(v, spec)) for v in deciding), default=1)
    return [format(v, spec) for v in values], width


def _format_complex(values):
    """Format real and imaginary parts with layouts of their own."""
    reals, real_width = _format_floats([v.real for v in values])
    imags, imag_width = _format_floats([v.imag for v in values])
    texts = []
    for real, imag in zip(reals, imags):
        sign = "" if imag.startswith("-") else "+"
        texts.append(f"{real.rjust(real_width)}{sign}{imag}j")
    return texts, real_width, imag_width + 1


def _aligned(values):
    """Return one text per value, aligned, and the length a text counts for in breaking lines."""
    kind = type(values[0])
    if kind is float:
        texts, width = _format_floats(values)
    elif kind is complex:
        # Only the real part is padded: PyTorch aligns no imaginary part.
        texts, real_width, imag_width = _format_complex(values)
        return texts, real_width + imag_width
    else:
        texts = [str(v) for v in values]
        width = max(map(len, texts))
    return [text.rjust(width) for text in texts], width


def _row_text(texts, indent, length):
    """One bracketed row, broken into lines of as many elements as fit."""
    room = (PRINT_OPTS.linewidth - indent) // (length + 2)
    per_line = int(max(1, min(room, len(texts))))
    lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _grouped(items, size):
    return [items[i : i + size] for i in range(0, len(items), size)]


def _body(t, indent):
    """The brackets and numbers of a tensor that has elements; later lines start at `indent`."""
    edge = max(PRINT_OPTS.edgeitems, 0)
    summarize = t.numel() > PRINT_OPTS.threshold
    dim = t.dim()
    if summarize and dim and not edge:
        return "[...]"

    values = _C._edge_list(t, edge if summarize else -1)
    if dim == 0:
        return _aligned([values])[0][0]
    sizes = list(t.shape)
    cut = [summarize and size > 2 * edge for size in sizes]
    kept = [2 * edge if is_cut else size for size, is_cut in zip(sizes, cut)]

    for _ in range(dim - 1):
        values = [v for row in values for v in row]
    texts, length = _aligned(values)

    # From the innermost dimension outwards, replace each run of pieces by the text of their block.
    rows = _grouped(texts, kept[-1])
    if cut[-1]:
        rows = [row[:edge] + [" ..."] + row[edge:] for row in rows]
    pieces = [_row_text(row, indent + dim - 1, length) for row in rows]
    for d in range(dim - 2, -1, -1):
        separator = "," + "\n" * (dim - d - 1) + " " * (indent + d + 1)
        blocks = _grouped(pieces, kept[d])
        if cut[d]:
            blocks = [block[:edge] + ["..."] + block[edge:] for block in blocks]
        pieces = ["[" + separator.join(block) + "]" for block in blocks]
    return pieces[0]


def _grad_suffix(t):
    try:
        grad_fn = t.grad_fn
    except RuntimeError:
        # A view made under no_grad and changed in place refuses to say where it comes from.
        return "grad_fn=<Invalid>"
    if grad_fn is not None:
        return f"grad_fn=<{type(grad_fn).__name__}>"
    return "requires_grad=True" if t.requires_grad else None


# A tensor of the default floating dtype shows no dtype; neither does its complex companion.
_COMPLEX_OF = {"torch.float32": "torch.complex64", "torch.float64": "torch.complex128"}


def _suffixes(t):
    """What follows the numbers: device, size, dtype, and how the tensor takes part in the graph."""
    suffixes = []
    if t.device.type != "cpu":
        suffixes.append(f"device='{t.device}'")
    dtype, default = str(t.dtype), str(rushlight.get_default_dtype())
    if t.numel() == 0:
        if t.dim() != 1:
            suffixes.append(f"size={tuple(t.shape)}")
        hidden = (default,)
    else:
        if not PRINT_OPTS.edgeitems:
            suffixes.append(f"size={tuple(t.shape)}")
        hidden = (default, _COMPLEX_OF.get(default), "torch.int64", "torch.bool")
    if dtype not in hidden:
        suffixes.append(f"dtype={dtype}")
    grad = _grad_suffix(t)
    if grad is not None:
        suffixes.append(grad)
    return suffixes


def _with_suffixes(text, suffixes, indent):
    """Append the suffixes; one that does not fit goes to a new line."""
    parts = [text]
    # PyTorch's count, which is 2 more than the last line has.
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > PRINT_OPTS.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            used = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            used += len(suffix) + 2
    parts.append(")")
    return "".join(parts)


def _parameter_type():
    """nn.Parameter where nn has been imported: only then can a tensor be one."""
    import sys

    module = sys.modules.get("rushlight.nn.parameter")
    return getattr(module, "Parameter", None)


def tensor_repr(t):
    """Return what ``repr(t)`` shows.

    t: any Tensor. A subclass is shown under its own name, except ``nn.Parameter``, whose
        ``__repr__`` puts its heading above this text.
    Returns: str.
    Raises: nothing.
    """
    cls = type(t)
    parameter = None if cls is rushlight.Tensor else _parameter_type()
    plain = cls is rushlight.Tensor or cls is parameter
    prefix = "tensor(" if plain else f"{cls.__name__}("
    indent = len(prefix)
    body = "[]" if t.numel() == 0 else _body(t, indent)
    text = _with_suffixes(prefix + body, _suffixes(t), indent)
    if not plain and parameter is not None and issubclass(cls, parameter):
        return f"Parameter({text})"
    return text


def tensor_format(t, spec):
    """Return ``format(t, spec)``: a 0-d Tensor formats as its number, any other as ``object`` does.

    t: any Tensor; also one that requires grad. spec: a format specification of the number.
    Returns: str.
    Raises: TypeError, if `spec` is not empty and `t` has dimensions; ValueError for a `spec` that
        the number does not know.
    """
    if t.dim() == 0 and type(t) is rushlight.Tensor:
        return format(_C._edge_list(t, -1), spec)
    if spec:
        # object.__format__ would name the type with its module, as types written in C are called.
        raise TypeError(f"unsupported format string passed to {type(t).__name__}.__format__")
    return str(t)
