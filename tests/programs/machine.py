"""Random programs of tensor operations, run on rushlight and, as a shadow, on NumPy.

A program starts from a few float64 inputs; each step makes a variable or writes into one. Views
alias in both worlds, so a write through one of them must show in all others.
"""

import random

import numpy as np
from support import torch

LARGEST = 30.0  # values beyond are squeezed before they grow
FROM_KINK = 1e-3  # how far a value must be from the edge of abs, relu, maximum


class Variable:
    """A tensor, its shadow, and the family of variables that share its memory."""

    def __init__(self, tensor, array, family, writable=True):
        self.tensor, self.array, self.family, self.writable = tensor, array, family, writable


class Machine:
    """The state of a program while it is drawn and run: variables, and what may be written."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.variables = []
        self.inputs = []
        self.steps = []  # (operation, numbers of the variables it reads, its parameters)
        self.families = 0
        self.saved = set()  # families whose values a node keeps: a write would break backward
        self.marks = set()
        self.leaves = []
        for _ in range(self.random.randint(2, 4)):
            shape = tuple(self.random.randint(1, 4) for _ in range(self.random.randint(1, 3)))
            values = np.array(self.numbers(int(np.prod(shape)))).reshape(shape)
            self.inputs.append(values)
            leaf = torch.tensor(values.tolist(), dtype=torch.float64, requires_grad=True)
            self.leaves.append(leaf)
            # Written variables must not be leaves: each starts as a product.
            self.add(leaf * 1.5, values * 1.5, self.new_family())

    def numbers(self, n):
        return [self.random.uniform(-2, 2) for _ in range(n)]

    def new_family(self):
        self.families += 1
        return self.families

    def add(self, tensor, array, family, writable=True):
        self.variables.append(Variable(tensor, array, family, writable))

    def pick(self, wanted=lambda v: True):
        """The number of a variable that fits, rather a late one; None without any."""
        fits = [i for i, v in enumerate(self.variables) if wanted(v)]
        if not fits:
            return None
        return self.random.choice(fits[-6:] if self.random.random() < 0.8 else fits)

    def step(self, operation):
        """Draw an operation's operands and run it in both worlds; False where none fits."""
        drawn = operation.draw(self)
        if drawn is None:
            return False
        operands, parameters = drawn
        used = [self.variables[i] for i in operands]
        # Of 0-d arrays NumPy makes numbers, which have no views: back to an array.
        shadow = np.asarray(operation.numpy([v.array for v in used], *parameters))
        result = operation.torch([v.tensor for v in used], *parameters)
        self.steps.append((operation, operands, parameters))
        self.marks |= operation.marks
        if "operands" in operation.saves:
            self.saved |= {v.family for v in used}
        if operation.saves == "source":
            self.saved |= {v.family for v in used[1:]}
        if operation.kind == "write":
            if len({v.array.shape for v in used}) > 1:
                self.marks.add("broadcast")
            if "result" in operation.saves:
                self.saved.add(used[0].family)
            used[0].tensor = result
            return True
        if len(used) > 1 and len({v.array.shape for v in used}) > 1 and operation.broadcasts:
            self.marks.add("broadcast")
        view = operation.kind == "view"
        family = used[0].family if view else self.new_family()
        writable = operation.writable and (used[0].writable or not view)
        if not operation.writable:
            self.saved.add(family)  # one of several views of a node: no write into the family
        self.add(result, shadow, family, writable)
        if "result" in operation.saves:
            self.saved.add(family)
        return True


def replay(machine, inputs):
    """The loss of a program on other inputs, by NumPy alone."""
    arrays = [values * 1.5 for values in inputs]
    for operation, operands, parameters in machine.steps:
        result = np.asarray(operation.numpy([arrays[i] for i in operands], *parameters))
        if operation.kind != "write":
            arrays.append(result)
    return numpy_loss(arrays)


def weights(array, k):
    return np.cos(np.arange(array.size) * 1.7 + k).reshape(array.shape)


def numpy_loss(arrays):
    return sum(float((a * weights(a, k)).sum()) for k, a in enumerate(arrays))


def torch_loss(machine):
    total = 0.0
    for k, v in enumerate(machine.variables):
        upstream = torch.tensor(weights(v.array, k).tolist(), dtype=torch.float64)
        total = total + (v.tensor * upstream).sum()
    return total
