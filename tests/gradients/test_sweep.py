"""Convolutions, pooling, products and reductions of random shapes and attributes."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from gradients.differences import agree

KINDS = ("conv", "conv transpose", "max pool", "average pool", "matmul", "reduction", "slice", "resize")

LINEAR = {"single": True, "step": 0.25}


def _picked(random: np.random.Generator, low: int, high: int, n: int = 1) -> list[int]:
    return [int(v) for v in random.integers(low, high, n)]


def drawn(kind: str, seed: int) -> dict:
    """Return the declarations and nodes of one random case."""
    random = np.random.default_rng(seed)
    pick = functools.partial(_picked, random)
    n = pick(1, 4)[0]
    batch, = pick(1, 4)
    sizes, kernel = pick(5, 9, n), pick(1, 4, n)
    strides, dilations, pads = pick(1, 4, n), pick(1, 3, n), pick(0, 2, 2 * n)
    space = ",".join(map(str, sizes))
    moving = f"strides = {strides}, pads = {pads}, kernel_shape = {kernel}"
    if kind in ("conv", "conv transpose"):
        group, per, out = (pick(1, 4)[0] for _ in range(3))
        back = kind == "conv transpose"
        shape = (group * per, out, *kernel) if back else (group * out, per, *kernel)
        more = f", output_padding = {[int(random.integers(0, s)) for s in strides]}" * back
        operator = "ConvTranspose" if back else "Conv"
        return {"declared": f"float[{batch},{group * per},{space}] x, float[{','.join(map(str, shape))}] W, float[{group * out}] b",
                "body": f"y = {operator} <group = {group}, dilations = {dilations}, {moving}{more}> (x, W, b)", **LINEAR}
    if kind.endswith("pool"):
        kernel = [max(k, 2) for k in kernel]
        rounded = pick(0, 2)[0] * all(s <= k for s, k in zip(strides, kernel, strict=True))
        # a last window that would start beyond the end is one to onnx's inference, and none to onnxruntime
        moving = f"strides = {strides}, pads = {[0] * 2 * n if rounded else pads}, kernel_shape = {kernel}, ceil_mode = {rounded}"
        moving += f", count_include_pad = {pick(0, 2)[0]}" * (kind == "average pool")
        operator = "MaxPool" if kind == "max pool" else "AveragePool"
        steps = {} if kind == "max pool" else LINEAR
        return {"declared": f"float[{batch},2,{space}] x", "body": f"y = {operator} <{moving}> (x)", **steps}
    if kind == "matmul":
        shapes = [pick(1, 4, pick(0, 3)[0]) for _ in range(2)]
        short = min(map(len, shapes))
        for k in range(1, short + 1):
            if shapes[0][-k] != shapes[1][-k] and random.random() < 0.7:
                shapes[1][-k] = shapes[0][-k]
            elif shapes[0][-k] != shapes[1][-k]:
                shapes[int(random.integers(2))][-k] = 1
        inner, = pick(1, 5)
        a, b = [*shapes[0], *pick(1, 4), inner], [*shapes[1], inner, *pick(1, 4)]
        return {"declared": f"float[{','.join(map(str, a))}] x, float[{','.join(map(str, b))}] W", "body": "y = MatMul (x, W)"}
    if kind == "reduction":
        axes = sorted({int(a) for a in random.choice(n + 1, pick(1, n + 2)[0], False)})
        operator = random.choice(["ReduceMean", "ReduceSum", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceSumSquare"])
        return {"declared": f"float[{batch},{space}] x, int64[{len(axes)}] of = {{{','.join(map(str, axes))}}}",
                "body": f"a = {operator} <keepdims = {pick(0, 2)[0]}> (x, of) y = Mul (a, a)"}
    if kind == "slice":
        ends = [pick(-12, 12, n) for _ in range(2)]
        steps = [int(random.choice([-3, -2, -1, 1, 1, 1, 2, 3])) for _ in range(n)]
        listed = [f"int64[{n}] {name} = {{{','.join(map(str, v))}}}" for name, v in
                  zip(("start", "end", "of", "by"), (*ends, range(1, n + 1), steps), strict=True)]
        return {"declared": f"float[{batch},{space}] x, {', '.join(listed)}", "body": "y = Slice (x, start, end, of, by)"}
    n = min(n, 2)
    scales = ",".join(f"{v:.2f}" for v in random.choice([0.55, 0.7, 1.3, 1.65, 2, 2.5], n))
    place = random.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
    how = random.choice(["nearest", "linear"])
    return {"declared": f"float[{batch},2,{','.join(map(str, sizes[:n]))}] x, float[{n + 2}] scales = {{1,1,{scales}}}",
            "body": f'y = Resize <mode = "{how}", coordinate_transformation_mode = "{place}"> (x, , scales)', **LINEAR}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(25))
def test_agrees_for_random_shapes_and_attributes(kind: str, seed: int) -> None:
    agree(**drawn(kind, 1000 * KINDS.index(kind) + seed), seed=seed)
