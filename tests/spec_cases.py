"""The recorded cases of PyTorch's behaviour in tests/data: what a case is called, how it is run on
a module, and how what was seen is compared with what was recorded.

``test_spec.py`` runs them on rushlight, ``data/record_spec.py`` records them again from PyTorch.
"""

import contextlib
import functools
import importlib
import json
import math
import pathlib
import re
import signal
import sys
import threading
import warnings
import zlib

DATA = pathlib.Path(__file__).parent / "data"
KINDS = ("behaviour", "error", "gradfn", "repr", "convention")
SUBMODULES = (
    "nn",
    "nn.functional",
    "nn.parameter",
    "nn.utils",
    "optim",
    "optim.lr_scheduler",
    "autograd",
    "autograd.forward_ad",
    "autograd.functional",
    "autograd.function",
    "autograd.graph",
    "autograd.profiler",
    "func",
    "linalg",
    "utils",
    "utils.checkpoint",
    "utils.data",
    "utils.hooks",
)
SECONDS_PER_CASE = 30


class Mismatch(AssertionError):
    """What was seen differs from what PyTorch does."""


# --- files and names ---------------------------------------------------------------------------


def load(kind):
    """The cases of one file, a list of dicts."""
    content = json.loads((DATA / f"{kind}_cases.json").read_text())
    return content["cases"] if kind == "behaviour" else content


def _name(kind, case):
    if kind == "behaviour":
        return case["id"]
    if kind == "error":
        return case["snippet"].replace("\n", "; ")
    if kind == "convention":
        return f"{case['expr']} at {case['x']}"
    options = case.get("set_printoptions")
    return case["expr"] + (f" with {options}" if options else "")


def case_id(kind, case):
    """A name that stays the same when cases are added: the code of the case, cut where long."""
    name = _name(kind, case)
    if len(name) > 100:
        name = f"{name[:90]}... {zlib.crc32(name.encode()):08x}"
    return f"{kind}: {name}"


def all_cases():
    """Every case by its id, in the order of the files."""
    cases = {}
    for kind in KINDS:
        for case in load(kind):
            name = case_id(kind, case)
            assert name not in cases, f"two cases are called {name}"
            cases[name] = (kind, case)
    return cases


# --- surroundings of a case --------------------------------------------------------------------


def _attribute(module, path):
    for part in path.split("."):
        module = getattr(module, part, None)
    return module


@functools.cache
def _aliases(name):
    """The modules that stand for torch and its submodules."""
    aliases = {"torch": sys.modules[name]}
    for part in SUBMODULES:
        with contextlib.suppress(ImportError):
            aliases[f"torch.{part}"] = importlib.import_module(f"{name}.{part}")
    return aliases


def _forget_torch():
    names = [name for name in sys.modules if name == "torch" or name.startswith("torch.")]
    return {name: sys.modules.pop(name) for name in names}


@contextlib.contextmanager
def as_torch(module):
    """Inside the block, ``import torch`` and its submodules give `module` and its submodules."""
    if module.__name__ == "torch":
        yield
        return
    saved = _forget_torch()
    sys.modules.update(_aliases(module.__name__))
    try:
        yield
    finally:
        _forget_torch()
        sys.modules.update(saved)


