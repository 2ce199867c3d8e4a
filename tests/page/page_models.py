"""Models for the tests of the page, written by hand, apart from what collects them elsewhere."""

import base64
import math
import random
import struct

NONE = 0xFFFFFFFF
LEAF, ROOT, GHOST = 1, 2, 512
NAN_VALUE, INF_VALUE, NAN_GRAD, INF_GRAD = 32, 64, 128, 256
_FORMATS = {"u8": "B", "u16": "H", "u32": "I", "f32": "f", "f64": "d"}

_TYPES = {
    "sites": dict(
        file="u32", line="u32", col="u32", end_line="u32", end="u32", expr="u32", name="u32"
    ),
    "scopes": dict(parent="u32", name="u32", kind="u8"),
    "nodes": dict(
        op="u32", site="u32", scope="u32", iter="u32", order="u32", name="u32", flags="u16"
    ),
    "outs": dict(node="u32", slot="u8", dims="u32", rank="u8", dtype="u32", bytes="f64"),
    "saved": dict(
        node="u32", name="u32", dims="u32", rank="u8", dtype="u32", bytes="f64", source="u32",
        version="u32",
    ),
    "attrs": dict(node="u32", name="u32", value="u32"),
    "edges": {"src": "u32", "dst": "u32", "in": "u16", "out": "u16", "kind": "u8"},
    "values": dict(
        node="u32", slot="u8", min="f64", max="f64", mean="f64", norm="f64", nan="u32", inf="u32",
        count="f64", hist="u32", data="u32",
    ),
    "rules": {"node": "u32", "in": "u16", "text": "u32", "sentence": "u32"},
    "cuts": {"node": "u32", "in": "u16", "site": "u32", "reason": "u32", "name": "u32"},
    "steps": dict(step="u32", name="u32", norm="f64"),
    "lines": dict(file="u32", line="u32", us="f64", bytes="f64", calls="u32"),
}  # fmt: skip
_TYPES["grads"] = _TYPES["values"]


def column(kind, values):
    packed = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
    return {"t": kind, "b": base64.b64encode(packed).decode()}


