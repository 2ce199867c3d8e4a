"""Random calls of the whole public surface: Python exceptions come out, nothing else.

    fuzz_surface.py SEED EPISODES [--only WORD] [--at EPISODE]

An episode is a few calls that share tensors. It depends on the seed and its number alone, so
`--at` repeats one. The calls of the episode under way stand in a file, whose name is printed first
and which a process that crashes leaves behind. Ends with status 1 on a SystemError, an internal
assertion or a tensor that reaches outside its memory, with a stack dump on a call without end.
"""

import argparse
import contextlib
import copy
import faulthandler
import importlib
import io
import math
import operator
import os
import pickle
import re
import resource
import signal
import sys
import tempfile
import warnings

from arguments import KEYWORDS, Arguments

torch = importlib.import_module(os.environ.get("RUSHLIGHT_TEST_MODULE", "rushlight"))

# For 50 episodes, which take a fraction of one second.
SECONDS = 60
# Above what the process holds at the start. Bigger requests raise MemoryError.
MEMORY = 256 * 2**20
# What would change the process that runs the test, and what Python itself calls.
LEFT_OUT = set(
    "install_as_torch set_num_threads set_num_interop_threads __class__ __dir__ __getattr__ "
    "__getattribute__ __init_subclass__ __subclasshook__ _add_package_globals _set_site_capture "
    "__del__ __sizeof__ TYPE_CHECKING module_getattr import_module _push_on_torch_function_stack "
    "_pop_torch_function_stack _object_dict _watch_tensors _watch_nodes _watch_nonfinite "
    "_watch_every_op _push_op_mode _pop_op_mode".split()
)
MODULES = (
    "autograd autograd.graph autograd.function autograd.functional _C nn nn.functional nn.init "
    "nn.parameter optim optim.lr_scheduler utils.data random cuda backends.cudnn utils.hooks"
).split()
BINARY = [
    getattr(operator, name)
    for name in (
        "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift eq ne lt le gt ge "
        "iadd isub imul itruediv ifloordiv imod ipow iand ior ixor imatmul contains concat"
    ).split()
] + [divmod]
UNARY = [operator.neg, operator.pos, operator.invert, abs, int, float, complex, bool, len, hash]
UNARY += [repr, str, list, tuple, iter, reversed, round, math.floor, math.ceil, math.trunc]
UNARY += [copy.copy, copy.deepcopy, pickle.dumps, operator.index, memoryview, dir, vars, bytes]
UNARY += [lambda t: pickle.loads(pickle.dumps(t)), lambda t: f"{t:.2f}", lambda t: t.tolist()]


def surface():
    """Yield (name, callable) of every function, class and method that a program can reach."""
    owners = [torch, torch.Tensor, torch.Size, torch.Generator, torch.device, type(torch.float32)]
    for path in MODULES:
        with contextlib.suppress(ImportError):
            owners.append(importlib.import_module(f"{torch.__name__}.{path}"))
    owners.append(type((torch.ones(1, requires_grad=True) * 2).grad_fn))
    for owner in owners:
        for name in sorted(dir(owner)):
            value = getattr(owner, name, None)
            if callable(value) and name not in LEFT_OUT and type(value).__name__ != "_Feature":
                yield f"{owner.__name__}.{name}", owner, value


def operations():
    """Yield (name, parameters, whether a method) of every op and in-place form that has a name."""
    for op in torch._C._op_table():
        if op["form"] == "internal" or op["name"] in LEFT_OUT:
            continue
        inside = op["signature"].split("(", 1)[1].rsplit(")", 1)[0]
        parameters, keyword_only = [], False
        for part in filter(None, re.split(r", (?![^\[]*\])", inside)):
            if part == "*":
                keyword_only = True
                continue
            word, kind = part.split(": ", 1)
            kind, _, default = kind.partition(" = ")
            parameters.append((word.split("|")[0], kind, keyword_only, bool(default)))
        for name in (op["name"], op["name"] + "_"):
            for owner, method in ((torch, False), (torch.Tensor, True)):
                if hasattr(owner, name):
                    yield name, [p for p in parameters if not (method and p[0] == "out")], method


def attributes():
    """Names of the attributes of a Tensor that are no methods."""
    t = torch.ones(2, 2, requires_grad=True)
    return [name for name in dir(torch.Tensor) if not callable(getattr(t, name, None))]


