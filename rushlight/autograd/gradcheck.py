"""``gradcheck`` and ``gradgradcheck``: gradients against central differences."""

import sys

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from . import _jacobians as _j
from .function import Function

__all__ = [
    "GradcheckError",
    "get_analytical_jacobian",
    "get_numerical_jacobian",
    "get_numerical_jacobian_wrt_specific_input",
    "gradcheck",
    "gradgradcheck",
]

_C._add_package_globals(globals())


class GradcheckError(RuntimeError):
    """What gradcheck raises where a gradient is wrong."""


_BATCHED_HELP = (
    "\n  The gradients of a batch (is_grads_batched=True) differ from those taken one by one: the "
    "backward depends on more than its arguments.\n  fix: check_batched_grad=False leaves them out."
)
_UNDEFINED_HELP = (
    ' Please look at "Notes about undefined output gradients" in '
    '"tools/autograd/derivatives.yaml"\n'
    "  fix: a gradient that is None stands for zeros, or check_undefined_grad=False."
)
_DEPRECATED = (
    "`{}` was part of PyTorch's private API and not meant to be exposed. We are deprecating it and "
    "it will be removed in a future version of PyTorch. If you have a specific use for this or "
    "feature request for this to be a stable API, please file us an issue at "
    "https://github.com/pytorch/pytorch/issues/new"
)


def gradcheck(
    func,
    inputs,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_batched_forward_grad=False,
    check_forward_ad=False,
    check_backward_ad=True,
    fast_mode=False,
    masked=None,
):
    """Return whether func's gradients by the inputs that require grad are its derivatives.

    func: takes the inputs, returns a Tensor, or a tuple or list of them. inputs: one argument, or a
        tuple of arguments of any kind; floats of 64 bits, as differences of fewer say little.
    eps, atol, rtol: the step of the differences, and what may differ: atol + rtol * |difference|.
    raise_exception: raise GradcheckError for a wrong gradient; otherwise return False.
    nondet_tol: by how much two backward passes of one graph may differ.
    check_undefined_grad: backward also has to take a gradient that is None, for zeros.
    check_grad_dtypes: gradients also have to have their input's dtype. check_batched_grad: those of
        a batch have to be those of its rows.
    fast_mode: compare v J u for random vectors v and u, two calls of func for each input and two
        backward passes for each output, instead of so many for each element.
    masked: about sparse tensors; with others it changes nothing, as in PyTorch.
    Raises: ValueError where no input requires grad; RuntimeError for expanded inputs;
        NotImplementedError for check_forward_ad, there being no forward mode. Warns for an input
        of fewer bits. func's own errors pass.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )
    if check_forward_ad:
        raise NotImplementedError(
            "check_forward_ad=True is not supported: rushlight has no forward mode\n"
            "  fix: leave it out, which checks gradients of backward."
        )
    inputs = _j.as_tuple(inputs)
    _check_inputs(inputs)
    try:
        all_outputs = func(*inputs)
        outputs = _j.differentiable(all_outputs)
        tolerances = (eps, atol, rtol, nondet_tol, check_grad_dtypes)
        compare = _compare_products if fast_mode else _compare_jacobians
        if not compare(func, inputs, _j.as_tuple(all_outputs), outputs, *tolerances):
            return True  # nothing to differentiate, and nothing that should have been
        if check_batched_grad:
            for i, output in enumerate(outputs):
                _check_batched(output, i, _j.checked(inputs))
        _check_zero_seed(outputs, _j.checked(inputs))
        if check_undefined_grad:
            _check_undefined(func, inputs)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    gen_non_contig_grad_outputs=False,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_fwd_over_rev=False,
    check_rev_over_rev=True,
    fast_mode=False,
    masked=False,
):
    """Return whether func's gradients have right gradients: by the inputs and by grad_outputs.

    grad_outputs: the gradients of those outputs that require grad; random in [-1, 1) where None,
        gen_non_contig_grad_outputs then gives them strides. The rest is as in ``gradcheck``.
    Raises: as ``gradcheck``; NotImplementedError for check_fwd_over_rev.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    for name, given in (
        ("check_undefined_grad", check_undefined_grad),
        ("check_batched_grad", check_batched_grad),
    ):
        if given and not check_rev_over_rev:
            raise AssertionError(f"Setting {name}=True requires check_rev_over_rev to be True")
    if check_fwd_over_rev:
        raise NotImplementedError(
            "check_fwd_over_rev=True is not supported: rushlight has no forward mode\n"
            "  fix: leave it out, which checks backward of backward."
        )
    inputs = _j.as_tuple(inputs)
    outputs = _j.differentiable(func(*inputs))
    if grad_outputs is None:
        grad_outputs = tuple(_random_like(y, gen_non_contig_grad_outputs) for y in outputs)
    grad_outputs = _j.as_tuple(grad_outputs)
    split = len(inputs)

    def gradient(*arguments):
        recorded = _j.differentiable(func(*arguments[:split]))
        found = _C._grad(
            recorded, _j.checked(arguments[:split]), arguments[split:], None, True, True, False
        )
        return tuple(g for g in found if g is not None)

    # Without a recorded output the function itself is to have no gradient.
    return gradcheck(
        gradient if outputs else func,
        inputs + grad_outputs if outputs else inputs,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


def _random_like(output, strided):
    dtype = output.dtype if output.is_floating_point() else _C.float64
    wide = _C.rand(tuple(output.shape) + ((2,) if strided else ()), dtype=dtype) * 2 - 1
    return (wide[..., 0] if strided else wide).requires_grad_()


# --- the checks ---------------------------------------------------------------------------------


def _check_inputs(inputs):
    import warnings

    found = False
    for i, x in enumerate(inputs):
        if not (isinstance(x, _C.Tensor) and x.requires_grad):
            continue
        found = True
        if x.dtype != _C.float64:
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=3,
            )
        if any(stride == 0 and n > 1 for stride, n in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs "
                "that are non-overlapping to be able to compute the numerical gradients correctly. "
                "You should call .contiguous on the input before passing it to gradcheck."
            )
    if not found:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True.\n  fix: x.requires_grad_() before the call."
        )


