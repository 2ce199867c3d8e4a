"""``grad(..., is_grads_batched=True)``: the rows of a batch of gradients, one after another."""

from rushlight import _C

from .graph import GradientEdge

_C._add_package_globals(globals())


def grad_by_row(
    outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads
):
    """Return ``grad``'s results for each row of grad_outputs, stacked along a new first dimension.

    Raises: RuntimeError where the other dimensions are not the output's; IndexError for a batch of
        0 rows; ValueError where batches differ in size or an output has none.
    The zeros of materialize_grads have the input's shape, as in PyTorch, without the batch.
    """
    outputs = _as_tuple(outputs)
    inputs = _as_tuple(inputs)
    if grad_outputs is None:
        batches = (None,) * len(outputs)
    else:
        batches = (grad_outputs,) if isinstance(grad_outputs, _C.Tensor) else tuple(grad_outputs)
    batches = batches[: len(outputs)]
    for i, (output, batch) in enumerate(zip(outputs, batches, strict=False)):
        _check_batch(i, output, batch)
    sizes = [len(batch) for batch in batches]
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    if materialize_grads and allow_unused is None:
        allow_unused = True
    results = []
    for k in range(sizes[0]):
        keep = retain_graph if k == sizes[0] - 1 else True
        rows = tuple(batch[k] for batch in batches)
        results.append(_C._grad(outputs, inputs, rows, keep, create_graph, allow_unused, False))
    columns = zip(*results, strict=True)
    found = tuple(None if column[0] is None else _C.stack(column) for column in columns)
    if not materialize_grads:
        return found
    if any(isinstance(x, GradientEdge) for x in inputs):
        raise RuntimeError(
            "materialize_grads cannot be used when the given input is a GradientEdge"
        )
    return tuple(
        x.detach().new_zeros(x.shape) if g is None else g
        for x, g in zip(inputs, found, strict=True)
    )


def _as_tuple(given):
    return (given,) if isinstance(given, _C.Tensor | GradientEdge) else tuple(given)


def _check_batch(i, output, batch):
    edge = isinstance(output, GradientEdge)
    output_shape = output.node._input_metadata[output.output_nr].shape if edge else output.shape
    if batch is None:
        if output_shape.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        raise ValueError(
            "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a "
            "Tensor of dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0.\n"
            "  fix: give grad_outputs a batch for every output, for example torch.ones(n)."
        )
    shape = batch[0].shape
    if shape != output_shape:
        if edge:
            raise RuntimeError("Batched grads are not supported with GradientEdge")
        raise RuntimeError(
            "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as "
            "the batch dimension. The sizes of the remaining dimensions are expected to match the "
            f"shape of corresponding output, but a mismatch was detected: grad_output[{i}] has a "
            f"shape of {shape} and output[{i}] has a shape of {output_shape}. If you only want "
            "some tensors in `grad_output` to be considered batched, consider using vmap."
        )
