"""Rules of modules and optimizers."""

import importlib

from support import MODULE, torch

from error_rules import Case, rule

nn, optim = (importlib.import_module(f"{MODULE}.{name}") for name in ("nn", "optim"))

KINDS = {"int": 1, "str": "text", "list": [], "dict": {}, "float": 2.5}


def names(draw):
    return sorted({draw.word() for _ in range(draw.size(2, 4))})


def registered(parameters=(), modules=()):
    module = nn.Module()
    for name in parameters:
        module.register_parameter(name, nn.Parameter(torch.ones(1)))
    for name in modules:
        module.add_module(name, nn.Module())
    return module


@rule("torch.nn.Linear(3,2)(torch.ones(2,4))")
def linear_of_another_size(draw):
    inputs, got = draw.two_sizes()
    outputs, rows = draw.size(), draw.size()
    return Case(
        lambda: nn.Linear(inputs, outputs)(torch.ones(rows, got)),
        RuntimeError,
        f"mat1 and mat2 shapes cannot be multiplied ({rows}x{got} and {inputs}x{outputs})",
    )


@rule("m=torch.nn.Linear(2,2)\nm.weight=1")
def assignment_to_a_parameter(draw):
    name = draw.word()
    kind = draw.choice(list(KINDS))
    return Case(
        lambda: setattr(registered([name]), name, KINDS[kind]),
        TypeError,
        f"cannot assign '{kind}' as parameter '{name}' (torch.nn.Parameter or None expected)",
    )


@rule("m=torch.nn.Linear(2,2)\nm.load_state_dict({})")
def keys_missing_and_left_over(draw):
    wanted = names(draw)
    given = [n for n in wanted if draw.random() < 0.5]
    missing = [n for n in wanted if n not in given] or [given.pop()]
    extra = draw.choice([[], ["zzzzzz"]])
    text = "Error(s) in loading state_dict for Module:"
    text += "\n\tMissing key(s) in state_dict: {}. ".format(", ".join(f'"{n}"' for n in missing))
    if extra:
        text += '\n\tUnexpected key(s) in state_dict: "zzzzzz". '
    state = {n: torch.ones(1) for n in [*given, *extra]}
    return Case(lambda: registered(wanted).load_state_dict(state), RuntimeError, text.rstrip())


@rule("m=torch.nn.Linear(2,2)\nm.load_state_dict({'weight':torch.ones(3,3),'bias':torch.ones(2)})")
def size_mismatch(draw):
    inputs, outputs = draw.two_sizes()
    return Case(
        lambda: nn.Linear(inputs, outputs, bias=False).load_state_dict(
            {"weight": torch.ones(inputs, outputs)}
        ),
        RuntimeError,
        "Error(s) in loading state_dict for Linear:\n\tsize mismatch for weight: copying a param "
        f"with shape torch.Size([{inputs}, {outputs}]) from checkpoint, the shape in current model "
        f"is torch.Size([{outputs}, {inputs}]).",
    )


@rule("torch.nn.Linear(2,2).foo")
def attribute_that_is_not_there(draw):
    name = draw.word()
    cls = type(draw.word().title(), (nn.Module,), {})
    return Case(
        lambda: getattr(cls(), name),
        AttributeError,
        f"'{cls.__name__}' object has no attribute '{name}'",
    )


@rule(
    "class M(torch.nn.Module):\n    def __init__(self):\n        self.l=torch.nn.Linear(2,2)\nM()"
)
def module_before_init(draw):
    name = draw.word()
    cls = type("Early", (nn.Module,), {"__init__": lambda self: setattr(self, name, nn.Module())})
    return Case(cls, AttributeError, "cannot assign module before Module.__init__() call")


@rule("torch.optim.SGD([torch.ones(2,requires_grad=True)],lr=-1)")
def negative_option_of_sgd(draw):
    texts = {"lr": "learning rate", "momentum": "momentum value"}
    texts["weight_decay"] = "weight_decay value"
    name, text = draw.choice(list(texts.items()))
    value = draw.choice([-draw.size(), -draw.size() / 8])
    return Case(
        lambda: optim.SGD([nn.Parameter(torch.ones(1))], **{name: value}),
        ValueError,
        f"Invalid {text}: {value}",
    )


@rule("torch.optim.SGD([torch.ones(2,requires_grad=True)*2],lr=1)")
def optimizer_of_a_result(draw):
    leaf = torch.ones(draw.shape(), requires_grad=True)
    result = draw.choice([lambda: leaf * 2, lambda: leaf.exp(), lambda: leaf.sum()])
    return Case(
        lambda: optim.SGD([leaf, result()]),
        ValueError,
        "can't optimize a non-leaf Tensor",
    )


@rule("torch.optim.SGD(torch.ones(2,requires_grad=True),lr=1)")
def optimizer_of_a_tensor(draw):
    dtype, text = draw.choice([("float32", "torch.FloatTensor"), ("float64", "torch.DoubleTensor")])
    return Case(
        lambda: optim.SGD(torch.ones(draw.shape(), dtype=getattr(torch, dtype))),
        TypeError,
        "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
        + text,
    )
