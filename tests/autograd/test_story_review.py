"""The ways out that errors show: code that runs, for the statement at fault."""

import ast
import re

import pytest
from stories import story_of
from support import rushlight_only

pytestmark = rushlight_only

COPY = "write into a copy: `y = y.clone()` first."


def fix_of(program):
    (fix,) = [line for line in story_of(program) if line.startswith("  fix:")]
    return fix.removeprefix("  fix: ")


@pytest.mark.parametrize(
    "statement",
    ["y.view(-1).mul_(2)", "y.detach().mul_(2)", "y.T.mul_(2)", "y.view(-1)[0] = 2"],
)
def test_a_write_into_a_view_without_a_name_is_a_write_into_a_copy(statement):
    program = f"y = torch.exp(torch.ones(2, 2) * w.sum())\n{statement}\ny.sum().backward()\n"
    assert fix_of(program) == COPY


# Every kind of statement that changes y = torch.exp(...).
STATEMENTS = [
    "y += 1",
    "y.view(-1).mul_(2)",
    "y.detach().mul_(2)",
    "y.T.mul_(2)",
    "y.mT.add_(1)",
    "y.t().zero_()",
    "y.detach().view(-1)[1:].exp_()",
    "torch.nn.init.zeros_(y)",
    "torch.nn.init.uniform_(y.detach())",
    "torch.nn.functional.relu_(y)",
    "torch.nn.functional.relu(y.view(-1), inplace=True)",
    "torch.exp_(y.detach())",
    "torch.exp(y.detach(), out=y.detach())",
    "y.detach().copy_(y + 1)",
    "y.data.add_(1); y.add_(1)",
    "(y if True else w).mul_(2)",
    "[y][0].mul_(2)",
    "[y][0][0] = 2",
    "(lambda: y.mul_(2))()",
    "[v.mul_(2) for v in [y]]",
    "z = y.view(-1).mul_(2)",
    "y.detach()[0].fill_(3)",
    "y.sigmoid_().mul_(2)",
    "y.normal_()",
    "y.requires_grad_().mul_(2)",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_code_of_every_fix_is_python(statement):
    program = f"y = torch.exp(torch.ones(2, 2) * w.sum())\n{statement}\ny.sum().backward()\n"
    fix = fix_of(program)
    codes = re.findall("`([^`]*)`", fix)
    assert codes or "clone" in fix
    for code in codes:
        ast.parse(code)
        assert "init.zeros(" not in code and "init.uniform(" not in code


def test_a_leaf_changed_in_a_lambda_leaves_its_definition_alone():
    fix = fix_of("update = lambda: w.add_(1)\nupdate()\n")
    assert "update =" not in fix
    assert fix.endswith("call the lambda that does it in a `with torch.no_grad():` block.")


def test_a_name_that_holds_another_leaf_by_now_is_told_of():
    program = (
        "v = torch.ones(3, requires_grad=True)\n"
        "s = (w * 2).sum() + (v * 3).sum()\n"
        "v = torch.zeros(3, requires_grad=True)\n"
        "torch.autograd.grad(s, [w, v])\n"
    )
    lines = story_of(program)
    assert any("`v` stood for another tensor there" in line for line in lines)
    assert lines[-1].endswith("this name stands for another one now.")