@contextlib.contextmanager
def _time_limit():
    """Turn an endless case into an error, where the platform has alarms."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expired(*_):
        raise TimeoutError(f"no end after {SECONDS_PER_CASE} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(SECONDS_PER_CASE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _reset(torch):
    """Put back every process-wide setting that a case may have changed."""
    for setting, value in (
        ("set_grad_enabled", True),
        ("set_default_dtype", getattr(torch, "float32", None)),
        ("autograd.set_detect_anomaly", False),
        ("set_warn_always", True),
        ("manual_seed", 0),
    ):
        function = _attribute(torch, setting)
        if function is not None:
            function(value)
    reset_printing = getattr(torch, "set_printoptions", None)
    if reset_printing is not None:
        reset_printing(profile="default")


@contextlib.contextmanager
def _surroundings(torch):
    _reset(torch)
    try:
        with _time_limit():
            yield
    finally:
        _reset(torch)


def _raises(function, kind, text):
    try:
        function()
    except kind as error:
        if text not in str(error):
            raise AssertionError(f"the message is: {error}") from error
        return
    raise AssertionError(f"no {kind.__name__}")


# --- behaviour: a check that must hold ---------------------------------------------------------


def check_behaviour(case, torch):
    env = {"torch": torch, "math": math, "warnings": warnings, "raises": _raises}
    env["F"] = _attribute(torch, "nn.functional")
    env["Function"] = _attribute(torch, "autograd.Function")
    env["fw"] = _attribute(torch, "autograd.forward_ad")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(case["check"], env)


# --- error: a snippet, and what it raises and warns --------------------------------------------

# What PyTorch says besides the message: where in its sources, trackers, general advice.
_GENERIC = [
    r"\s*\(Triggered internally at [^)]*\)",
    r"\s*Hint: enable anomaly detection to find the operation .*?check_nan=False\)\.?",
    r"\s*Hint: the backtrace further above shows .*?Good luck!",
    r"\s*If you were attempting to deepcopy a module,.*",
    r"\s*If you are using DistributedDataParallel \(DDP\) for training,.*",
    r"\s*\(Example: https?://[^)]*\)",
    r"\s*\(?(For more details, )?(please )?(see|refer to) (also )?(https?://|github\.com)\S*"
    r"( for more (details|information))?\.?\)?",
    r"(,? please|\nPlease) file an issue .*",
    r"\n\nTip: .*",
    r"(?<=object at 0x)([0-9a-f]+|\.\.\.)",
]
_GENERIC = [re.compile(pattern, re.DOTALL | re.IGNORECASE) for pattern in _GENERIC]

# Where a type lives is no part of a message.
_TYPE_HOME = re.compile(r"\b(torch\._C|rushlight)\.(?=(Tensor|Generator)\b)")

# Messages that go on with a listing or with numbers of their own: only the first line is compared.
_FIRST_LINE_ONLY = (
    "expected one of:",
    "incompatible function arguments",
    "Jacobian mismatch",
    "Traceback of forward call",
)


def essence(message):
    """A message without its generic parts."""
    message = _TYPE_HOME.sub("", message.replace("torch._C.TensorBase", "Tensor"))
    for pattern in _GENERIC:
        message = pattern.sub("", message)
    if any(words in message for words in _FIRST_LINE_ONLY):
        message = message.split("\n", 1)[0]
    return message.strip()


def observe_error(case, torch):
    """Run the snippet; return type, mro, message and warnings as the file records them."""
    seen = {"type": None, "message": None}
    env = {"torch": torch, "F": _attribute(torch, "nn.functional")}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(case["snippet"], env)
        except TimeoutError:
            raise
        except Exception as error:
            cls = type(error)
            seen["type"] = cls.__name__
            seen["mro"] = [c.__name__ for c in cls.__mro__ if c is not object]
            seen["message"] = str(error)
    if caught:
        seen["warnings"] = [
            {"category": w.category.__name__, "message": str(w.message)} for w in caught
        ]
    return seen


def compare_error(case, seen):
    """Same exception type (and its bases), same message up to what either adds at the end."""
    said = f"{seen['type']}: {seen['message']}"
    if case["type"] is None:
        if seen["type"] is not None:
            raise Mismatch(f"expected no exception, got {said}")
    else:
        if seen["type"] != case["type"]:
            raise Mismatch(f"expected {case['type']}: {case['message']}\ngot      {said}")
        missing = [name for name in case.get("mro", []) if name not in seen["mro"]]
        if missing:
            raise Mismatch(f"{case['type']} is not a {', '.join(missing)}: {seen['mro']}")
        expected = essence(case["message"])
        if not essence(seen["message"]).startswith(expected):
            raise Mismatch(f"expected message {expected!r}\ngot              {seen['message']!r}")
    for warning in case.get("warnings", []):
        if "torch.jit" in warning["message"]:
            continue  # PyTorch on one of its own parts, which rushlight does not have
        text = essence(warning["message"])
        given = seen.get("warnings", [])
        if not any(
            w["category"] == warning["category"] and essence(w["message"]).startswith(text)
            for w in given
        ):
            raise Mismatch(f"expected {warning['category']}: {text}\ngot      {given}")


# --- gradfn: an expression, its node, what the node saved and where it leads --------------------

_LEAF = "torch.ones({}, requires_grad=True)"
_GRADFN_ENV = {
    "a": "torch.tensor([[0.5, -1.2, 0.3], [1.1, -0.4, 0.8]], requires_grad=True)",
    "b": "torch.tensor([[0.7, 0.2, -0.9], [-1.5, 0.6, 0.4]], requires_grad=True)",
    "p": "torch.tensor([[0.5, 1.2, 0.3], [1.1, 0.4, 0.8]], requires_grad=True)",
    "u": "torch.tensor([[0.5, -0.2, 0.3], [0.1, -0.4, 0.8]], requires_grad=True)",
    "d": "torch.ones(2, 3, dtype=torch.float64, requires_grad=True)",
    "z": "torch.tensor([[1+2j, .5j, 1.], [2., -1j, 1-1j]], requires_grad=True)",
    "c": "torch.tensor([[True, False, True], [True, True, False]])",
    "i": "torch.tensor([0, 1])",
    "g": "torch.tensor([[0, 1, 2], [2, 1, 0]])",
    "tgt": "torch.tensor([0, 2])",
    "m4": _LEAF.format("2, 4"),
    "s2": "torch.tensor([[2., .5], [.3, 3.]], requires_grad=True)",
    "s3": "torch.tensor([[2., .5, .1], [.3, 3., .2], [.4, .6, 4.]], requires_grad=True)",
    "s3b": _LEAF.format("3, 3"),
    "t3": _LEAF.format("2, 4, 3"),
    "v2": _LEAF.format("2"),
    "v3": "torch.tensor([.5, -1., 2.], requires_grad=True)",
    "v3b": "torch.tensor([1.5, 1., -2.], requires_grad=True)",
    "v4": _LEAF.format("4"),
    "w": _LEAF.format("4, 3"),
    "w1": "torch.tensor([.25], requires_grad=True)",
    "w3": _LEAF.format("5, 3, 3"),
    "w3v": _LEAF.format("3"),
    "im": _LEAF.format("1, 2, 6, 6"),
    "im3": _LEAF.format("1, 2, 4, 4, 4"),
    "im4": _LEAF.format("1, 4, 3, 3"),
    "s1d": _LEAF.format("1, 2, 8"),
    "k1": _LEAF.format("3, 2, 3"),
    "k2": _LEAF.format("3, 2, 3, 3"),
    "k2t": _LEAF.format("2, 3, 3, 3"),
    "k3": _LEAF.format("3, 2, 2, 2, 2"),
    "bk": _LEAF.format("3"),
    "gr": "torch.zeros(1, 3, 3, 2, requires_grad=True)",
}
_TREE_DEPTH = 4


def _dtype_name(t):
    return str(t.dtype).replace("torch.", "")


def _saved_value(value):
    if hasattr(value, "grad_fn"):
        return f"Tensor{list(value.shape)} {_dtype_name(value)}"
    if isinstance(value, list | tuple):
        return [_saved_value(v) for v in value]
    return value


def _tree(node, depth=0):
    if depth >= _TREE_DEPTH:
        return node.name() + "..."
    children = node.next_functions
    if not children:
        return node.name()
    return {node.name(): [[f and _tree(f, depth + 1), number] for f, number in children]}


def observe_gradfn(case, torch):
    """Evaluate the expression (after the statements before it); describe outputs and node."""
    *statements, expression = case["expr"].split("; ")
    env = {"torch": torch, "F": _attribute(torch, "nn.functional")}
    for name in set(re.findall(r"\b[a-z]\w*\b", case["expr"])) & set(_GRADFN_ENV):
        env[name] = eval(_GRADFN_ENV[name], env)
    exec("\n".join(statements), env)
    result = eval(expression, env)
    outputs = list(result) if isinstance(result, list | tuple) else [result]
    node = outputs[0].grad_fn
    seen = {
        "expr": case["expr"],
        "outputs": [
            {
                "shape": list(t.shape),
                "dtype": _dtype_name(t),
                "requires_grad": t.requires_grad,
                "is_view": t._is_view(),
                "grad_fn": t.grad_fn and t.grad_fn.name(),
                "output_nr": t.output_nr,
            }
            for t in outputs
        ],
    }
    if node is not None:
        seen["name"] = node.name()
        seen["pyclass"] = type(node).__name__
        seen["next_functions"] = [[f and f.name(), n] for f, n in node.next_functions]
        seen["tree"] = _tree(node)
        seen["saved"] = {
            name: _saved_value(getattr(node, name))
            for name in sorted(dir(node))
            if name.startswith("_saved_")
        }
        metadata = getattr(node, "_input_metadata", None)
        if metadata is not None:
            seen["n_inputs_metadata"] = len(metadata)
    if "a = a.clone()" in case["expr"]:
        changed = env["a"].grad_fn
        seen["after_inplace_a_grad_fn"] = changed and _tree(changed)
    return seen


def compare_gradfn(case, seen):
    for key, expected in case.items():
        # What a node knows about its inputs' shapes is an extra that it may not tell.
        if key == "n_inputs_metadata" and key not in seen:
            continue
        if seen.get(key) != expected:
            raise Mismatch(f"{key}: expected {expected}\ngot {seen.get(key)}")


# --- repr: an expression, its repr and its str --------------------------------------------------


def observe_repr(case, torch):
    if "set_printoptions" in case:
        torch.set_printoptions(**case["set_printoptions"])
    value = eval(case["expr"], {"torch": torch})
    return {**case, "repr": repr(value), "str": str(value)}


def compare_repr(case, seen):
    for key in ("repr", "str"):
        if essence(seen[key]) != essence(case[key]):
            raise Mismatch(f"{key}: expected\n{case[key]}\ngot\n{seen[key]}")


# --- convention: the gradient at a point where it is a matter of agreement ----------------------


def _number(value):
    if isinstance(value, str):
        return complex(value) if "j" in value else float(value)
    return value


def _written(value):
    if isinstance(value, complex):
        return str(value)
    return value if math.isfinite(value) else str(value)


def observe_convention(case, torch):
    """The gradient of ``expr.sum()`` (``.abs().sum()`` where complex) at x."""
    x = torch.tensor([_number(v) for v in case["x"]], requires_grad=True)
    env = {"torch": torch, "F": _attribute(torch, "nn.functional"), "T": torch.tensor, "x": x}
    try:
        out = eval(case["expr"], env)
        out = out[0] if isinstance(out, tuple) else out
        # By name: a module without complex numbers has no dtype that could answer.
        out = out.abs() if "complex" in str(out.dtype) else out
        out.sum().backward()
    except (RuntimeError, NotImplementedError) as error:
        grad = f"{type(error).__name__}: {error}"
    else:
        grad = x.grad if x.grad is None else [_written(v) for v in x.grad.tolist()]
    return {"expr": case["expr"], "x": case["x"], "grad": grad}


def _close(got, want):
    got, want = complex(_number(got)), complex(_number(want))
    pairs = ((got.real, want.real), (got.imag, want.imag))
    return all(
        g == w or (g != g and w != w) or math.isclose(g, w, rel_tol=1e-6, abs_tol=1e-7)
        for g, w in pairs
    )


def compare_convention(case, seen):
    expected, got = case["grad"], seen["grad"]
    if isinstance(expected, list) and isinstance(got, list):
        same = len(got) == len(expected) and all(map(_close, got, expected))
    elif isinstance(expected, str) and isinstance(got, str):
        same = got.startswith(essence(expected))
    else:
        same = expected is None and got is None
    if not same:
        raise Mismatch(f"expected {expected}\ngot      {got}")


# --- one door -----------------------------------------------------------------------------------

OBSERVE = {
    "error": observe_error,
    "gradfn": observe_gradfn,
    "repr": observe_repr,
    "convention": observe_convention,
}
COMPARE = {
    "error": compare_error,
    "gradfn": compare_gradfn,
    "repr": compare_repr,
    "convention": compare_convention,
}


def observe(kind, case, torch):
    """Run a case, other than a behaviour, and return it as it would be recorded."""
    with _surroundings(torch), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return OBSERVE[kind](case, torch)


def check(kind, case, torch):
    """Run a case and compare. Raises whatever shows that rushlight does not do as PyTorch does."""
    if kind == "behaviour":
        with _surroundings(torch):
            check_behaviour(case, torch)
    else:
        COMPARE[kind](case, observe(kind, case, torch))