class Model:
    """A graph under construction; ``build()`` gives the model as a dict."""

    def __init__(self, path="/home/you/linreg.py", text=""):
        self.rows = {name: {key: [] for key in types} for name, types in _TYPES.items()}
        self.strs, self.ids = [], {}
        self.files = [{"path": path, "text": text}]
        self.shapes, self.bins, self.data = [], [], []
        self.us = {"fwd": [], "bwd": []}
        self.alive, self.params, self.overlays = [], {}, {}

    def str(self, text):
        if text not in self.ids:
            self.ids[text] = len(self.strs)
            self.strs.append(text)
        return self.ids[text]

    def dims(self, shape):
        if shape not in self.ids:
            self.ids[shape] = len(self.shapes)
            self.shapes += shape
        return self.ids[shape]

    def add(self, table, **values):
        rows = self.rows[table]
        for key, value in values.items():
            rows[key.rstrip("_")].append(value)
        return len(next(iter(rows.values()))) - 1

    def site(self, line, expr, name="", col=0):
        named = self.str(name) if name else NONE
        return self.add(
            "sites", file=0, line=line, col=col, end_line=line, end=col + len(expr),
            expr=self.str(expr), name=named,
        )  # fmt: skip

    def scope(self, name, parent=NONE, kind=0):
        return self.add("scopes", parent=parent, name=self.str(name), kind=kind)

    def node(
        self,
        op,
        site=NONE,
        *inputs,
        name="",
        flags=0,
        iter=NONE,
        shape=(1,),
        scope=NONE,
        order=NONE,
    ):
        """A node fed by inputs (ids; None stands for a constant); its id."""
        node = self.add(
            "nodes", op=self.str(op), site=site, scope=scope, iter=iter, order=order,
            name=self.str(name) if name else NONE, flags=flags,
        )  # fmt: skip
        for place, source in enumerate(inputs):
            if source is not None:
                self.add("edges", src=source, dst=node, in_=place, out=0, kind=0)
        self.add(
            "outs", node=node, slot=0, dims=self.dims(shape), rank=len(shape),
            dtype=self.str("float32"), bytes=4.0 * math.prod(shape),
        )  # fmt: skip
        return node

    def leaf(self, name, shape=(1,), line=0):
        site = self.site(line, f"{name} = ...") if line else NONE
        return self.node("AccumulateGrad", site, name=name, flags=LEAF, shape=shape)

    def backward(self):
        """Order of the pass: operations from the last to the first, then the leaves."""
        flags, order = self.rows["nodes"]["flags"], self.rows["nodes"]["order"]
        operations = [i for i in range(len(flags)) if not flags[i] & (LEAF | GHOST)]
        leaves = [i for i in range(len(flags)) if flags[i] & LEAF]
        for rank, i in enumerate([*reversed(operations), *leaves]):
            order[i] = rank

    def summary(self, table, node, values, **changes):
        """Values or gradients of a node, from a list of numbers."""
        finite = [v for v in values if math.isfinite(v)]
        low, high = (min(finite), max(finite)) if finite else (math.nan, math.nan)
        row = dict(
            node=node, slot=0, min=low, max=high,
            mean=sum(finite) / len(finite) if finite else math.nan,
            norm=math.hypot(*values), nan=sum(math.isnan(v) for v in values),
            inf=sum(math.isinf(v) for v in values), count=float(len(values)), hist=NONE, data=NONE,
        )  # fmt: skip
        if len(values) <= 16:
            row["data"] = len(self.data)
            self.data += values
        elif high > low:
            row["hist"] = len(self.bins)
            bins = [0] * 32
            for v in finite:
                bins[min(31, int(32 * (v - low) / (high - low)))] += 1
            self.bins += bins
        self.add(table, **{**row, **changes})

    def norm(self, node, norm, count=8, nan=0, inf=0):
        """The gradient of a node by its norm alone."""
        each = norm / math.sqrt(count)
        self.add(
            "grads", node=node, slot=0, min=-each, max=each, mean=0.0, norm=norm, nan=nan, inf=inf,
            count=float(count), hist=NONE, data=NONE,
        )  # fmt: skip

    def rule(self, node, place, text, sentence):
        self.add("rules", node=node, in_=place, text=self.str(text), sentence=self.str(sentence))

    def cut(self, node, place, site, reason, name):
        self.add(
            "cuts", node=node, in_=place, site=site, reason=self.str(reason), name=self.str(name)
        )

    def build(self):
        made = {
            "v": 1, "kind": "rushlight-graph", "made": {"rushlight": "0.0"},
            "strs": self.strs, "files": self.files,
        }  # fmt: skip
        for name, types in _TYPES.items():
            rows = self.rows[name]
            made[name] = {"n": len(next(iter(rows.values())))}
            made[name] |= {key: column(kind, rows[key]) for key, kind in types.items()}
        made["shapes"] = column("u32", self.shapes)
        made["bins"] = column("u32", self.bins)
        made["data"] = column("f64", self.data)
        made["us"] = {k: column("f32", v) for k, v in self.us.items()} if self.us["fwd"] else {}
        made["mem"] = {"alive": column("f64", self.alive)} if self.alive else {}
        made["params"] = self.params
        made["overlays"] = {name: column("f64", v) for name, v in self.overlays.items()}
        return made


SEED = """\
import torch

torch.manual_seed(42)
x = torch.rand(80, 1)
y = 1 + 2 * x + .1 * torch.randn(80, 1)

b = torch.randn(1, requires_grad=True)
w = torch.randn(1, requires_grad=True)

# one step of gradient descent
yhat = b + w * x
error = y - yhat
loss = (error ** 2).mean()
loss.backward()
"""


