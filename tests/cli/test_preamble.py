"""The lines that PyTorch programs open with: cuda, backends, version, switches, seeds."""

import warnings

import pytest
from support import rushlight_only, torch

NEEDS_GPU = [
    lambda: torch.cuda.synchronize(),
    lambda: torch.cuda.current_device(),
    lambda: torch.cuda.get_device_name(),
    lambda: torch.cuda.get_device_name(0),
    lambda: torch.cuda.get_device_properties(0),
    lambda: torch.cuda.get_device_capability(),
    lambda: torch.cuda.current_stream(),
    lambda: torch.cuda.mem_get_info(),
    lambda: torch.cuda.initial_seed(),
    lambda: torch.cuda.init(),
]


@pytest.fixture(autouse=True)
def settings_as_they_were():
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.enabled = True
    torch.backends.cudnn.benchmark = False


def test_cuda_is_absent():
    assert torch.cuda.is_available() is False
    assert torch.cuda.device_count() == 0
    assert torch.cuda.is_initialized() is False
    assert torch.cuda.is_bf16_supported() is False


def test_cuda_preparation_is_legal_and_returns_nothing():
    cuda = torch.cuda
    assert cuda.manual_seed(1) is None and cuda.manual_seed_all(1) is None
    assert cuda.seed() is None and cuda.seed_all() is None
    assert cuda.empty_cache() is None and cuda.set_device(-1) is None
    assert cuda.memory_allocated() == cuda.max_memory_allocated() == cuda.memory_reserved() == 0
    assert cuda.get_rng_state_all() == [] and cuda.memory_stats() == {}


def test_cuda_seed_that_is_no_number_raises():
    with pytest.raises(ValueError, match="invalid literal for int"):
        torch.cuda.manual_seed_all("a")


@pytest.mark.parametrize("call", NEEDS_GPU)
def test_what_needs_a_gpu_raises_in_pytorchs_words(call):
    with pytest.raises(AssertionError) as raised:
        call()
    assert str(raised.value).splitlines()[0] == "Torch not compiled with CUDA enabled"


@rushlight_only
def test_set_device_says_what_to_do_instead():
    with pytest.raises(AssertionError, match="device='cpu'.*torch.cuda.is_available") as raised:
        torch.cuda.set_device(0)
    assert str(raised.value).splitlines()[0] == "Torch not compiled with CUDA enabled"


def test_cuda_device_block_raises_on_entry():
    selected = torch.cuda.device(0)
    with pytest.raises(RuntimeError, match="PyTorch was compiled without CUDA support"):
        selected.__enter__()
    with torch.cuda.device(-1):
        pass


def test_cudnn_switches_are_settable():
    cudnn = torch.backends.cudnn
    assert cudnn.enabled is True and cudnn.benchmark is False and cudnn.deterministic is False
    cudnn.benchmark = True
    assert cudnn.benchmark is True
    assert cudnn.is_available() is False and cudnn.version() is None
    with cudnn.flags(enabled=False):
        assert cudnn.enabled is False and cudnn.benchmark is False
    assert cudnn.enabled is True and cudnn.benchmark is True


@pytest.mark.parametrize("name", ["enabled", "benchmark", "deterministic"])
def test_cudnn_switch_refuses_what_is_not_a_bool(name):
    with pytest.raises(RuntimeError, match=f"set_{name}_cudnn expects a bool, but got str"):
        setattr(torch.backends.cudnn, name, "x")


def test_other_backends_answer():
    backends = torch.backends
    assert backends.mps.is_available() is False and backends.mps.is_built() is False
    assert backends.cuda.is_built() is False
    assert isinstance(backends.mkl.is_available(), bool)
    assert isinstance(backends.openmp.is_available(), bool)
    assert backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2", "AVX512")


