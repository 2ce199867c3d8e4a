"""Optimizer: groups, what it refuses and in which words, zero_grad, saving, hooks."""

import importlib

import pytest
from support import MODULE, recorded_warnings, torch

optim = torch.optim
optimizer_module = importlib.import_module(f"{MODULE}.optim.optimizer")
SGD = torch.optim.SGD


def param(n=2, dtype=torch.float32):
    return torch.nn.Parameter(torch.ones(n, dtype=dtype))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (list, ValueError, "optimizer got an empty parameter list"),
        (lambda: iter(()), ValueError, "optimizer got an empty parameter list"),
        (
            lambda: torch.ones(2),
            TypeError,
            "params argument given to the optimizer should be an iterable of Tensors or dicts, but "
            "got torch.FloatTensor",
        ),
        (lambda: [param() * 2], ValueError, "can't optimize a non-leaf Tensor"),
        (
            lambda: [1],
            TypeError,
            "optimizer can only optimize Tensors, but one of the params is int",
        ),
        (
            lambda: [{"params": {param()}}],
            TypeError,
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            "tensors in sets will change between runs. Please use a list instead.",
        ),
        (lambda: 3, TypeError, "'int' object is not iterable"),
        (lambda: [{"lr": 3}], KeyError, "'params'"),
    ],
)
def test_parameters_that_make_no_sense_raise(params, error, message):
    with pytest.raises(error) as caught:
        SGD(params())
    assert str(caught.value).startswith(message)


def test_result_that_retains_its_grad_may_be_optimized():
    p = param() * 2
    p.retain_grad()
    assert SGD([p]).param_groups[0]["params"] == [p]


def test_group_that_is_no_dict_raises():
    with pytest.raises(TypeError, match="param_group must be a dict, but got <class 'list'>"):
        SGD([param()]).add_param_group([param()])


def test_added_group_takes_the_defaults():
    p = param()
    optimizer = SGD([param()], lr=0.5)
    optimizer.add_param_group({"params": p, "momentum": 0.9})
    group = optimizer.param_groups[1]
    assert group["params"] == [p] and group["lr"] == 0.5 and group["momentum"] == 0.9
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer.add_param_group({"params": [param(), p]})
    assert len(optimizer.param_groups) == 2


def test_duplicate_parameter_warns():
    p = param()
    with recorded_warnings() as caught:
        optimizer = SGD([p, p])
    assert str(caught[0].message).startswith(
        "optimizer contains a parameter group with duplicate parameters; in future, this will cau"
    )
    assert optimizer.state_dict()["param_groups"][0]["params"] == [1, 1]


def test_named_parameters_keep_their_names():
    p = param()
    optimizer = SGD([("w", p)])
    assert optimizer.param_groups[0]["param_names"] == ["w"]
    assert optimizer.param_groups[0]["params"] == [p]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["w"]
    with pytest.raises(ValueError, match="should be with/without names. Some param names are miss"):
        SGD([("w", param()), param()])
    with pytest.raises(ValueError, match="cannot add param group without names to the optimizer"):
        optimizer.add_param_group({"params": [param()]})


def test_required_option_must_be_given():
    class Needs(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"rate": optimizer_module.required})

    with pytest.raises(ValueError, match="a value of required optimization parameter rate"):
        Needs([param()])
    assert Needs([{"params": [param()], "rate": 3}]).param_groups[0]["rate"] == 3
    assert repr(optimizer_module.required) == "<required parameter>"


def test_step_of_the_base_class_raises():
    class Empty(optim.Optimizer):
        pass

    with pytest.raises(NotImplementedError):
        Empty([param()], {}).step()


def test_zero_grad_forgets_or_clears():
    p, q = param(), param()
    optimizer = SGD([p, q])
    p.grad = torch.ones(2)
    grad = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is grad and grad.tolist() == [0, 0] and q.grad is None
    optimizer.zero_grad()
    assert p.grad is None
    p.grad = p * 2
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.grad_fn is None and p.grad.tolist() == [0, 0]