def regression(training=False):
    """The seed's line: w * x + b, squared error. Gradient norms differ at each box."""
    m = Model("/home/you/linreg.py", SEED)
    x = [i / 80 for i in range(80)]
    y = [1 + 2 * v + 0.1 * math.sin(9 * v) for v in x]
    b, w = 0.3367, 0.1288
    wx = [w * v for v in x]
    yhat = [b + v for v in wx]
    error = [t - v for t, v in zip(y, yhat)]
    square = [v * v for v in error]
    loss = sum(square) / 80
    g_error = [2 * v / 80 for v in error]
    g_yhat = [-v for v in g_error]
    leaf_b = m.leaf("b", line=7)
    leaf_w = m.leaf("w", line=8)
    mul = m.node("MulBackward0", m.site(11, "w * x"), leaf_w, None, shape=(80, 1))
    add = m.node(
        "AddBackward0", m.site(11, "b + w * x", "yhat"), leaf_b, mul, name="yhat", shape=(80, 1)
    )
    sub = m.node(
        "SubBackward0", m.site(12, "y - yhat", "error"), None, add, name="error", shape=(80, 1)
    )
    power = m.node("PowBackward0", m.site(13, "error ** 2"), sub, shape=(80, 1))
    mean = m.node(
        "MeanBackward0",
        m.site(13, "(error ** 2).mean()", "loss"),
        power,
        name="loss",
        flags=ROOT,
        shape=(),
    )
    m.backward()
    for node, values in (
        (leaf_b, [b]),
        (leaf_w, [w]),
        (mul, wx),
        (add, yhat),
        (sub, error),
        (power, square),
    ):
        m.summary("values", node, values)
    m.summary("values", mean, [loss])
    g_w = sum(g * v for g, v in zip(g_yhat, x))
    for node, values in (
        (leaf_b, [sum(g_yhat)]), (leaf_w, [g_w]), (mul, g_yhat), (add, g_yhat), (sub, g_error),
        (power, [1 / 80] * 80), (mean, [1.0]),
    ):  # fmt: skip
        m.summary("grads", node, values)
    m.rule(mul, 0, "d(w * x)/dw = x", f"the sum of grad * x = {g_w:.4f} goes to w")
    m.rule(add, 0, "d(b + w * x)/db = 1", f"the sum of grad = {sum(g_yhat):.4f} goes to b")
    m.rule(add, 1, "d(b + w * x)/d(w * x) = 1", "grad * 1 goes to w * x")
    m.rule(sub, 1, "d(y - yhat)/dyhat = -1", "grad * -1 goes to yhat")
    m.rule(power, 0, "d(error ** 2)/derror = 2 * error", "grad * 2 * error goes to error")
    m.rule(mean, 0, "d(mean)/d(error ** 2) = 1/80", "1.0 / 80 goes to error ** 2")
    m.add(
        "saved", node=mul, name=m.str("other"), dims=0, rank=0, dtype=m.str("float32"), bytes=320.0,
        source=NONE, version=0,
    )  # fmt: skip
    m.add("attrs", node=power, name=m.str("exponent"), value=m.str("2"))
    if training:
        for step in range(50):
            m.add("steps", step=step, name=m.str("b"), norm=3.0 * 0.9**step)
            m.add("steps", step=step, name=m.str("w"), norm=2.0 * 0.95**step)
        nodes = len(m.rows["nodes"]["op"])
        m.us = {
            "fwd": [float(i + 1) for i in range(nodes)],
            "bwd": [2.0 * (i + 1) for i in range(nodes)],
        }
        m.alive = [320.0 * i for i in range(nodes)]
        m.add("lines", file=0, line=11, us=1500.0, bytes=64000.0, calls=50)
        m.add("lines", file=0, line=13, us=900.0, bytes=32000.0, calls=50)
    m.overlays = {"my numbers": [float(i) for i in range(7)]}
    return m.build()


RNN = """\
Wx = torch.randn(16, 8, requires_grad=True)
Wh = (torch.randn(16, 16) * 0.3).requires_grad_()
b = torch.zeros(16, requires_grad=True)
h, loss = torch.zeros(1, 16), torch.zeros(())
for t in range(T):
    x = torch.randn(1, 8)
    a = x @ Wx.t() + h @ Wh.t() + b
    h = a * 1.0  # no squashing!
    loss = loss + h.pow(2).mean()
loss.backward()
"""


