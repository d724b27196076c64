"""The smallest layout within limits, and weights over the folding limit in parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from encoding_models import EVERYTHING, alone, coded, emissions, floats, inlined, model_of, put, run, same, session
from onnx import TensorProto

from lightweight_cli.encodings import choose, counting
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.limits import DEFAULT, FOLD_LIMIT, Limits
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.model.wire import framed
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.naming import unused
from lightweight_cli.weights.placing import place

SIZE = 1 << 16


def best(values: Coded, opset: int = 13, limits: Limits = DEFAULT) -> Emission:
    found = choose.for_codes(lambda label: Emission(opset, label=label), values, "W", limits)
    return min(found, key=lambda e: e.nbytes)


def random_codes(levels: int, zeros: float = 0.0) -> Coded:
    random = np.random.default_rng(0)
    codes = np.where(random.random(SIZE) < zeros, 0, random.integers(0, levels, SIZE)).astype(np.uint8)
    return coded(codes, (SIZE,))


@pytest.mark.parametrize("levels,bits", [(2, 1), (3, 1.6), (4, 2), (6, 8 / 3), (8, 3), (16, 4), (32, 5), (64, 6), (128, 7), (256, 8)])
def test_bits_for_a_weight(levels: int, bits: float) -> None:
    nbytes = best(random_codes(levels)).nbytes
    assert bits * SIZE / 8 <= nbytes <= bits * SIZE / 8 + 1200


@pytest.mark.parametrize("zeros,expected", [(0.0, "packed"), (0.5, "tree of 1"), (0.8, "tree of 1"), (0.995, "delta + packed")])
def test_sparse_layouts_take_over(zeros: float, expected: str) -> None:
    assert best(random_codes(16, zeros)).label == expected


def test_deltas_beat_masks_where_few_values_are_left() -> None:
    """n weights, k values of b bits: a mask takes n + k b bits, gaps take k (8 + b); equal at k = n / 8."""
    random = np.random.default_rng(0)

    def sizes(density: float) -> dict[str, int]:
        values = np.where(random.random(SIZE) < density, random.standard_normal(SIZE), 0).astype(np.float32)
        return {e.label: e.nbytes for e in emissions(floats(values), 13)}

    above, below = sizes(0.115), sizes(0.08)
    assert above["bitmask"] < 1.05 * above["delta"] and below["delta"] < below["bitmask"]
    assert "delta" not in sizes(0.2)


def test_trees_come_near_the_entropy() -> None:
    random = np.random.default_rng(0)
    peaked = coded(np.rint(random.standard_normal(SIZE) * 2).clip(-7, 7).astype(np.int8), (SIZE,))
    smallest = best(peaked)
    assert smallest.label == "tree of 3"
    counts = peaked.histogram[peaked.histogram > 0] / SIZE
    entropy = -(counts * np.log2(counts)).sum()
    assert smallest.nbytes * 8 / SIZE < entropy + 0.2 + 8 * 2200 / SIZE


@pytest.mark.parametrize("kind", ["gaussian", "laplace", "few"])
def test_many_codes_are_counted_where_a_look_at_some_leaves_trees_a_chance(kind: str) -> None:
    random, shape = np.random.default_rng(0), (counting.MANY // 64, 64)
    values = random.standard_normal(shape) if kind == "gaussian" else random.laplace(size=shape) ** 3
    codes = np.rint(values / np.abs(values).max(1, keepdims=True) * 127).astype(np.int8).reshape(-1)
    values = coded(codes if kind != "few" else codes.clip(0, 9), (codes.size,))
    found = {e.label: e.nbytes for e in emissions(values, 13)}
    assert (values._histogram is None) == (kind == "gaussian")
    assert values.histogram.sum() == codes.size
    exact = {e.label: e.nbytes for e in emissions(replace(values), 13)}  # counted by now
    assert found == exact and ("tree of 1" in found) == (kind != "gaussian")


def test_a_fourth_split_is_for_large_weights() -> None:
    random = np.random.default_rng(0)
    codes = np.rint(random.standard_normal(4 * SIZE) * 3).clip(-15, 15).astype(np.int8)
    few, many = coded(codes[:SIZE], (SIZE,)), coded(codes, (4 * SIZE,))
    assert {e.label for e in emissions(few, 13)} >= {"tree of 1", "tree of 2", "tree of 3"}
    assert "tree of 4" in {e.label for e in emissions(many, 13)} - {e.label for e in emissions(few, 13)}


def test_memory_limit() -> None:
    values = random_codes(128)
    labels = {m: {e.label for e in emissions(values, 13, limits=Limits(load_memory=m))} for m in (2.0, 12.0)}
    assert labels[2.0] == {"packed"} and "planes" in labels[12.0]
    assert all(e.load_bytes <= 2 * 4 * SIZE for e in emissions(values, 13, limits=Limits(load_memory=2)))


@pytest.mark.parametrize("low,high", [(-100, -90), (5, 20), (-7, 7)])
def test_unused_codes_are_dropped(low: int, high: int) -> None:
    random = np.random.default_rng(0)
    codes = random.integers(low, high + 1, SIZE).astype(np.int8 if low < 0 else np.uint8)
    wide = replace(coded(codes, (SIZE,)), low=-128 if low < 0 else 0, count=256)
    assert best(wide).nbytes < SIZE / 2 + 1200
    assert same(run(alone(best(wide), (SIZE,), TensorProto.FLOAT))[0], wide.decode())


def test_scattered_codes_become_a_codebook() -> None:
    used = np.array([-128, -50, -3, 0, 9, 77, 127], np.int8)
    wide = coded(used[np.random.default_rng(0).integers(0, 7, SIZE)], (SIZE,))
    assert best(wide).nbytes < SIZE * 3 / 8 + 1200
    assert same(run(alone(best(wide), (SIZE,), TensorProto.FLOAT))[0], wide.decode())


def test_one_scale_goes_into_the_codebook() -> None:
    scale = np.full((1, 1, 1), 0.1, np.float32)
    values = coded(np.array([-2, 0, 0, 3], np.int8), (4,), scale=scale)
    folded = values.folded()
    assert folded is not None and folded.scale is None and folded.zero == 0 and same(folded.decode(), values.decode())
    negative = replace(values, scale=-scale).folded()
    assert negative is not None and negative.zero is None, "its zeros are -0"
    assert replace(values, groups=(2, 2, 1), scale=np.ones((2, 1, 1), np.float32)).folded() is None


@pytest.mark.parametrize(
    "groups,shape",
    [
        ((1, 24 * 40, 10), (24, 40, 10)),
        ((24, 40, 10), (24, 40, 10)),
        ((72, 40, 1), (24, 120)),
        ((1, 24, 40), (24, 40)),
        ((6, 4 * 40, 1), (24, 40)),
    ],
)
def test_over_the_folding_limit_in_parts(groups: tuple[int, int, int], shape: tuple[int, ...]) -> None:
    """float16 weights: their float32 and int32 intermediates take twice their bytes."""
    random = np.random.default_rng(0)
    size, (a, _, p) = int(np.prod(shape)), groups
    codes = np.where(random.random(size) < 0.9, 0, random.integers(-7, 8, size)).astype(np.int8)
    values = coded(codes, shape, groups=groups, scale=(random.random((a, 1, p)) + 0.1).astype(np.float32), dtype=TensorProto.FLOAT16)
    limits = replace(EVERYTHING, fold_limit=size * 2)
    found = list(emissions(values, 13, limits=limits))
    assert {"packed", "delta + packed"} <= {e.label for e in found}
    for emission in found:
        assert [n.op_type for n in emission.nodes].count("Concat") >= 1
        assert same(run(alone(emission, shape, TensorProto.FLOAT16))[0], values.decode()), emission.label
    assert not list(emissions(values, 13, limits=replace(limits, fold_limit=size * 2 - 1)))


def test_floats_over_the_folding_limit_in_parts() -> None:
    random = np.random.default_rng(0)
    values = np.where(random.random((32, 100)) < 0.9, 0, random.standard_normal((32, 100))).astype(np.float16)
    for emission in emissions(floats(values), 13, limits=replace(EVERYTHING, fold_limit=values.nbytes)):
        assert same(run(alone(emission, values.shape, TensorProto.FLOAT16))[0], values), emission.label


def test_folding_limit_is_onnxruntimes() -> None:
    assert choose.foldable(FOLD_LIMIT // 4) and not choose.foldable(FOLD_LIMIT // 4 + 1)
    assert choose.foldable(FOLD_LIMIT // 2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("rows,folds", [((1 << 28) - (1 << 16), True), ((1 << 28) + (1 << 16), False)])
def test_onnxruntime_folds_up_to_1_gib(rows: int, folds: bool, tmp_path: object) -> None:
    text = f"""<ir_version: 8, opset_import: ["" : 13]> g (int64[1] i) => (float[1] y)
        <int64 n = {{{rows}}}> {{ s = Unsqueeze(n, zero) z = ConstantOfShape(s) y = Gather(z, i) }}""".replace(
        "<int64", "<int64[1] zero = {0}, int64"
    )
    path = f"{tmp_path}/o.onnx"
    session(onnx.parser.parse_model(text), optimised=path)
    left = {n.op_type for n in onnx.load(path, load_external_data=False).graph.node}
    assert ("ConstantOfShape" not in left) == folds


def test_size_inside_a_function_is_exact() -> None:
    model = model_of("""<ir_version: 8, opset_import: ["" : 17, "local" : 1]> g (float[1] x) => (float[1] y) { y = local.f(x) }
        <domain: "local", opset_import: ["" : 17]> f (a) => (b) { b = Identity(a) }""")
    scopes = Scopes(model.proto)
    home = scopes.functions["local", "f"]
    for emission in emissions(random_codes(15, 0.9), 17, local=True):
        emission.realise(model)
        nodes = place(model, home, scopes.main, emission, unused(scopes.names()))
        payloads = sum(framed(s.produce.length) for s in emission.stored if s.produce is not None)
        assert all(not s.shared for s in emission.stored)
        whole = 0
        for node in nodes:
            home.graph.node.append(node)
        whole = sum(framed(n.ByteSize()) for n in inlined(model).functions[0].node[-len(nodes) :])
        del home.graph.node[-len(nodes) :]
        assert whole == emission.nbytes and payloads < whole, emission.label


def test_shared_tables_are_counted_once() -> None:
    model = model_of('<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Identity(x) }')
    scopes = Scopes(model.proto)
    for i in range(2):
        found = choose.for_codes(lambda label, i=i: Emission(17, label=label), random_codes(30), f"W{i}")  # type: ignore[misc]
        put(model, scopes.main, scopes, min(found, key=lambda e: e.nbytes))
    names = [t.name for t in model.proto.graph.initializer] + [o for n in model.proto.graph.node for o in n.output]
    assert len(names) == len(set(names)) and {".d2", ".d16"} <= set(names)
