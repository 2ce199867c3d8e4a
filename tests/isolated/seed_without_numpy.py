"""The seed's training loop where NumPy cannot be imported; prints the two parameters."""

import json
import pathlib
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "numpy":
            raise ImportError(f"{name} is blocked here")


sys.meta_path.insert(0, Blocked())

from _module import torch  # noqa: E402

data = json.loads((pathlib.Path(__file__).parent.parent / "data/seed_points.json").read_text())
x_train = torch.tensor(data["x"]).view(80, 1)
y_train = torch.tensor(data["y"]).view(80, 1)

torch.manual_seed(42)
b = torch.randn(1, requires_grad=True, dtype=torch.float)
w = torch.randn(1, requires_grad=True, dtype=torch.float)
for _ in range(1000):
    loss = ((y_train - (b + w * x_train)) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        b -= 0.1 * b.grad
        w -= 0.1 * w.grad
    b.grad.zero_(), w.grad.zero_()

repr(b), str(loss), torch.rand(3).tolist(), (x_train.t() @ y_train).item()
loaded = sorted(name for name in sys.modules if name.split(".")[0] == "numpy")
assert not loaded, loaded
print(f"{b.item():.4f} {w.item():.4f}")