def _compare_jacobians(
    func, inputs, all_outputs, outputs, eps, atol, rtol, nondet_tol, check_dtypes
):
    """Compare whole Jacobians; False where no output requires grad, and none should."""
    tracked = _j.checked(inputs)
    by_input = [_j.numerical_jacobian(func, inputs, x, all_outputs, eps) for x in tracked]
    if not outputs:
        floats = [i for i, y in enumerate(all_outputs) if y.is_floating_point()]
        if any((jacobians[i] != 0).any() for jacobians in by_input for i in floats):
            raise _expected_zero()
        return False
    kept = [i for i, y in enumerate(all_outputs) if y.requires_grad]
    for i, output in enumerate(outputs):
        found = _twice(_j.analytical_jacobian, (output, tracked), nondet_tol, check_dtypes)
        for k, analytical in enumerate(found):
            numerical = by_input[k][kept[i]]
            if not _j.close(analytical, numerical, rtol, atol):
                entry = _worst_entry(analytical, numerical, tracked[k], output)
                raise GradcheckError(_mismatch(analytical, numerical, i, k) + entry)
    return True


def _compare_products(
    func, inputs, all_outputs, outputs, eps, atol, rtol, nondet_tol, check_dtypes
):
    """Compare v J u by output and input; False where no output requires grad, and none should."""
    tracked = _j.checked(inputs)
    generator = _C.Generator()  # of one seed: a check gives the same answer each time
    directions = [_j.unit_vector(x, generator) for x in tracked]
    by_input = [
        _j.numerical_product(func, inputs, x, u, eps)
        for x, u in zip(tracked, directions, strict=True)
    ]
    if not outputs:
        if any(ju.numel() and ju.abs().max() > nondet_tol for row in by_input for ju in row):
            raise _expected_zero()
        return False
    kept = [i for i, y in enumerate(all_outputs) if y.requires_grad]
    seeds = [_j.unit_vector(y, generator) for y in outputs]
    found = [
        _twice(_j.analytical_product, (y, tracked, v, directions), nondet_tol, check_dtypes)
        for y, v in zip(outputs, seeds, strict=True)
    ]
    for k, products in enumerate(by_input):
        for i, v in enumerate(seeds):
            numerical = (products[kept[i]] * v).sum()
            # The error of each difference is weighed with u and v, which are positive.
            allowed = atol * float(directions[k].sum()) * float(v.sum())
            if not _j.close(found[i][k], numerical, rtol, allowed):
                slow = _slow_report(func, inputs, tracked[k], kept[i], eps, rtol, atol)
                raise GradcheckError(_mismatch(found[i][k], numerical, i, k) + slow)
    return True