class Episode:
    """A few random calls, described in the log before each is made."""

    def __init__(self, seed, number, log, only):
        self.arguments = Arguments(torch, f"{seed}:{number}")
        self.rng = self.arguments.rng
        self.log = log
        self.only = only
        self.number = number

    def run(self):
        for _ in range(self.rng.choice([1, 2, 4, 8])):
            call, text = self.rng.choices(
                [
                    *(self.function, self.operation, self.operator, self.indexing),
                    *(self.attribute, self.derivative, self.custom),
                ],
                [1, 0, 0, 0, 0, 0, 0] if self.only else [40, 20, 12, 12, 6, 10, 3],
            )[0]()
            # The description first, flushed: after a crash it is all that is left.
            print(f"{self.number}: {text}", file=self.log, flush=True)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    self.arguments.noisy = True
                    result = call()
                    self.arguments.noisy = False
                self.look_at(result)
            except SystemError as error:
                fail(f"{text}\n{error!r} from {error.__cause__!r}")
            except AssertionError as error:
                if "internal" in str(error).lower():
                    fail(f"{text}\n{error!r}")
            except MemoryError:
                # Whatever is large goes before the next call.
                self.arguments.pool.clear()
            except RecursionError:
                pass
            except Exception as error:
                str(error)
            finally:
                self.arguments.noisy = False
                reset()
        for t in self.arguments.pool:
            check_inside_memory(t, self.log)

    def look_at(self, result):
        """Read a result, as a program would, and keep it for the calls that follow."""
        for item in result if isinstance(result, tuple | list) else [result]:
            if isinstance(item, torch.Tensor):
                check_inside_memory(item, self.log)
                if item.numel() <= 2**12:
                    repr(item)
        self.arguments.keep(result)

    # --- kinds of calls -------------------------------------------------------------------------

    def function(self):
        name, owner, function = self.rng.choice(self.only or SURFACE)
        draw = self.arguments.argument
        positional = [draw() for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3, 4]))]
        if isinstance(owner, type) and self.rng.random() < 0.9:
            if owner is torch.Tensor:
                positional.insert(0, self.arguments.tensor())
            elif issubclass(owner, NODE_BASE):
                positional.insert(0, (self.arguments.tensor() * 1).grad_fn)
        keywords = {
            self.rng.choice(KEYWORDS): draw() for _ in range(self.rng.choice([0, 0, 0, 1, 2]))
        }
        text = ", ".join(
            [*map(shown, positional), *(f"{k}={shown(v)}" for k, v in keywords.items())]
        )
        return lambda: use(function(*positional, **keywords), self.arguments), f"{name}({text})"

    def operation(self):
        """An op with arguments of the kinds in its signature, now and then another one."""
        name, parameters, method = self.rng.choice(OPERATIONS)
        positional, keywords = [], {}
        for word, kind, keyword_only, optional in parameters:
            if optional and self.rng.random() < 0.6:
                continue
            likely = self.rng.random() < 0.93
            value = self.arguments.likely(kind) if likely else self.arguments.argument()
            if keyword_only or keywords or (optional and self.rng.random() < 0.5):
                keywords[word] = value
            else:
                positional.append(value)
        function = getattr(torch.Tensor if method else torch, name)
        text = ", ".join(
            [*map(shown, positional), *(f"{k}={shown(v)}" for k, v in keywords.items())]
        )
        return lambda: function(*positional, **keywords), f"{name}({text})"

    def custom(self):
        """A custom Function, applied, and run backwards."""
        cls = self.arguments.function_class()
        inputs = [self.arguments.argument() for _ in range(self.rng.choice([1, 1, 2, 3]))]

        def call():
            result = cls.apply(*inputs)
            for t in result if isinstance(result, tuple) else [result]:
                if isinstance(t, torch.Tensor) and t.requires_grad:
                    t.sum().backward(retain_graph=self.rng.random() < 0.5)
            return result

        return call, f"Function.apply({', '.join(map(shown, inputs))})"

    def operator(self):
        a = self.arguments.tensor()
        if self.rng.random() < 0.4:
            function = self.rng.choice(UNARY)
            return lambda: function(a), f"{function.__name__}({shown(a)})"
        function, b = self.rng.choice(BINARY), self.arguments.argument()
        if self.rng.random() < 0.3:
            a, b = b, a
        return lambda: function(a, b), f"{function.__name__}({shown(a)}, {shown(b)})"

    def indexing(self):
        t, index = self.arguments.tensor(), self.arguments.index()
        kind = self.rng.randrange(3)
        if kind == 0:
            value = self.arguments.argument()
            text = f"{shown(t)}[{shown(index)}] = {shown(value)}"
            return lambda: operator.setitem(t, index, value), text
        if kind == 1 and self.rng.random() < 0.1:
            return lambda: operator.delitem(t, index), f"del {shown(t)}[{shown(index)}]"
        return lambda: t[index], f"{shown(t)}[{shown(index)}]"

    def attribute(self):
        t, name = self.arguments.tensor(), self.rng.choice(ATTRIBUTES)
        kind = self.rng.randrange(4)
        if kind == 0:
            value = self.arguments.argument()
            return lambda: setattr(t, name, value), f"{shown(t)}.{name} = {shown(value)}"
        if kind == 1:
            return lambda: delattr(t, name), f"del {shown(t)}.{name}"
        return lambda: getattr(t, name), f"{shown(t)}.{name}"

    def derivative(self):
        draw, rng = self.arguments, self.rng
        outputs = [draw.tensor() for _ in range(rng.choice([1, 1, 2]))]
        inputs = [draw.tensor() for _ in range(rng.choice([0, 1, 2]))]
        weights = rng.choice([None, [draw.tensor() for _ in outputs], draw.argument()])
        options = {
            name: rng.choice([True, False, None])
            for name in ("retain_graph", "create_graph")
            if rng.random() < 0.4
        }
        if rng.random() < 0.3:
            with contextlib.suppress(Exception):
                rng.choice(outputs).register_hook(draw.hook())
        text = f"{shown(outputs)}, {shown(inputs)}, {shown(weights)}, {options}"
        if rng.random() < 0.5:
            return lambda: torch.autograd.grad(outputs, inputs, weights, **options), f"grad({text})"
        inputs = inputs or None
        return (
            lambda: torch.autograd.backward(outputs, weights, inputs=inputs, **options),
            f"backward({text})",
        )