def test_matmul_switches_refuse_other_names_and_types():
    matmul = torch.backends.cuda.matmul
    assert matmul.allow_tf32 is False
    matmul.allow_tf32 = True
    assert matmul.allow_tf32 is True
    matmul.allow_tf32 = False
    with pytest.raises(RuntimeError, match="set_allow_tf32_cublas expects a bool, but got int"):
        matmul.allow_tf32 = 1
    with pytest.raises(AttributeError, match="Unknown attribute no_such"):
        matmul.no_such = 1
    with pytest.raises(AttributeError, match="Unknown attribute no_such"):
        matmul.no_such  # noqa: B018


def test_version_is_parsed_as_programs_do():
    major, minor = (int(part) for part in torch.__version__.split(".")[:2])
    assert (major, minor) >= (0, 1)
    assert torch.version.__version__ == torch.__version__
    assert torch.version.cuda is None and torch.version.hip is None
    assert torch.version.debug is False and isinstance(torch.version.git_version, str)


def test_deterministic_algorithms_are_remembered():
    assert torch.are_deterministic_algorithms_enabled() is False
    assert torch.use_deterministic_algorithms(True, warn_only=True) is None
    assert torch.are_deterministic_algorithms_enabled() is True
    assert torch.is_deterministic_algorithms_warn_only_enabled() is True
    assert torch.get_deterministic_debug_mode() == 1
    torch.set_deterministic_debug_mode("error")
    assert torch.is_deterministic_algorithms_warn_only_enabled() is False
    assert torch.get_deterministic_debug_mode() == 2


def test_deterministic_mode_of_another_type_raises():
    with pytest.raises(TypeError, match=r"argument 'mode' \(position 1\) must be bool, not int"):
        torch.use_deterministic_algorithms(3)
    with pytest.raises(RuntimeError, match="expected 0, 1, or 2, but got 5"):
        torch.set_deterministic_debug_mode(5)
    with pytest.raises(RuntimeError, match="invalid value of debug_mode, .* but got foo"):
        torch.set_deterministic_debug_mode("foo")
    with pytest.raises(TypeError, match="debug_mode must be str or int"):
        torch.set_deterministic_debug_mode(None)


def test_matmul_precision_is_remembered():
    assert torch.get_float32_matmul_precision() == "highest"
    torch.set_float32_matmul_precision("high")
    assert torch.get_float32_matmul_precision() == "high"
    with pytest.raises(RuntimeError, match="expects a str, but got int"):
        torch.set_float32_matmul_precision(3)


def test_matmul_precision_unknown_warns_and_keeps():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.set_float32_matmul_precision("exact")
    assert str(caught[0].message).startswith("exact is not one of 'highest', 'high', or 'medium'")
    assert torch.get_float32_matmul_precision() == "highest"


@rushlight_only
def test_compile_returns_its_argument():
    def f(x):
        return x

    assert torch.compile(f) is f and torch.compile(f, mode="max-autotune") is f
    assert torch.compile()(f) is f and torch.compile(fullgraph=True, dynamic=False)(f) is f


def test_compile_of_what_cannot_be_called_raises():
    with pytest.raises(AssertionError, match="A callable function is expected, but <class 'int'>"):
        torch.compile(3)
    with pytest.raises(RuntimeError, match="Either mode or options"):
        torch.compile(len, mode="default", options={"a": 1})


def test_seeds_are_one_state():
    torch.manual_seed(7)
    assert torch.initial_seed() == torch.random.initial_seed() == 7
    torch.random.manual_seed(8)
    assert torch.initial_seed() == 8
    assert torch.seed() == torch.initial_seed()


def test_fork_rng_restores_the_state():
    torch.manual_seed(1)
    first = torch.rand(1).item()
    torch.manual_seed(1)
    with torch.random.fork_rng():
        torch.rand(5)
    assert torch.rand(1).item() == first
    torch.manual_seed(1)
    with pytest.raises(KeyError), torch.random.fork_rng(devices=[]):
        torch.rand(5)
        raise KeyError
    assert torch.rand(1).item() == first
    torch.manual_seed(1)
    with torch.random.fork_rng(enabled=False):
        assert torch.rand(1).item() == first
    assert torch.rand(1).item() != first