def rnn(turns, growth=None, times=False):
    """An unrolled recurrent network of 10 operations a turn, whose gradients grow backwards."""
    m = Model("/home/you/rnn.py", RNN)
    growth = growth or 10 ** (20 / turns)
    wx_t, mm_x, wh_t, mm_h = (
        m.site(7, e) for e in ("Wx.t()", "x @ Wx.t()", "Wh.t()", "h @ Wh.t()")
    )
    add, bias, mul = (
        m.site(7, "x @ Wx.t() + h @ Wh.t()"),
        m.site(7, RNN.split("\n")[6][8:], "a"),
        m.site(8, "a * 1.0", "h"),
    )
    power, mean, total = (
        m.site(9, "h.pow(2)"),
        m.site(9, "h.pow(2).mean()"),
        m.site(9, "loss + h.pow(2).mean()", "loss"),
    )
    leaves = [m.leaf("Wx", (16, 8), 1), m.leaf("Wh", (16, 16), 2), m.leaf("b", (16,), 3)]
    h = loss = None
    for t in range(turns):
        at = dict(iter=t)
        p = m.node("TBackward0", wx_t, leaves[0], shape=(8, 16), **at)
        p = m.node("MmBackward0", mm_x, None, p, shape=(1, 16), **at)
        q = m.node("TBackward0", wh_t, leaves[1], shape=(16, 16), **at)
        q = m.node("MmBackward0", mm_h, h, q, shape=(1, 16), **at)
        a = m.node("AddBackward0", add, p, q, shape=(1, 16), **at)
        a = m.node("AddBackward0", bias, a, leaves[2], name="a", shape=(1, 16), **at)
        h = m.node("MulBackward0", mul, a, None, name="h", shape=(1, 16), **at)
        s = m.node("PowBackward0", power, h, shape=(1, 16), **at)
        s = m.node("MeanBackward0", mean, s, shape=(), **at)
        last = ROOT if t == turns - 1 else 0
        loss = m.node("AddBackward0", total, loss, s, name="loss", flags=last, shape=(), **at)
    m.backward()
    sizes = {
        wx_t: 0.3,
        mm_x: 1.0,
        wh_t: 3.0,
        mm_h: 1.0,
        add: 1.0,
        bias: 1.0,
        mul: 1.0,
        power: 0.01,
        mean: 1.0,
        total: 1.0,
    }
    loss_side = {power, mean, total}
    for i, site in enumerate(m.rows["nodes"]["site"]):
        if m.rows["nodes"]["flags"][i] & LEAF:
            m.norm(i, 10.0 * growth**turns)
            continue
        t = m.rows["nodes"]["iter"][i]
        m.norm(i, sizes[site] * (1.0 if site in loss_side else growth ** (turns - 1 - t)))
    if times:
        for i in range(len(m.rows["nodes"]["op"])):
            m.us["fwd"].append(1.0 + i % 7)
            m.us["bwd"].append(2.0 + i % 5)
    return m.build()


def with_nan():
    """log of a negative number: nan first in its value, then in each gradient below it."""
    text = (
        "x = torch.tensor([1., -1.], requires_grad=True)\ny = x * 2\nz = y.log()\n"
        "u = z.exp()\nloss = u.sum()\nloss.backward()\n"
    )
    m = Model("/home/you/nan.py", text)
    x = m.leaf("x", (2,), 1)
    y = m.node(
        "MulBackward0", m.site(2, "x * 2", "y"), x, None, name="y", shape=(2,), flags=NAN_GRAD
    )
    z = m.node(
        "LogBackward0",
        m.site(3, "y.log()", "z"),
        y,
        name="z",
        shape=(2,),
        flags=NAN_VALUE | NAN_GRAD,
    )
    u = m.node("ExpBackward0", m.site(4, "z.exp()", "u"), z, name="u", shape=(2,), flags=NAN_VALUE)
    loss = m.node(
        "SumBackward0",
        m.site(5, "u.sum()", "loss"),
        u,
        name="loss",
        flags=ROOT | NAN_VALUE,
        shape=(),
    )
    m.backward()
    nan = math.nan
    for node, value, grad in (
        (x, [1.0, -1.0], [2.0, nan]), (y, [2.0, -2.0], [1.0, nan]), (z, [0.69, nan], [2.0, nan]),
        (u, [2.0, nan], [1.0, 1.0]), (loss, [nan], [1.0]),
    ):  # fmt: skip
        m.summary("values", node, value)
        m.summary("grads", node, grad)
    return m.build()


def with_cuts():
    """A chain that detach() cut."""
    text = (
        "w = torch.randn(3, requires_grad=True)\nv = torch.randn(3, requires_grad=True)\n"
        "k = w.exp().detach()\ny = k * v\nloss = y.sum()\nloss.backward()\n"
    )
    m = Model("/home/you/cuts.py", text)
    v = m.leaf("v", (3,), 2)
    y = m.node("MulBackward0", m.site(4, "k * v", "y"), None, v, name="y", shape=(3,))
    loss = m.node(
        "SumBackward0", m.site(5, "y.sum()", "loss"), y, name="loss", flags=ROOT, shape=()
    )
    m.cut(y, 0, m.site(3, "w.exp().detach()"), "detach", "k")
    m.backward()
    for node, grad in ((v, [0.5, 1.0, 1.5]), (y, [1.0] * 3), (loss, [1.0])):
        m.summary("grads", node, grad)
    return m.build()


