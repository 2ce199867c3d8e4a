"""Ops that make nothing that is not finite, and why. An op that is not here has to have a plant."""

# Of finite tensors a value: the reasons, and the names of ops with their overload.
NO_VALUE = {
    "draws numbers, which are finite": """
        uniform_ normal_ random_.2 random_ random_.1 bernoulli bernoulli_.1 bernoulli_.2
        exponential_ geometric_ cauchy_ log_normal_ poisson normal.1
    """,
    "moves values, or repeats them": """
        where view expand transpose t permute as_strided select diagonal unfold as_strided_
        squeeze squeeze.1 squeeze.2 unsqueeze t_ transpose_ swapaxes_ swapdims_ squeeze_
        squeeze_.1 squeeze_.2 unsqueeze_ cat stack unbind split split.1 unsafe_split
        unsafe_split_with_sizes clone copy_ masked_select index_select gather take scatter
        scatter.1 index_copy embedding masked_scatter repeat flip roll rot90 pixel_shuffle
        pixel_unshuffle channel_shuffle tril triu diag_embed diagonal_copy diagonal_scatter
        select_scatter slice_scatter as_strided_scatter narrow_copy constant_pad_nd
        _reflection_pad1d _reflection_pad2d _reflection_pad3d _replication_pad1d
        _replication_pad2d _replication_pad3d _im2col _block_diag _max_pool2d
    """,
    "chooses among its values": """
        relu maximum minimum clamp clamp.1 clamp_min.1 clamp_min clamp_max.1 clamp_max fmax
        fmin _hardtanh threshold hardshrink nan_to_num max max.1 amax min min.1 amin aminmax
        sort sort.1 cummax cummin kthvalue median median.1 nanmedian nanmedian.1 mode topk
    """,
    "puts in a value that it is given, which would be the bad one": """
        zero_ fill_ fill_.3 fill fill.1 masked_fill.1 masked_fill index_fill.1
        index_fill
    """,
    "no result is larger than what it was given": """
        neg abs sign logaddexp logaddexp2 tanh sigmoid sin cos tan sinc atan atan2 deg2rad
        erf erfc asinh floor ceil round trunc frac sgn copysign copysign.1 remainder fmod
        _elu celu _hardsigmoid _softshrink _silu _mish _softplus nextafter frexp
        _log_sigmoid _glu _binary_cross_entropy logsumexp logcumsumexp
    """,
}

# Of finite values and finite gradients a gradient.
NO_GRADIENT = {
    "draws numbers: its derivative is 0": """
        uniform_ normal_ random_.2 random_ random_.1 bernoulli bernoulli_.1 bernoulli_.2
        exponential_ geometric_ cauchy_ log_normal_ poisson normal.3 normal.1 normal.2
    """,
    "its derivative is 0": """
        sign floor ceil round round.1 trunc sgn zero_ fill_ fill
    """,
    "moves gradients, each to one place": """
        neg view transpose t permute select diagonal as_strided_ squeeze squeeze.1 squeeze.2
        unsqueeze t_ transpose_ swapaxes_ swapdims_ squeeze_ squeeze_.1 squeeze_.2
        unsqueeze_ cat stack unbind split split.1 unsafe_split unsafe_split_with_sizes clone
        trace masked_select scatter scatter.1 scatter_add index_copy put flip roll rot90
        pixel_shuffle pixel_unshuffle channel_shuffle tril triu diag_embed diagonal_copy
        diagonal_scatter select_scatter slice_scatter as_strided_scatter narrow_copy
        constant_pad_nd _col2im _block_diag
    """,
    "gives the gradient to the values that it chose": """
        relu clamp.1 clamp_min clamp_max _hardtanh threshold hardshrink _add_number
        nan_to_num masked_fill.1 index_fill max max.1 amax min min.1 amin sort sort.1
        kthvalue median median.1 nanmedian nanmedian.1 mode topk
    """,
    "its slope is never above 1, or 1.1": """
        abs tanh sigmoid sin cos atan deg2rad asinh frac copysign.1 remainder fmod celu
        _hardsigmoid _softshrink _softplus sum sum.1 mean mean.1 _linalg_vector_norm nansum
        _log_sigmoid _soft_margin_loss logsumexp
    """,
}
