"""Distances of vectors as modules."""

from rushlight import _C
from rushlight.nn import functional as F

from .module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]

_C._add_package_globals(globals())


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along dimension dim."""

    __constants__ = ["dim", "eps"]

    def __init__(self, dim=1, eps=1e-8):
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1, x2):
        """Map two Tensors of vectors to their cosines."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of differences along the last dimension."""

    __constants__ = ["norm", "eps", "keepdim"]

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1, x2):
        """Map two Tensors of vectors to their distances."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