def _twice(make, arguments, nondet_tol, check_dtypes):
    """Return the Jacobians, if a second run of the backward passes gives them again."""
    found, dtypes_fit, shapes_fit = make(*arguments)
    again = make(*arguments)[0]
    if check_dtypes and not dtypes_fit:
        raise GradcheckError("Gradient has dtype mismatch")
    if not shapes_fit:
        raise GradcheckError("Analytical gradient has incorrect size")
    if not _j.same(found, again, nondet_tol):
        raise GradcheckError(
            "Backward is not reentrant, i.e., running backward with same input and grad_output "
            "multiple times gives different values, although analytical gradient matches numerical "
            f"gradient.The tolerance for nondeterminism was {nondet_tol}.\n"
            "  fix: let backward use no random numbers and change nothing, or raise nondet_tol."
        )
    return found


def _mismatch(analytical, numerical, output_index, input_index):
    return (
        f"Jacobian mismatch for output {output_index} with respect to input {input_index},\n"
        f"numerical:{numerical}\nanalytical:{analytical}\n"
    )


def _worst_entry(analytical, numerical, x, output):
    """The entry that is furthest off, in words; nan counts as furthest."""
    gap = (analytical - numerical).abs().reshape(-1).nan_to_num(float("inf"))
    row, column = divmod(int(gap.argmax()), numerical.shape[1])
    return (
        f"  largest difference  d output{_index(column, output)} / d input{_index(row, x)}: "
        f"{numerical[row, column].item():.9g} by differences, "
        f"{analytical[row, column].item():.9g} by backward\n"
    )


def _index(flat, tensor):
    index = []
    for n in reversed(tensor.shape):
        flat, k = divmod(flat, n)
        index.insert(0, k)
    return index or ""


def _slow_report(func, inputs, x, output_index, eps, rtol, atol):
    """What the whole Jacobians say where a product of them differs."""
    output = _j.as_tuple(func(*inputs))[output_index]
    numerical = _j.numerical_jacobian(func, inputs, x, (output,), eps)[output_index]
    (analytical,), _, _ = _j.analytical_jacobian(output, (x,))
    report = (
        "\nThese are products of the Jacobians with random vectors (fast_mode). The Jacobians:"
        f"\nnumerical:{numerical}\nanalytical:{analytical}\n"
    ) + _worst_entry(analytical, numerical, x, output)
    if _j.close(analytical, numerical, rtol, atol):
        report += "  Element by element they agree: fast_mode=False would have passed.\n"
    return report


def _expected_zero():
    return GradcheckError(
        "Numerical gradient for function expected to be zero\n"
        "  No output requires grad, yet they change with the input: was the graph cut by detach(), "
        "no_grad() or a number taken from a tensor?"
    )


def _check_batched(output, index, inputs):
    from ._batched import grad_by_row

    batch = _C.stack([_C.randn_like(output, requires_grad=False) for _ in range(2)])
    wanted = [_j.vjp(output, inputs, seed) for seed in batch.unbind()]
    try:
        found = grad_by_row((output,), inputs, (batch,), True, False, True, False)
    except RuntimeError as error:
        raise GradcheckError(
            f"While computing batched gradients, got: {error}\n{_BATCHED_HELP}"
        ) from error
    for k, (g, rows) in enumerate(zip(found, zip(*wanted, strict=True), strict=True)):
        if g is not None and not _C.allclose(g, _C.stack(rows)):
            raise GradcheckError(
                f"\nFor output {index} and input {k}:\n{_BATCHED_HELP}\n\n"
                f"Got:\n{g}\n\nExpected:\n{_C.stack(rows)}\n"
            )


