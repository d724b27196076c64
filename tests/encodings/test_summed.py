"""Numbers of more than 256 kinds: a high part in any tree, and a low digit beside it."""

from __future__ import annotations

import numpy as np
import pytest
from encoding_models import EVERYTHING, LEVELS, alone, run, same
from onnx import helper

from lightweight_cli.encodings import choose, sample
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.encodings.summed import Summed
from lightweight_cli.model.blobs import Blob
from lightweight_cli.weights.emission import Emission


def summed(shape: tuple[int, ...], bits: int, groups: tuple[int, int, int] | None = None, kind: type = np.float32) -> Summed:
    """Fine codes of normal weights; `groups`: with a scale for each."""
    random, size = np.random.default_rng(0), int(np.prod(shape))
    codes = np.rint(random.standard_normal(size) * 100 * (1 << bits) / 6).astype(np.intp)
    high, low = codes >> bits, (codes & (1 << bits) - 1).astype(np.uint8)
    values, number = np.unique(high, return_inverse=True)
    numbers = ((values << bits).astype(np.float32), np.arange(1 << bits, dtype=np.float32))
    scale = None if groups is None else random.random((groups[0], 1, groups[2])).astype(np.float16)
    blobs = tuple(Blob(size, data=memoryview(part.astype(np.uint8).tobytes())) for part in (number, low))
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return Summed(shape, dtype, groups or (1, size, 1), blobs, numbers, scale)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shape", "bits", "groups", "kind"), [
    ((5, 7), 1, None, np.float32), ((40, 30), 2, None, np.float32), ((40, 30), 4, (40, 30, 1), np.float32),
    ((30, 40), 4, (1, 30, 40), np.float16), ((6, 9, 5), 1, (6, 9, 5), np.float32)])
@pytest.mark.parametrize("opset", [7, 17])
def test_both_parts_come_to_the_weight(
    shape: tuple[int, ...], bits: int, groups: tuple[int, int, int] | None, kind: type, opset: int
) -> None:
    values = summed(shape, bits, groups, kind)
    found = choose.for_sums(lambda label: Emission(opset, label=label), values, "W", EVERYTHING)
    assert found and all("in two parts" in e.stored_as for e in found)
    for emission in found:
        proto = alone(emission, values.shape, values.dtype)
        for level in (LEVELS.ORT_ENABLE_ALL, LEVELS.ORT_DISABLE_ALL):
            assert same(run(proto, level=level)[0], values.decode()), emission.label
    places, some = sample.of(values)
    assert places == [(0, values.size)] and np.allclose(some, values.decode().reshape(-1).astype(np.float32), rtol=1e-3)


def test_what_the_limits_do_not_allow_is_not_written() -> None:
    values = summed((40, 30), 2)
    assert not choose.for_sums(lambda label: Emission(17, label=label), values, "W", Limits(load_memory=1.0))
    assert not choose.for_sums(lambda label: Emission(17, label=label), values, "W", Limits(fold_limit=4000))
