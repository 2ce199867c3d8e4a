"""What a custom autograd.Function costs: apply() with its node, and a step forward and back."""

import _harness

SETUP = """
class Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return grad * 2

a = torch.randn(1, requires_grad=True)
grad = torch.ones(1)
"""

# (statement, what it shows, budget in seconds)
STATEMENTS = (
    ("Same.apply(a)", "empty", 500e-9),
    ("Double.apply(a)", "saves its input, one operation", 700e-9),
    ("Double.apply(a).backward(grad)", "forward and back", 1500e-9),
)


def rows(modules):
    overhead = _harness.empty_loop_seconds()
    for statement, case, budget in STATEMENTS:
        run = _harness.statement_loop(statement, SETUP)
        yield _harness.compare(
            f"{statement}, {case}", run, modules, overhead=overhead, budget=budget
        )
