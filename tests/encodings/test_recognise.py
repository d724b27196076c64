"""Weights read back as codes: lwc's own, other tools' DequantizeLinear, and few values in plain floats."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from encoding_models import coded, emissions, inlined, model_of, put, run, same
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.encodings import choose, recognise
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.model import Model
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.weight import Weight

K, N = 24, 10


def holder(opset: int = 21, kind: str = "float") -> Model:
    """A model whose MatMul reads W, which nothing defines yet."""
    return model_of(f'<ir_version: 10, opset_import: ["" : {opset}]> g ({kind}[2,{K}] x) => ({kind}[2,{N}] y) {{ y = MatMul(x, W) }}')


def only(model: Model) -> Weight:
    (found,) = find_weights(model, Scopes(model.proto))
    return found


def stored(array: np.ndarray, kind: str = "float") -> Weight:
    """Values as a plain initializer of a model."""
    model = holder(kind=kind)
    model.proto.graph.initializer.append(numpy_helper.from_array(array, "W"))
    return only(model)


def encoded(emission: Emission) -> Weight:
    model = holder()
    scopes = Scopes(model.proto)
    put(model, scopes.main, scopes, emission)
    return only(model)


@pytest.mark.parametrize("zero_point", [False, True])
@pytest.mark.parametrize("groups", [(1, K, N), (3, 8, N), (1, K * N, 1), (K, N, 1), (1, 1, K * N)])
def test_lwcs_own(groups: tuple[int, int, int], zero_point: bool) -> None:
    random = np.random.default_rng(0)
    a, _, p = groups
    codes = random.integers(0, 255, K * N).astype(np.uint8) if zero_point else random.integers(-7, 8, K * N).astype(np.int8)
    values = coded(
        codes,
        (K, N),
        groups=groups,
        scale=(random.random((a, 1, p)) + 0.1).astype(np.float32),
        zero_point=random.integers(0, 255, (a, 1, p)).astype(np.uint8) if zero_point else None,
    )
    for emission in emissions(values, 21):
        weight = encoded(emission)
        assert (weight.shape, weight.dtype) == ((K, N), TensorProto.FLOAT)
        found = recognise.coded(weight)
        assert found is not None and same(found.decode(), values.decode())
        assert found.codebook is None and (found.zero_point is not None) == zero_point
        assert found.scale is not None and found.scale.size == a * p


def test_scales_of_float16_stay() -> None:
    values = coded(np.ones(K * N, np.int8), (K, N), groups=(1, K, N), scale=np.full((1, 1, N), 0.1, np.float16))
    found = recognise.coded(encoded(next(iter(emissions(values, 21)))))
    assert found is not None and found.scale is not None and found.scale.dtype == np.float16


@pytest.mark.parametrize(
    "kind,text", [(np.float32, "float"), (np.float16, "float16"), (np.float64, "double"), (ml_dtypes.bfloat16, "bfloat16")]
)
def test_few_values_of_any_type(kind: type, text: str) -> None:
    values = np.random.default_rng(0).choice(np.array([-1.5, -0.0, 0.0, 0.1, np.inf, -np.inf, np.nan], np.float32), (K, N)).astype(kind)
    found = recognise.coded(stored(values, text))
    assert found is not None and found.codebook is not None and found.count == 7
    assert same(found.decode(), values)
    assert found.codebook[found.zero].tobytes() == np.zeros(1, kind).tobytes()  # +0, not -0
    assert found.zeros == int((values.reshape(-1).view(f"u{values.itemsize}") == 0).sum())


def test_whole_numbers_need_no_codebook() -> None:
    for low, high in ((-128, 127), (0, 255), (-3, 3), (5, 9)):
        values = np.random.default_rng(0).integers(low, high + 1, (K, N)).astype(np.float32)
        found = recognise.coded(stored(values))
        assert found is not None and found.codebook is None and same(found.decode(), values)
    for values in (np.full((K, N), 300, np.float32), np.full((K, N), -0.0, np.float32)):
        found = recognise.coded(stored(values))
        assert found is not None and found.codebook is not None and same(found.decode(), values)
    wide = np.arange(K * N, dtype=np.float32).reshape(K, N) - 100  # neither signed nor unsigned bytes
    found = recognise.coded(stored(wide))
    assert found is not None and found.codebook is not None and same(found.decode(), wide)


def test_zero_is_added_where_there_is_room() -> None:
    values = np.linspace(-1, 1, 255, dtype=np.float32)
    array = np.random.default_rng(0).choice(values[values != 0], (K, N))
    found = recognise.coded(stored(array))
    assert found is not None and found.codebook is not None and found.zeros == 0
    assert found.zero is not None and found.codebook[found.zero] == 0 and same(found.decode(), array)


def test_too_many_values() -> None:
    model = model_of('<ir_version: 10, opset_import: ["" : 21]> g (float[2,100] x) => (float[2,10] y) { y = MatMul(x, W) }')
    model.proto.graph.initializer.append(numpy_helper.from_array(np.arange(1000, dtype=np.float32).reshape(100, 10), "W"))
    assert recognise.coded(only(model)) is None


Q8 = np.random.default_rng(0).integers(-128, 128, (K, N)).astype(np.int8)


@pytest.mark.parametrize(
    "kind,axis,block,zero",
    [
        (np.int8, 1, 0, False),
        (np.int8, 0, 0, True),
        (np.uint8, 1, 0, True),
        (np.int8, None, 0, False),
        (np.uint8, None, 0, True),
        (ml_dtypes.int4, 0, 8, False),
        (ml_dtypes.uint4, 0, 8, True),
        (ml_dtypes.int4, 1, 5, True),
        (np.int8, -2, 12, True),
    ],
)
def test_other_tools_dequantizelinear(kind: type, axis: int | None, block: int, zero: bool) -> None:
    random = np.random.default_rng(0)
    low, high = (
        (-8, 8) if kind is ml_dtypes.int4 else (0, 16) if kind is ml_dtypes.uint4 else (-128, 128) if kind is np.int8 else (0, 256)
    )
    shape: list[int] = [] if axis is None else [(K, N)[axis]]
    if block:
        shape = [K, N]
        shape[axis or 0] //= block
    model = holder()
    arrays = {"q": random.integers(low, high, (K, N)).astype(kind), "s": (random.random(shape) + 0.1).astype(np.float32)}
    if zero:
        arrays["z"] = random.integers(low, high, shape).astype(kind)
    model.proto.graph.initializer.extend(numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items())
    attributes = {**({} if axis is None else {"axis": axis}), **({"block_size": block} if block else {})}
    model.proto.graph.node.insert(0, helper.make_node("DequantizeLinear", list(arrays), ["W"], **attributes))
    weight = only(model)
    found = recognise.coded(weight)
    assert found is not None and same(found.decode(), weight.read(0, weight.size).reshape(K, N))
    model.proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("W", TensorProto.FLOAT, [K, N]))
    del model.proto.graph.node[1:]
    assert same(run(inlined(model), {"x": np.zeros((2, K), np.float32)})[0], found.decode())


def test_two_casts_are_not_looked_through() -> None:
    """Mul, then float16 and back: what is multiplied is not the weight."""
    model = holder()
    model.proto.graph.initializer.extend([numpy_helper.from_array(Q8, "q"), numpy_helper.from_array(np.full(N, 0.1, np.float32), "s")])
    nodes = [
        helper.make_node("Cast", ["q"], ["f"], to=1),
        helper.make_node("Mul", ["f", "s"], ["m"]),
        helper.make_node("Cast", ["m"], ["h"], to=10),
        helper.make_node("Cast", ["h"], ["W"], to=1),
    ]
    for i, node in enumerate(nodes):
        model.proto.graph.node.insert(i, node)
    weight = only(model)
    found = recognise.coded(weight)
    assert found is None or same(found.decode(), weight.read(0, weight.size).reshape(K, N))


def test_a_widening_product_is_not_taken_for_codes() -> None:
    model = holder()
    model.proto.graph.initializer.extend(
        [
            numpy_helper.from_array(np.arange(K, dtype=np.float32).reshape(K, 1), "a"),
            numpy_helper.from_array(np.arange(N, dtype=np.float32), "b"),
        ]
    )
    model.proto.graph.node.insert(0, helper.make_node("Mul", ["a", "b"], ["W"]))
    weight = only(model)
    found = recognise.coded(weight)
    assert weight.shape == (K, N) and (found is None or same(found.decode(), weight.read(0, weight.size).reshape(K, N)))


def test_vectors_are_read_back() -> None:
    random = np.random.default_rng(0)
    codes = random.integers(0, 30, 6 * N).astype(np.uint8)
    values = Vectors(
        (K, N), TensorProto.FLOAT, (1, K, N), [Blob(codes.size, data=codes.data)], [random.standard_normal((30, 4)).astype(np.float32)]
    )
    for emission in choose.for_vectors(lambda label: Emission(21, label=label), values, "W"):
        weight = encoded(emission)
        assert same(weight.read(0, weight.size).reshape(K, N), values.decode())


def test_a_second_step_finds_the_first_ones_codes() -> None:
    values = coded(
        np.random.default_rng(0).integers(-7, 8, K * N).astype(np.int8),
        (K, N),
        groups=(1, K, N),
        scale=np.random.default_rng(1).random((1, 1, N)).astype(np.float32),
    )
    first: Coded | None = values
    for _ in range(3):
        assert first is not None
        found = choose.for_codes(lambda label: Emission(21, label=label), first, "W")
        smallest = min(found, key=lambda e: e.nbytes)
        first = recognise.coded(encoded(smallest))
        assert first is not None and same(first.decode(), values.decode())
