"""End to end against torch, where it is installed: a network of convolutions, attention and LSTM, its loss the distance from a teacher."""

from __future__ import annotations

import numpy as np
import pytest
from gradients.differences import model
from onnx import numpy_helper

from lightweight_cli.gradients import differentiate, gradient_name

torch = pytest.importorskip("torch")
DECLARED = """float[8,3,3,3] A, float[8] a, float[8] s, float[8] t, float[8] m, float[8] pos, float[8,1,3,3] D, float[12,4,1,1] P,
    float[2,40,12] W, float[2,40,10] R, float[2,80] B, float[20,20] Q, float[20,20] K, float[20] g, float[20] h, float[20,5] O, float[5] o,
    int64[3] to = {0,0,-1}, int64[3] flat = {0,0,-1}, float scale = {0.2}, float four = {4}, float count = {2}"""
BODY = """c = Conv <pads = [1,1,1,1], strides = [2,2]> (x, A, a) n = BatchNormalization (c, s, t, m, pos) r = Relu (n)
    d = Conv <group = 8, pads = [1,1,1,1]> (r, D)
    e = HardSwish (d) q0 = MaxPool <kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]> (e)
    p = Conv <group = 2> (q0, P) f = Reshape (p, to) u = Transpose <perm = [2,0,1]> (f) l = LSTM <hidden_size = 10,
    direction = "bidirectional"> (u, W, R, B) lt = Transpose <perm = [2,0,1,3]> (l) v = Reshape (lt, flat) i = MatMul (v, Q)
    j = MatMul (v, K)
    jt = Transpose <perm = [0,2,1]> (j) w0 = MatMul (i, jt) w1 = Mul (w0, scale) w2 = Softmax (w1) w3 = MatMul (w2, v) w4 = Add (w3, v)
    z = LayerNormalization (w4, g, h) k = Gelu (z) b = MatMul (k, O) y0 = Add (b, o) y = Div (y0, four)
    ls = LogSoftmax (y) lt0 = Div (teacher, four) lt1 = LogSoftmax (lt0) pt = Exp (lt1) df = Sub (lt1, ls) kd = Mul (pt, df)
    ss = ReduceSum <keepdims = 0> (kd) loss = Mul (ss, count)"""


def test_a_network_of_many_operators() -> None:
    proto = model(DECLARED, BODY, 20, "float[N,3,H,I] x, float[N,S,5] teacher")
    fixed = ("scale", "four", "count")
    weights = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer if t.data_type == 1 and t.name not in fixed}
    weights = {k: (v * 0.5).astype(np.float32) for k, v in weights.items()}
    random = np.random.default_rng(0)
    feeds = {"x": random.normal(size=(2, 3, 12, 16)).astype(np.float32), "teacher": random.normal(size=(2, 12, 5)).astype(np.float32)}
    import onnxruntime as ort

    session = ort.InferenceSession(differentiate(proto, "loss", list(weights)).SerializeToString(), providers=["CPUExecutionProvider"])
    names = [v.name for v in session.get_outputs()]
    found = dict(zip(names, session.run(names, {**feeds, **weights}), strict=True))
    w = {k: torch.tensor(v, requires_grad=True) for k, v in weights.items()}
    loss = in_torch(w, *(torch.tensor(feeds[k]) for k in ("x", "teacher")))
    loss.backward()
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-5)
    for name, value in w.items():
        size = float(value.grad.abs().max())
        np.testing.assert_allclose(found[gradient_name(name)], value.grad.numpy(), rtol=0, atol=2e-4 * size, err_msg=name)


def in_torch(w, x, teacher):
    """The same in torch."""
    F = torch.nn.functional
    s, t, m, v = (w[k][:, None, None] for k in ("s", "t", "m", "pos"))
    r = F.relu((F.conv2d(x, w["A"], w["a"], stride=2, padding=1) - m) / (v + 1e-5).sqrt() * s + t)
    e = F.hardswish(F.conv2d(r, w["D"], padding=1, groups=8))
    p = F.conv2d(F.max_pool2d(e, 3, 2, 1), w["P"], groups=2).flatten(2).permute(2, 0, 1)
    order = [0, 20, 30, 10]  # onnx has i, o, f, c; torch i, f, c, o: where each of torch's gates is in onnx's order
    rows = torch.cat([torch.arange(k, k + 10) for k in order])
    cells = []
    for d in range(2):
        h = c = torch.zeros(x.shape[0], 10)
        made = [None] * len(p)
        for t in range(len(p)) if d == 0 else reversed(range(len(p))):
            bias = w["B"][d][:40][rows] + w["B"][d][40:][rows]
            i, f, g, o = (p[t] @ w["W"][d][rows].T + h @ w["R"][d][rows].T + bias).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            made[t] = h = o.sigmoid() * c.tanh()
        cells.append(torch.stack(made))
    v = torch.stack(cells, 1).permute(2, 0, 1, 3).flatten(2)
    attention = ((v @ w["Q"]) @ (v @ w["K"]).transpose(1, 2) * 0.2).softmax(-1) @ v + v
    y = (F.gelu(F.layer_norm(attention, (20,), w["g"], w["h"])) @ w["O"] + w["o"]) / 4
    known = (teacher / 4).log_softmax(-1)
    return 2 * (known.exp() * (known - y.log_softmax(-1))).sum()
