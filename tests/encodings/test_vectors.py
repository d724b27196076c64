"""Vector codebooks: along the input axis, in stages, with codes in any layout."""

from __future__ import annotations

import numpy as np
import pytest
from encoding_models import EVERYTHING, LEVELS, alone, run, same
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.model.blobs import Blob
from lightweight_cli.weights.emission import Emission


def vectors(
    shape: tuple[int, ...], groups: tuple[int, int, int], width: int, levels: int, stages: int, kind: type = np.float32
) -> Vectors:
    """Random codes and codebooks for a weight."""
    random = np.random.default_rng(0)
    a, r, p = groups
    count = a * -(-r // width) * p
    codes = [random.integers(0, levels, count).astype(np.uint8) for _ in range(stages)]
    books = [random.standard_normal((levels, width)).astype(np.float32) for _ in range(stages)]
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return Vectors(shape, dtype, groups, [Blob(c.size, data=memoryview(c.tobytes())) for c in codes], books)


def check(values: Vectors, opset: int) -> list[Emission]:
    """Decode every emission with onnxruntime; return them."""
    found = choose.for_vectors(lambda label: Emission(opset, label=label), values, "W", EVERYTHING)
    for emission in found:
        proto = alone(emission, values.shape, values.dtype)
        for level in (LEVELS.ORT_ENABLE_ALL, LEVELS.ORT_DISABLE_ALL):
            assert same(run(proto, level=level)[0], values.decode()), emission.label
    return found


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 7, 16, 100, 256]),
    st.integers(1, 3),
    st.sampled_from([7, 11, 21]),
)
def test_every_group(a: int, rows: int, p: int, width: int, levels: int, stages: int, opset: int) -> None:
    found = check(vectors((a * rows * width, p), (a, rows * width, p), width, levels, stages), opset)
    assert found


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.float64])
def test_a_last_vector_beyond_the_weight(kind: type) -> None:
    check(vectors((5, 3), (1, 15, 1), 4, 256, 2, kind), 13)


def test_order_of_the_values() -> None:
    codes = Blob(4, data=memoryview(bytes([0, 1, 2, 3])))
    book = np.arange(8, dtype=np.float32).reshape(4, 2)
    down = Vectors((4, 2), TensorProto.FLOAT, (1, 4, 2), [codes], [book])  # vectors run down the columns
    assert down.decode().tolist() == [[0, 2], [1, 3], [4, 6], [5, 7]]
    along = Vectors((2, 4), TensorProto.FLOAT, (2, 4, 1), [codes], [book])
    assert along.decode().tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_sixteen_vectors_take_half_a_byte() -> None:
    values = vectors((64, 64), (64, 64, 1), 4, 16, 1)
    smallest = min(check(values, 13), key=lambda e: e.nbytes)
    assert smallest.nbytes < 64 * 64 / 4 / 2 + 16 * 4 * 4 + 400
