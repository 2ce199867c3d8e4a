"""Record random numbers of PyTorch in rng_golden.h: ``python record_rng.py`` with torch installed.

Each case seeds, draws twice, and keeps a hash of both draws' bytes, the bits of the first draw's
first and last values, and the generator's next word. Needs an x86-64 processor with AVX2: without
it torch itself gives other last bits.
"""
import pathlib

import torch

SEEDS = [0, 42, 2**32 + 5, 2**64 - 1]
SIZES = [1, 2, 15, 16, 17, 100, 1003]
FLOATS = {"float32": torch.float32, "float64": torch.float64}


def drawn_by(kind, n, dtype):
    """The draw that tests/cpp/test_random.cpp repeats under this name."""
    empty = torch.empty(n, dtype=dtype)
    return {
        "uniform": lambda: empty.uniform_(),
        "uniform_range": lambda: empty.uniform_(-3.7, 2.9),
        "normal": lambda: empty.normal_(),
        "normal_2.5_0.3": lambda: empty.normal_(2.5, 0.3),
        "normal_strided": lambda: torch.empty(2 * n + 2, dtype=dtype)[::2][:n].normal_(),
        "bernoulli_0.3": lambda: empty.bernoulli_(0.3),
        "bernoulli_each": lambda: torch.bernoulli(torch.arange(n, dtype=dtype) / n),
        "exponential_1.5": lambda: empty.exponential_(1.5),
        "random_all": lambda: empty.random_(),
        "multinomial": lambda: torch.multinomial(torch.arange(1, n + 1, dtype=dtype), n),
        "multinomial_replacement": lambda: torch.multinomial(
            torch.arange(1, n + 1, dtype=dtype), n, True),
        "randint_10": lambda: empty.random_(-5, 5),
        "randint_wide_below": lambda: empty.random_(0, 2**28 - 1),
        "randint_wide": lambda: empty.random_(0, 2**28),
        "randint_64": lambda: empty.random_(-(2**40), 2**41),
        "randint_full": lambda: empty.random_(-(2**63), None),
        "randperm": lambda: torch.randperm(n),
    }[kind]


def cases():
    for name, dtype in FLOATS.items():
        for kind in ("uniform", "uniform_range", "normal", "normal_2.5_0.3", "normal_strided",
                     "bernoulli_0.3", "bernoulli_each", "exponential_1.5", "random_all",
                     "multinomial", "multinomial_replacement"):
            yield kind, name, dtype
    yield "normal", "float16", torch.float16
    for name, dtype in (("int32", torch.int32), ("int64", torch.int64)):
        yield "random_all", name, dtype
    for kind in ("randint_10", "randint_wide_below", "randint_wide", "randint_64", "randint_full",
                 "randperm"):
        yield kind, "int64", torch.int64


def seed(value):
    torch.manual_seed(value if value < 2**63 else value - 2**64)


def data(tensor):
    return tensor.contiguous().numpy().tobytes()


def hash_of(*chunks):
    h = 0xCBF29CE484222325  # FNV-1a
    for byte in b"".join(chunks):
        h = (h ^ byte) * 0x100000001B3 & (2**64 - 1)
    return h


def value(chunk, size, index):
    return int.from_bytes(chunk[index * size:(index + 1) * size], "little")


def row(kind, name, dtype, start, n):
    seed(start)
    draw = drawn_by(kind, n, dtype)
    first = data(draw())
    second = data(draw())
    word = int(torch.empty(1, dtype=torch.int32).random_())  # the next word without its top bit
    size = len(first) // n
    return (f'{{"{kind}", "{name}", {start:#x}, {n}, {hash_of(first, second):#018x}, '
            f'{value(first, size, 0):#x}, {value(first, size, n - 1):#x}, {word:#x}}},')


def state_row(steps):
    """get_rng_state() after manual_seed(7) and `steps` of randn(1), rand(5), rand(700)."""
    torch.manual_seed(7)
    for draw in (lambda: torch.randn(1), lambda: torch.rand(5), lambda: torch.rand(700))[:steps]:
        draw()
    return f"{hash_of(data(torch.get_rng_state())):#018x},"


def main():
    assert torch.backends.cpu.get_cpu_capability() != "DEFAULT"
    torch.set_num_threads(1)
    lines = [f"// Written by tests/data/record_rng.py with torch {torch.__version__}.",
             "// {kind, dtype, seed, n, hash of two draws, first value, last value, next word}", ""]
    lines.append("const GoldenDraw kGoldenDraws[] = {")
    lines += [row(*case, start, n) for case in cases() for start in SEEDS for n in SIZES]
    lines += ["};", "", "const uint64_t kGoldenStates[] = {"]
    lines += [state_row(steps) for steps in range(4)]
    lines += ["};", ""]
    pathlib.Path(__file__).with_name("rng_golden.h").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
