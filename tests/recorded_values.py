"""One-line programs and what PyTorch answers: a text of dtype, shape and values, or the complaint.

Used by tests/data/record_values.py, which asks PyTorch, and by the test, which asks rushlight.
"""

import math
import warnings

SEED = 7


def evaluate(line, torch):
    """What a line gives with the module in the name ``torch``; statements before it end in ``;;``.

    N(2, 3) and I(2, 3) make tensors of floats and of integers.
    """
    count = [0]

    def floats(*shape, d=torch.float32):
        count[0] += 1
        values = [math.sin(i * 1.7 + count[0]) * 2 for i in range(math.prod(shape))]
        return torch.tensor(values, dtype=d).reshape(shape)

    def integers(*shape, d=torch.int64):
        count[0] += 1
        least = 0 if d == torch.uint8 else 4
        values = [(i * 7 + count[0] * 3) % 11 - least for i in range(math.prod(shape))]
        return torch.tensor(values, dtype=torch.int64).to(d).reshape(shape)

    names = {"torch": torch, "N": floats, "I": integers, "inf": math.inf, "nan": math.nan}
    torch.manual_seed(SEED)
    *statements, last = [part.strip() for part in line.split(";;")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for statement in statements:
                exec(statement, names)
            return shown(eval(last, names), torch)
        except Exception as error:
            # PyTorch's methods are those of a type below Tensor.
            line = str(error).splitlines()[0].replace("TensorBase.", "Tensor.")
            return f"{type(error).__name__}: {line}"


def shown(value, torch):
    if isinstance(value, torch.Tensor):
        text = f"{str(value.dtype)[6:]}{list(value.shape)} {list(value.stride())} "
        return text + repr(value.tolist()) + (" requires_grad" if value.requires_grad else "")
    if isinstance(value, (tuple, list)):
        return f"({', '.join(shown(item, torch) for item in value)})"
    return repr(value)