def with_modules():
    """Three layers, two of them in a block, recorded with module scopes."""
    text = "\n".join(
        [
            "class Net(Module): ...",
            *(f"    h{i} = relu(linear(h))" for i in range(8)),
            "loss = net(x).sum()",
            "",
        ]
    )
    m = Model("/home/you/net.py", text)
    net = m.scope("Net")
    block = m.scope("block", net)
    layers = [m.scope("fc1", block), m.scope("fc2", block), m.scope("head", net)]
    h = None
    for k, scope in enumerate(layers):
        w, b = m.leaf(f"{k}.weight", (8, 8)), m.leaf(f"{k}.bias", (8,))
        m.params[f"layer{k}.weight"] = w
        for j in range(12):
            site = m.site(2 + 2 * k, "linear(h)")
            t = m.node("TBackward0", site, w, shape=(8, 8), scope=scope)
            h = m.node("AddmmBackward0", site, b, h, t, shape=(4, 8), scope=scope)
            h = m.node(
                "ReluBackward0",
                m.site(3 + 2 * k, "relu"),
                h,
                name=f"h{k}_{j}",
                shape=(4, 8),
                scope=scope,
            )
    loss = m.node(
        "SumBackward0", m.site(10, "net(x).sum()", "loss"), h, name="loss", flags=ROOT, shape=()
    )
    m.backward()
    for i in range(loss + 1):
        m.norm(i, 1.5 ** (i % 9))
    return m.build()


def random_graph(seed, ops=80):
    """Operations in random modules and lines, with random inputs: groups that feed each other."""
    draw = random.Random(seed)
    m = Model("/home/you/any.py", "\n" * 40)
    scopes = [m.scope(f"m{k}", draw.choice([NONE, *range(k)]), k % 2) for k in range(6)]
    leaves = [m.leaf(f"p{k}", (k + 1, 2)) for k in range(5)]
    made = []
    for k in range(ops):
        inputs = [draw.choice(leaves)] if draw.random() < 0.4 or not made else []
        inputs += [
            made[max(0, len(made) - draw.choice((1, 1, 2, 5, 40)))] for _ in range(2) if made
        ]
        site = m.site(draw.randrange(1, 12), f"f{k}(...)")
        scope = draw.choice([NONE, *scopes])
        name = f"v{k}" * draw.choice((0, 1, 1, 6))
        flags = ROOT if k == ops - 1 else 0
        made.append(
            m.node(f"Op{k % 7}Backward0", site, *inputs, name=name, scope=scope, flags=flags)
        )
    m.backward()
    for i in range(len(leaves) + ops):
        m.norm(i, 10 ** draw.uniform(-6, 6))
    return m.build()


def hostile():
    """Names, expressions, paths and reasons that would be markup, were they read as such."""
    evil = '</script><img src=x onerror="window.hacked=1">'
    m = Model(f"/home/{evil}/e.py", f"x = 1  # {evil}\n<b>{evil}</b>\n")
    x = m.leaf(evil, (2,), 1)
    y = m.node(f"{evil}Backward0", m.site(2, evil, evil), x, name=evil, flags=ROOT, shape=(2,))
    m.cut(y, 1, m.site(1, evil), evil, evil)
    m.backward()
    m.summary("grads", x, [1.0, 2.0])
    m.summary("grads", y, [1.0, 3.0])
    m.rule(y, 0, evil, evil)
    m.add("attrs", node=y, name=m.str(evil), value=m.str(evil))
    m.add("steps", step=0, name=m.str(evil), norm=1.0)
    m.params[evil] = x
    m.overlays = {evil: [1.0, 2.0]}
    return m.build()


def without_values():
    """A graph as it is without record(): neither gradients nor times."""
    m = Model("/home/you/bare.py", "a = w * 2\nb = a + 1\n")
    w = m.leaf("w")
    a = m.node("MulBackward0", m.site(1, "w * 2", "a"), w, None, name="a")
    m.node("AddBackward0", m.site(2, "a + 1", "b"), a, None, name="b", flags=ROOT)
    return m.build()
