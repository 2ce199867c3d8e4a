"""Every function and method called with arguments that make no sense: an exception, never a crash.

    wrong_arguments.py SEED CALLS

The call under way stands in a file, which a process that crashes leaves behind.
"""

import faulthandler
import os
import random
import sys
import tempfile
import warnings

from _module import torch

faulthandler.enable()
warnings.simplefilter("ignore")
seed, calls = int(sys.argv[1]), int(sys.argv[2])
random.seed(seed)


class Refuses:
    """Fails whatever it is asked."""

    def __index__(self):
        raise ValueError("index")

    def __float__(self):
        raise ValueError("float")

    def __bool__(self):
        raise ValueError("bool")

    def __iter__(self):
        raise ValueError("iter")

    def __len__(self):
        return 3

    def __getitem__(self, key):
        raise KeyError(key)


class Sub(torch.Tensor):
    pass


TENSORS = [
    lambda: torch.ones(2, 3),
    lambda: torch.ones(2, 3, requires_grad=True),
    lambda: torch.ones(3, requires_grad=True) * 2,
    lambda: torch.ones(2, requires_grad=True).view(2),
    lambda: torch.ones(2, requires_grad=True).detach(),
    lambda: torch.tensor(1.5),
    lambda: torch.tensor([1, 2]),
    lambda: torch.tensor([[True], [False]]),
    lambda: torch.zeros(2, 0),
    lambda: torch.ones(3, 2, dtype=torch.float64).t(),
    lambda: torch.ones(1).expand(3),
    lambda: torch.ones(2).as_subclass(Sub),
]
OTHERS = [None, 0, 1, -1, 2**63, -(2**63), 10**30, 1.5, -0.0, float("nan"), 1e300, 1j, True]
OTHERS += ["a", "cpu", "", b"x", [], (), [1, 2], (2, 3), [[1], [2, 3]], [[]], {}, {"a": 1}, set()]
OTHERS += [(2**40, 2**40), (1,) * 70, [0] * 70, range(5), slice(None), ..., object(), Refuses()]
OTHERS += [torch.float32, torch.int64, torch.bool, torch.device("cpu"), torch.Tensor, int, len]
OTHERS += [torch.no_grad(), (torch.ones(1, requires_grad=True) * 2).grad_fn, lambda *a: None]
KEYWORDS = (
    "dim dtype device requires_grad out keepdim gradient retain_graph create_graph inputs alpha "
    "copy generator size other input mode non_blocking allow_unused materialize_grads grad_outputs"
).split()
# Import machinery, and what would change the process that runs the test.
LEFT_OUT = "__class__ __dir__ __getattr__ __getattribute__ __init_subclass__ __new__".split()
LEFT_OUT += ["__subclasshook__", "install_as_torch", "set_num_threads", "set_num_interop_threads"]


def argument():
    return random.choice(TENSORS)() if random.random() < 0.4 else random.choice(OTHERS)


def targets():
    for owner in (torch, torch._C, torch.autograd, torch.Tensor, torch.Size, torch.Generator):
        for name in sorted(dir(owner)):
            value = getattr(owner, name, None)
            if callable(value) and name not in LEFT_OUT:
                yield owner, name, value


def shown(value):
    return value if isinstance(value, int | float | str | list | tuple) else type(value).__name__


TARGETS = list(targets())
with tempfile.NamedTemporaryFile("w", prefix="wrong_arguments_", delete=False) as log:
    print(log.name, flush=True)
    for _ in range(calls):
        owner, name, function = random.choice(TARGETS)
        positional = [argument() for _ in range(random.choice([0, 1, 1, 2, 2, 3, 4]))]
        if owner is torch.Tensor and random.random() < 0.85:
            positional.insert(0, random.choice(TENSORS)())
        keywords = {
            random.choice(KEYWORDS): argument() for _ in range(random.choice([0, 0, 0, 1, 2]))
        }
        call = f"{owner.__name__}.{name}({list(map(shown, positional))}, "
        call += f"{ {k: shown(v) for k, v in keywords.items()} })"
        log.seek(0)
        log.truncate()
        log.write(call)
        log.flush()
        try:
            result = function(*positional, **keywords)
            if isinstance(result, torch.Tensor) and result.numel() < 100_000:
                repr(result)
        except SystemError as error:
            os.unlink(log.name)
            raise SystemExit(f"{call}\n{error!r} from {error.__cause__!r}") from None
        except Exception as error:
            str(error)
        finally:
            torch.set_grad_enabled(True)
            torch.set_default_dtype(torch.float32)
            if hasattr(torch, "set_printoptions"):
                torch.set_printoptions(profile="default")
os.unlink(log.name)
print("done")
