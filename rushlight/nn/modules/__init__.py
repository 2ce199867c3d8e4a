"""The modules, one file for each family."""

from rushlight import _C
from rushlight._missing import module_getattr

from .activation import ReLU, Sigmoid, Softsign, Tanh, Tanhshrink
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .dropout import (
    AlphaDropout,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    FeatureAlphaDropout,
)
from .flatten import Flatten, Unflatten
from .linear import Identity, Linear
from .loss import HuberLoss, L1Loss, MSELoss, SmoothL1Loss
from .module import Module

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "Flatten",
    "HuberLoss",
    "Identity",
    "L1Loss",
    "Linear",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SmoothL1Loss",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Unflatten",
]

_C._add_package_globals(globals())


def __getattr__(name):
    raise module_getattr(__name__, name)
