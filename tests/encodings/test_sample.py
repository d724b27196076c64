"""Samples of a weight's new values, and what is said of how it is stored."""

from __future__ import annotations

import math

import numpy as np
import pytest
from onnx import TensorProto

from lightweight_cli.encodings import float16, mask, plain, sample
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.tree import Tree
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.encodings.words import stored_as
from lightweight_cli.model.blobs import Blob


def blob(codes: np.ndarray) -> Blob:
    return Blob(codes.size, data=codes.tobytes())


def coded(shape: tuple[int, ...], groups: tuple[int, int, int], **more: object) -> Coded:
    random = np.random.default_rng(0)
    codes = random.integers(-7, 8, math.prod(shape)).astype(np.int8)
    scale = random.uniform(0.5, 2, (groups[0], 1, groups[2])).astype(np.float16)
    return Coded(shape, TensorProto.FLOAT, groups, blob(codes), -7, 15, int((codes == 0).sum()), scale=scale, **more)


def segments(values: object) -> list[tuple[int, np.ndarray]]:
    runs, found = sample.of(values)
    ends = np.cumsum([count for _, count in runs])
    assert found.size == (ends[-1] if runs else 0)
    return [(start, found[end - count : end]) for (start, count), end in zip(runs, ends, strict=True)]


CODED = [coded((64, 900), (1, 57600, 1)), coded((64, 900), (64, 900, 1)), coded((900, 64), (30, 30, 64)),
         coded((8, 7200), (1800, 32, 1)), coded((5,), (1, 5, 1))]


@pytest.mark.parametrize("values", CODED, ids=lambda c: str(c.groups))
def test_a_sample_of_codes_is_what_nodes_compute(values):
    whole = values.decode().reshape(-1)
    seen = list(segments(values))
    assert all(np.array_equal(part, whole[start : start + part.size]) for start, part in seen)
    assert sum(part.size for _, part in seen) == min(values.size, sample.SEGMENTS * sample.LENGTH)
    assert seen[-1][0] + seen[-1][1].size == values.size, "up to the end"


@pytest.mark.parametrize(("shape", "groups", "width", "stages"), [
    ((64, 900), (64, 900, 1), 4, 1), ((900, 64), (1, 900, 64), 4, 2), ((64, 901), (1, 57664, 1), 3, 1)])
def test_a_sample_of_vectors_is_what_nodes_compute(shape, groups, width, stages):
    random = np.random.default_rng(0)
    count = groups[0] * -(-groups[1] // width) * groups[2]
    codes = [blob(random.integers(0, 16, count).astype(np.uint8)) for _ in range(stages)]
    values = Vectors(shape, TensorProto.FLOAT, groups, codes, [random.normal(size=(16, width)).astype(np.float32) for _ in range(stages)])
    whole = values.decode().reshape(-1)
    assert all(np.array_equal(part, whole[start : start + part.size]) for start, part in segments(values))
    assert stored_as(values, None, Tree(0)) == f"4 bits for {width} weights" + (" in 2 stages" if stages == 2 else "")


def test_a_sample_of_floats_is_of_their_first_chunk():
    values = np.arange(50_000, dtype=np.float32)
    seen = list(segments(Floats((50_000,), TensorProto.FLOAT, [values[:40_000], values[40_000:]], 1)))
    assert all(np.array_equal(part, values[start : start + part.size]) for start, part in seen) and len(seen) == sample.SEGMENTS
    assert list(segments(Floats((0,), TensorProto.FLOAT, [], 0))) == []


@pytest.mark.parametrize(("values", "sparse", "layout", "said"), [
    (CODED[0], None, Tree(0), "4 bits, one scale"), (CODED[1], None, Tree(0), "4 bits, scale per channel"),
    (CODED[2], None, Tree(1), "4 bits, scale per block of 30, frequent values in fewer bits, 1 split"),
    (CODED[3], None, Tree(3), "4 bits, scale per block of 32, frequent values in fewer bits, 3 splits"),
    (coded((64, 900), (64, 900, 1), zero_point=np.zeros((64, 1, 1), np.uint8)), None, Tree(0), "4 bits, scale per channel, zero points"),
    (Coded((4,), TensorProto.FLOAT, (1, 4, 1), blob(np.zeros(4, np.uint8)), 0, 2, 4, codebook=np.zeros(2, np.float32)), None, Tree(0),
     "1 bit, codebook of 2"),
    (Floats((4,), TensorProto.FLOAT, [], 0), None, float16, "float16"),
    (Floats((4,), TensorProto.FLOAT, [], 2), mask, plain, "float32, zeros as a bitmask")])
def test_how_a_weight_is_stored_in_words(values, sparse, layout, said):
    assert stored_as(values, sparse, layout) == said


@pytest.mark.parametrize("step", ["quantize:bits=4,keep=0", "share:bits=3", "share:bits=4,granularity=channel", "prune:sparsity=0.5",
                                  "share:bits=8,vector=4", "half:type=bfloat16", "pack"])
def test_the_sqnr_of_each_weight_is_that_of_its_values(mlp, apply, value_of, step):
    done = apply(mlp, step)
    for weight in done.report.weights:
        old, new = (value_of(path, weight.name).astype(np.float64) for path in (done.source, done.path))
        if step == "pack" or "channels_per_codebook" in step and weight.name == "W":
            assert weight.sqnr is None, "lossless, or of several pieces"
            continue
        noise = ((old - new) ** 2).sum()
        assert weight.sqnr == pytest.approx(10 * np.log10((old**2).sum() / noise), abs=0.01)
    assert done.report.weights or step == "pack"
