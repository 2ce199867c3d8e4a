"""Random programs: values against NumPy, the gradient of the whole against finite differences."""

import collections

import numpy as np
import pytest
from support import rushlight_only, torch

from . import writes  # noqa: F401 - it adds operations
from .machine import Machine, replay, torch_loss
from .operations import OPERATIONS

pytestmark = rushlight_only

PROGRAMS = 3000
BATCHES = 20
STEP = 1e-6
KINDS = {kind: [o for o in OPERATIONS if o.kind == kind] for kind in ("value", "view", "write")}


def drawn(seed):
    """A program of 5 to 30 steps, run."""
    machine = Machine(seed)
    length = machine.random.randint(5, 30)
    for _ in range(20 * length):
        if len(machine.steps) == length:
            break
        kind = machine.random.choices(("value", "view", "write"), (5, 3, 3))[0]
        machine.step(machine.random.choice(KINDS[kind]))
    assert 5 <= len(machine.steps) <= 30
    return machine


def told(machine):
    """The program as text, for a failure."""
    return "\n".join(f"{o.name}{operands} {p}" for o, operands, p in machine.steps)


def check_values(machine):
    for k, v in enumerate(machine.variables):
        got, want = np.array(v.tensor.tolist()).reshape(v.tensor.shape), v.array
        assert got.shape == want.shape, f"variable {k}: {got.shape}, NumPy {want.shape}"
        close = np.allclose(got, want, rtol=1e-10, atol=1e-12)
        assert close, f"variable {k}: {got}, NumPy {want}\n{told(machine)}"


def check_gradient(machine):
    generator = np.random.default_rng(len(machine.steps))
    directions = [generator.uniform(-1, 1, values.shape) for values in machine.inputs]
    torch_loss(machine).backward()
    got = 0.0
    for leaf, direction in zip(machine.leaves, directions, strict=True):
        assert leaf.grad is not None and leaf.grad.shape == leaf.shape
        got += float((np.array(leaf.grad.tolist()).reshape(direction.shape) * direction).sum())

    def moved(step):
        return [x + step * d for x, d in zip(machine.inputs, directions, strict=True)]

    want = (replay(machine, moved(STEP)) - replay(machine, moved(-STEP))) / (2 * STEP)
    size = max(abs(want), abs(got), 1.0)
    assert abs(got - want) < 1e-5 * size, (
        f"gradient gives {got!r}, differences {want!r}\n{told(machine)}"
    )


@pytest.fixture(scope="module")
def counts(spec_summary):
    found = collections.Counter()
    yield found
    shares = ", ".join(
        f"{found[mark] / max(found['programs'], 1):.0%} with a {mark}"
        for mark in ("view", "write", "broadcast")
    )
    spec_summary.append(f"{found['programs']} random programs, {found['steps']} steps: {shares}")


@pytest.mark.parametrize("batch", range(BATCHES))
def test_program_computes_what_numpy_does_and_its_slope(batch, counts):
    for seed in range(batch, PROGRAMS, BATCHES):
        machine = drawn(seed)
        check_values(machine)
        check_gradient(machine)
        counts["programs"] += 1
        counts["steps"] += len(machine.steps)
        for mark in machine.marks:
            counts[mark] += 1


def test_programs_are_many_and_of_every_kind():
    machines = [drawn(seed) for seed in range(400)]
    for mark in ("view", "write", "broadcast"):
        assert sum(mark in m.marks for m in machines) > 0.3 * len(machines), mark
    used = {operation.name for m in machines for operation, _, _ in m.steps}
    assert used == {operation.name for operation in OPERATIONS}
    assert PROGRAMS >= 2000


def test_planted_faults_are_found():
    """A write that misses a view, and a gradient that is off, show in some program."""
    wrong_value = wrong_slope = 0
    for seed in range(40):
        machine = drawn(seed)
        for v in machine.variables:
            v.array = v.array.copy()
        if machine.variables[0].array.size:
            machine.variables[0].array.flat[0] += 1e-6
        with pytest.raises(AssertionError):
            check_values(machine)
        wrong_value += 1
        machine = drawn(seed)
        machine.leaves[0].register_hook(lambda g: g * 1.01)
        try:
            check_gradient(machine)
        except AssertionError:
            wrong_slope += 1
    assert wrong_value == 40 and wrong_slope > 30
    assert torch.is_grad_enabled()
