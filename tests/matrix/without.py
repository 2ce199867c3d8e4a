"""What the matrix leaves out, and where rushlight differs from PyTorch on purpose, with reasons."""

# Ops of the table that other operators of the matrix call, or that take no values.
UNDER_ANOTHER_NAME = {
    "set_": "shares memory: tests/tensor/test_memory.py",
}


class Difference:
    """A difference from the record that is meant: which cases, and why."""

    def __init__(self, reason, holds):
        self.reason, self.holds = reason, holds


def is_error(line):
    return line.split(":")[0].endswith(("Error", "Exception"))


def kind_of(line):
    return line.split(":")[0] if is_error(line) else ""


def same_kind(want, got):
    return is_error(want) and kind_of(want) == kind_of(got)


def not_implemented(name, call, case, want, got):
    words = "not implemented for "
    return same_kind(want, got) and words in want and want.split(words)[1:] == got.split(words)[1:]


def refused_out(name, call, case, want, got):
    return case.form in ("out_double", "out_int") and (is_error(want) or is_error(got))


def parsed(name, call, case, want, got):
    return same_kind(want, got) and want.startswith("TypeError") and (
        case.form.startswith(("out", "keywords"))
    )


def wrong_twice(name, call, case, want, got):
    twice = case.layout == "expanded" or case.other or case.dtype in ("bool", "uint8")
    return case.form in ("inplace", "method") and twice and same_kind(want, got)


DIFFERENT = [
    Difference(
        "the quoted name is that of a PyTorch kernel; rushlight's is the operator's", not_implemented
    ),
    Difference(
        "out= of another dtype: each PyTorch kernel has its own rule; rushlight casts where "
        "can_cast allows and refuses elsewhere",
        refused_out,
    ),
    Difference("what the parser says of a call that no overload takes lists overloads", parsed),
    Difference("a write that is wrong in two ways: either is told first", wrong_twice),
]
