"""A step of gradients beside torch's, on the same model, inputs and loss. Prints a Markdown table.

    python benchmarks/gradients_torch.py MODEL.onnx=INPUTS.npz:BATCH ...

In an environment that has torch. The graph is run operator by operator in torch, as far as trained weights are behind an operator;
everything else is computed before. The loss is the mean square of the output's distance from a seeded one. Times are of forward and
backward together, in processor time of one thread, the best of five in turns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from gradients import opened
from onnx import ModelProto, helper, numpy_helper
from torch.nn import functional as F

from lightweight_cli.gradients import differentiate, gradient_name, prepared

ROUNDS = 5
Values = dict[str, Any]


def conv(a: Values, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None) -> torch.Tensor:
    """Convolve, with padding the same on both sides."""
    pads = a.get("pads", [0] * 2 * (x.ndim - 2))
    begin, end = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    if begin != end:
        x = F.pad(x, [p for pair in zip(begin[::-1], end[::-1], strict=True) for p in pair])
        begin = [0] * len(begin)
    return F.conv2d(x, w, b, a.get("strides", 1), begin, a.get("dilations", 1), a.get("group", 1))


RULES: dict[str, Callable[..., torch.Tensor]] = {
    "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y, "Mul": lambda a, x, y: x * y, "Div": lambda a, x, y: x / y,
    "MatMul": lambda a, x, y: x @ y, "Relu": lambda a, x: F.relu(x), "Erf": lambda a, x: torch.erf(x), "Identity": lambda a, x: x,
    "Conv": conv, "MaxPool": lambda a, x: F.max_pool2d(x, a["kernel_shape"], a.get("strides", 1)),
    "Flatten": lambda a, x: torch.flatten(x, 1), "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
    "Gemm": lambda a, x, w, b: F.linear(x, w if a.get("transB") else w.T, b),
    "Gather": lambda a, x, i: F.embedding(i, x), "Reshape": lambda a, x, s: x.reshape(s.tolist()),
    "Transpose": lambda a, x: x.permute(a["perm"]), "Softmax": lambda a, x: torch.softmax(x, a.get("axis", -1)),
    "HardSwish": lambda a, x: F.hardswish(x), "HardSigmoid": lambda a, x: torch.clamp(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "LayerNormalization": lambda a, x, w, b: F.layer_norm(x, w.shape, w, b, a.get("epsilon", 1e-5)),
    "BatchNormalization": lambda a, x, w, b, m, v: F.batch_norm(x, m, v, w, b, False, 0.0, a.get("epsilon", 1e-5)),
}


def known(model: ModelProto, feeds: dict[str, np.ndarray], weights: dict[str, np.ndarray]) -> tuple[Values, list[onnx.NodeProto]]:
    """Return the values that no trained weight is behind, and the nodes of all others."""
    behind, nodes, given = set(weights), [], []
    for node in model.graph.node:
        if behind.intersection(node.input) and node.op_type != "Shape":
            behind.update(node.output)
            nodes.append(node)
        else:
            given += list(node.output)
    wanted = [g for g in given if any(g in n.input for n in nodes)]
    whole = ModelProto()
    whole.CopyFrom(model)
    del whole.graph.output[:]
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    found = dict(zip(wanted, opened(whole).run(None, feeds), strict=True)) if wanted else {}
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if t.name not in weights}
    return {k: torch.tensor(v) for k, v in {**feeds, **constants, **found}.items()}, nodes


def with_loss(model: ModelProto, name: str, goal: np.ndarray) -> ModelProto:
    """Append loss = mean (output - goal)^2, and let it be the only output."""
    result = prepared(model)
    result.graph.initializer.append(numpy_helper.from_array(goal, "loss/goal"))
    steps = (("Sub", [name, "loss/goal"], "loss/off"), ("Mul", ["loss/off"] * 2, "loss/square"))
    result.graph.node.extend(helper.make_node(op, inputs, [made]) for op, inputs, made in steps)
    result.graph.node.append(helper.make_node("ReduceMean", ["loss/square"], ["loss"], keepdims=0))
    del result.graph.output[:]
    result.graph.output.append(helper.make_tensor_value_info("loss", onnx.TensorProto.FLOAT, []))
    return result


def attributes(node: onnx.NodeProto) -> Values:
    """Return a node's attributes as plain values."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def row(text: str) -> str:
    """Return a model's row."""
    path, _, data = text.partition("=")
    file, _, count = data.rpartition(":")
    model = onnx.load(path)
    fixed = {i for n in model.graph.node if n.op_type == "BatchNormalization" for i in n.input[3:]}
    trained = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer
               if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) >= 64 and t.name not in fixed}
    feeds = {k: v[: int(count)].astype(np.float32) if v.dtype == np.uint8 else v[: int(count)] for k, v in np.load(file).items()}
    start, nodes = known(model, feeds, trained)
    output = model.graph.output[0].name
    shape = opened(model).run([output], feeds)[0].shape
    goal = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in trained.items()}
    plan = [(RULES[n.op_type], attributes(n), list(n.input), n.output[0]) for n in nodes]

    def torch_step() -> dict[str, torch.Tensor]:
        values = {**start, **leaves}
        for rule, given, inputs, name in plan:
            values[name] = rule(given, *(values[i] for i in inputs if i))
        loss = (values[output] - torch.tensor(goal)).square().mean()
        return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()), allow_unused=True), strict=True))

    ours = opened(differentiate(with_loss(model, output, goal), "loss", list(trained)))
    names = [gradient_name(k) for k in trained]
    fed = {**feeds, **trained}

    def our_step() -> dict[str, np.ndarray]:
        return dict(zip(trained, ours.run(names, fed), strict=True))

    theirs, mine = torch_step(), our_step()
    largest = max(float(g.abs().max()) for g in theirs.values() if g is not None)
    off = max(float(np.abs(g.numpy() - mine[k]).max()) for k, g in theirs.items() if g is not None) / largest
    spent: dict[str, list[float]] = {"torch": [], "ours": []}
    for _ in range(ROUNDS):
        for what, step in (("torch", torch_step), ("ours", our_step)):
            began = time.process_time()
            step()
            spent[what].append(time.process_time() - began)
    a, b = (1e3 * min(spent[k]) for k in ("ours", "torch"))
    return f"| {Path(path).parent.name} | {count} | {a:.0f} | {b:.0f} | {a / b:.2f}x | {off:.0e} |"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| model | batch | a step, ms | torch, ms | | gradients off by, of the largest |\n|---|---|---|---|---|---|")
    for text in sys.argv[1:]:
        print(row(text), flush=True)


if __name__ == "__main__":
    main()