def _check_zero_seed(outputs, inputs):
    """Backward is linear in the outputs' gradients: zeros give zeros."""
    seeds = tuple(_C.zeros_like(y) for y in outputs)
    for g in _C._grad(outputs, inputs, seeds, True, False, True, False):
        if g is not None and not (g == 0).all():
            raise GradcheckError(
                "backward not multiplied by grad_output\n"
                "  backward was given zeros, and returned something else."
            )


class _Undefined(Function):
    """Passes a tensor on, and None back."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return None


def _check_undefined(func, inputs):
    """Gradients that are None count as zeros: for all outputs at once, then for each alone."""
    count = len(_j.differentiable(func(*inputs)))
    for chosen in (range(count), *((i,) for i in range(count) if count > 1)):
        outputs = _j.differentiable(func(*inputs))
        outputs = tuple(_Undefined.apply(y) if i in chosen else y for i, y in enumerate(outputs))
        seeds = tuple(_C.zeros_like(y) for y in outputs)
        try:
            grads = _C._grad(outputs, _j.checked(inputs), seeds, None, False, True, False)
        except RuntimeError as error:
            _warn_of_undefined()
            raise GradcheckError(
                "Expected backward function to handle undefined output grads." + _UNDEFINED_HELP
            ) from error
        if any(g is not None and (g != 0).any() for g in grads):
            _warn_of_undefined()
            raise GradcheckError(
                "Expected all input grads to be undefined or zero when all output grads are "
                "undefined or zero." + _UNDEFINED_HELP
            )


def _warn_of_undefined():
    import warnings

    warnings.warn(
        "Backwards compatibility: New undefined gradient support checking feature is enabled by "
        "default, but it may break existing callers of this function. If this is true for you, you "
        'can call this function with "check_undefined_grad=False" to disable the feature',
        stacklevel=4,
    )


# --- deprecated, of PyTorch's private names -----------------------------------------------------


def _deprecated(name, grad_out):
    import warnings

    warnings.warn(_DEPRECATED.format(name), FutureWarning, stacklevel=3)
    if grad_out != 1.0:
        raise ValueError(
            f"Expected grad_out to be 1.0. {name} no longer supports values of grad_out != 1.0."
        )


def get_numerical_jacobian(fn, inputs, target=None, eps=1e-3, grad_out=1.0):
    """Return the Jacobians of fn's first output by each tensor of target, or of inputs where None.

    fn: takes inputs as one argument. Deprecated in PyTorch, as are the options: grad_out is 1.
    """
    _deprecated("get_numerical_jacobian", grad_out)
    inputs = _j.as_tuple(inputs)
    wanted = _j.checked(_j.as_tuple(inputs if target is None else target))

    def call(*tensors):
        return fn(tensors)

    outputs = _j.as_tuple(fn(inputs))
    return tuple(_j.numerical_jacobian(call, inputs, x, outputs, eps)[0] for x in wanted)


def get_numerical_jacobian_wrt_specific_input(
    fn, input_idx, inputs, outputs, eps, input=None, is_forward_ad=False
):
    """Return the Jacobian of each of fn's outputs by ``input``, or by ``inputs[input_idx]``.

    is_forward_ad: differences are the same for both modes.
    """
    x = inputs[input_idx] if input is None else input
    return _j.numerical_jacobian(fn, tuple(inputs), x, outputs, eps)


def get_analytical_jacobian(inputs, output, nondet_tol=0.0, grad_out=1.0):
    """Return (Jacobians by each input, two runs agree, shapes fit, dtypes fit). Deprecated."""
    _deprecated("get_analytical_jacobian", grad_out)
    tracked = _j.checked(_j.as_tuple(inputs))
    found, dtypes_fit, shapes_fit = _j.analytical_jacobian(output, tracked)
    again = _j.analytical_jacobian(output, tracked)[0]
    return found, _j.same(found, again, nondet_tol), shapes_fit, dtypes_fit


def __getattr__(name):
    raise _module_getattr(__name__, name)


class _CallableModule(type(sys)):
    def __call__(self, *args, **kwargs):
        return gradcheck(*args, **kwargs)


# ``import rushlight.autograd.gradcheck`` binds the module to the name that is the function's.
sys.modules[__name__].__class__ = _CallableModule