def use(result, arguments):
    """Go on with what a call returned: a module is called, an optimizer steps, an iterator runs."""
    kind = type(result).__name__
    if hasattr(result, "zero_grad") and hasattr(result, "step"):
        result.step()
        result.zero_grad()
    elif hasattr(result, "named_parameters"):
        return result(arguments.tensor())
    elif kind.endswith("iterator") or kind == "generator":
        return [next(result, None) for _ in range(3)]
    return result


def shown(value):
    """A value in words that do not depend on what the value does when it is asked."""
    if isinstance(value, torch.Tensor):
        return f"<{type(value).__name__} {tuple(value.shape)} {value.dtype} {value.requires_grad}>"
    if isinstance(value, tuple | list):
        inside = ", ".join(map(shown, value[:8]))
        return f"({inside},)" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, slice):
        return f"slice({shown(value.start)}, {shown(value.stop)}, {shown(value.step)})"
    plain = isinstance(value, int | float | complex | str | None | type(...))
    return repr(value) if plain else f"<{type(value).__name__}>"


def check_inside_memory(t, log):
    """Every element lies inside the tensor's storage, where the package tells its size."""
    if not hasattr(t, "untyped_storage") or t.numel() == 0:
        return
    last = t.storage_offset() + sum((n - 1) * s for n, s in zip(t.shape, t.stride()))
    held = t.untyped_storage().nbytes() // t.element_size()
    if not 0 <= t.storage_offset() <= last < held:
        fail(f"a tensor outside its memory: {t.shape} {t.stride()} {t.storage_offset()} of {held}")


def fail(text):
    print(text, flush=True)
    sys.exit(1)


def reset():
    """Put back the modes that a call may have left changed."""
    while torch.is_inference_mode_enabled():
        torch.inference_mode(False).__enter__()
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    torch.set_printoptions(profile="default")


def limit_memory():
    """Refuse large requests, except under AddressSanitizer, which reserves terabytes itself."""
    with open("/proc/self/maps") as maps:
        if "libasan" in maps.read():
            return
    with open("/proc/self/statm") as file:
        held = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, resource.RLIM_INFINITY))


SURFACE = list(surface())
OPERATIONS = list(operations())
ATTRIBUTES = attributes()
NODE_BASE = type((torch.ones(1, requires_grad=True) * 2).grad_fn).__mro__[-2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seed")
    parser.add_argument("episodes", type=int)
    parser.add_argument("--only", help="calls of names that contain this")
    parser.add_argument("--at", type=int, help="run this episode alone")
    options = parser.parse_args()
    faulthandler.enable()
    # The stack, then the end: also where no Python code runs and no handler of Python's could.
    faulthandler.register(signal.SIGALRM, chain=True)
    warnings.simplefilter("ignore")
    with contextlib.suppress(ImportError):
        importlib.import_module("numpy")  # its OpenBLAS ends the process where memory is short
    limit_memory()
    only = options.only and [entry for entry in SURFACE if options.only in entry[0]]
    numbers = range(options.episodes) if options.at is None else [options.at]
    with tempfile.NamedTemporaryFile("w+", prefix="fuzz_surface_", delete=False) as log:
        print(f"{log.name}: seed {options.seed}, {len(SURFACE)} callables", flush=True)
        for number in numbers:
            log.seek(0)
            log.truncate()
            if number % 50 == 0:
                signal.alarm(SECONDS)
            Episode(options.seed, number, log, only).run()
        if options.at is not None:
            log.seek(0)
            print(log.read())
    signal.alarm(0)
    os.unlink(log.name)
    print("done")


if __name__ == "__main__":
    main()