# --- saving -------------------------------------------------------------------------------------


def test_state_dict_numbers_parameters_across_groups():
    p, q, r = param(), param(), param()
    optimizer = SGD([{"params": [p, q]}, {"params": [r], "lr": 1}], lr=0.1, momentum=0.9)
    q.grad = torch.ones(2)
    optimizer.step()
    saved = optimizer.state_dict()
    assert [g["params"] for g in saved["param_groups"]] == [[0, 1], [2]]
    assert saved["param_groups"][1]["lr"] == 1 and list(saved["state"]) == [1]
    assert saved["state"][1]["momentum_buffer"] is optimizer.state[q]["momentum_buffer"]


def test_load_casts_state_to_the_parameters_dtype():
    p, q = param(), param(dtype=torch.float64)
    optimizer = SGD([p], lr=0.1, momentum=0.9)
    p.grad = torch.ones(2)
    optimizer.step()
    other = SGD([q], lr=3)
    other.load_state_dict(optimizer.state_dict())
    assert other.state[q]["momentum_buffer"].dtype == torch.float64
    assert other.param_groups[0]["lr"] == 0.1 and other.param_groups[0]["params"] == [q]


def test_load_leaves_the_given_dict_alone():
    optimizer = SGD([param()], lr=0.1)
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    optimizer.param_groups[0]["lr"] = 9
    assert saved["param_groups"][0]["lr"] == 0.1 and saved["param_groups"][0]["params"] == [0]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            lambda: [{"params": [param()]}, {"params": [param()]}],
            "loaded state dict has a different number of parameter groups",
        ),
        (
            lambda: [param(), param()],
            "loaded state dict contains a parameter group that doesn't match the size of "
            "optimizer's group",
        ),
    ],
)
def test_load_of_another_layout_raises(groups, message):
    with pytest.raises(ValueError) as caught:
        SGD([param()]).load_state_dict(SGD(groups()).state_dict())
    assert str(caught.value).startswith(message)


# --- hooks --------------------------------------------------------------------------------------


def test_step_hooks_run_around_the_step_global_ones_outside():
    p, seen = param(), []
    optimizer = SGD([p], lr=1.0)
    p.grad = torch.ones(2)
    optimizer.register_step_pre_hook(lambda o, a, k: seen.append(("pre", o is optimizer, len(a))))
    optimizer.register_step_post_hook(lambda o, a, k: seen.append(("post", p[0].item())))
    handles = [
        optimizer_module.register_optimizer_step_pre_hook(lambda o, a, k: seen.append("first")),
        optimizer_module.register_optimizer_step_post_hook(lambda o, a, k: seen.append("last")),
    ]
    try:
        optimizer.step()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["first", ("pre", True, 1), ("post", 0.0), "last"]
    optimizer.step()
    assert len(seen) == 6


def test_step_pre_hook_may_change_the_arguments():
    optimizer = SGD([param()])
    optimizer.register_step_pre_hook(lambda o, a, k: ((o, lambda: 42), {}))
    assert optimizer.step() == 42
    optimizer.register_step_pre_hook(lambda o, a, k: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple of .new_args"):
        optimizer.step()


def test_hooks_work_on_a_class_of_ones_own():
    class Down(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def step(self, closure=None):
            with torch.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p -= 1
            return "done"

    p, seen = param(), []
    optimizer = Down([p])
    optimizer.register_step_post_hook(lambda o, a, k: seen.append(1))
    assert optimizer.step() == "done" and seen == [1] and p.tolist() == [0, 0]


def test_state_dict_hooks_may_change_what_is_saved_and_loaded():
    optimizer, seen = SGD([param()], lr=0.1), []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("pre"))
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "added": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, s: seen.append(s.pop("added")))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.register_load_state_dict_pre_hook(lambda o, s: seen.append(0), prepend=True)
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    assert saved["added"] == 1 and seen == ["pre", 0, 1, "loaded"]
