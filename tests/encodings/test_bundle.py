"""Several weights in one tree: onnxruntime decodes each to the bits that it has alone, and nothing is left to a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from encoding_models import EVERYTHING, IR_VERSION, LEVELS, coded, inlined, model_of, put, run, same, session
from onnx import ModelProto, TensorProto

from lightweight_cli.encodings.bundle import MANY, Bundle, fits
from lightweight_cli.encodings.bundling import Bundling
from lightweight_cli.encodings.choose import for_codes
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.emission import Emission

RANDOM = np.random.default_rng(5)
ONE = np.full((1, 1, 1), 0.37, np.float32)


def bell(*shape: int, wide: float = 1.2) -> np.ndarray:
    return np.rint(RANDOM.normal(size=shape) * wide).clip(-7, 7).astype(np.int8)


def members(wide: float = 1.2) -> list[Coded]:
    """Weights of every kind: one scale, a scale an output, zero points, blocks, numbers that are looked up, another type."""
    a, b, c, d = bell(8, 4, 3, 3, wide=wide), bell(10, 31, wide=wide), bell(6, 16, wide=wide), bell(40, wide=wide)
    looked_up = (bell(24, wide=wide) + 7).astype(np.uint8)
    book = np.arange(-7, 8, dtype=np.float32)
    return [
        coded(a, a.shape, scale=ONE),
        coded(b, b.shape, groups=(10, 31, 1), scale=RANDOM.random((10, 1, 1)).astype(np.float16)),
        coded(b.copy(), (10, 31), groups=(1, 10, 31), scale=RANDOM.random((1, 1, 31)).astype(np.float32), zero_point=bell(1, 1, 31)),
        coded(c, c.shape, groups=(24, 4, 1), scale=RANDOM.random((24, 1, 1)).astype(np.float32)),
        coded(d, d.shape, scale=ONE, dtype=TensorProto.FLOAT16),
        coded(looked_up, (2, 12), scale=ONE, codebook=book, count=15),
    ]


def together(opset: int, of: list[Coded]) -> tuple[ModelProto, Emission, list[int]]:
    """A model that gives all weights of a bundle, W0, W1, ..."""
    e, bundle = Emission(opset), Bundle(of)
    parts = bundle.emit(e, [f"W{i}" for i in range(len(of))], bundle.splits(opset))
    kinds = ["float16" if m.dtype == TensorProto.FLOAT16 else "float" for m in of]
    outputs = ", ".join(f"{kind}[{','.join(map(str, m.shape))}] W{i}" for i, (kind, m) in enumerate(zip(kinds, of, strict=True)))
    head = f'<ir_version: {IR_VERSION[opset]}, opset_import: ["" : {opset}]>'
    model = model_of(f"{head} g (float[1] x) => ({outputs}, float[1] y) {{ y = Identity(x) }}")
    before, scopes = inlined(model).graph.ByteSize(), Scopes(model.proto)
    put(model, scopes.main, scopes, e)
    proto = inlined(model)
    assert proto.graph.ByteSize() - before == e.nbytes + sum(e.shared_bytes().values())
    return proto, e, parts


@pytest.mark.parametrize("opset", [8, 11, 13, 17])
@pytest.mark.parametrize("wide", [0.6, 2.5])
def test_every_member_is_what_it_is_alone(opset: int, wide: float) -> None:
    of = members(wide)
    assert all(map(fits, of)) and not fits(coded(bell(8), (8,)))
    large = bell(70, 51, wide=wide)
    for some in ([*of, coded(large, large.shape, scale=ONE)], of[:2], of[::-1]):
        proto, e, parts = together(opset, some)
        assert sum(parts) == e.nbytes and all(p > 0 for p in parts)
        for level in (LEVELS.ORT_ENABLE_ALL, LEVELS.ORT_DISABLE_ALL):
            assert all(same(out, m.decode()) for out, m in zip(run(proto, level=level), some, strict=False)), (e.label, opset)


def test_nothing_is_left_to_a_run(tmp_path: Path) -> None:
    first, second = bell(60, 70, wide=0.6), bell(80, 50, wide=0.6)
    proto, e, _ = together(17, [coded(first, first.shape, scale=ONE), coded(second, second.shape, scale=-ONE), *members(0.4)])
    assert e.label == "bundle + tree of 1"
    session(proto, LEVELS.ORT_ENABLE_BASIC, str(tmp_path / "m.onnx"))
    assert {n.op_type for n in onnx.load(str(tmp_path / "m.onnx")).graph.node} == {"Identity"}


def forms(of: list[Coded], limits: Limits = EVERYTHING) -> tuple[list[Emission], list[str]]:
    names = [f"W{i}" for i in range(len(of))]
    return [min(for_codes(lambda label: Emission(17, label=label), m, n, limits), key=lambda e: e.nbytes)
            for m, n in zip(of, names, strict=True)], names


def test_bundles_are_smaller_than_their_members_and_within_limits() -> None:
    like = [coded(bell(40, 10), (40, 10), scale=ONE * i) for i in range(1, 6)]
    unlike = [(RANDOM.random((9, 100)) < 0.5).astype(np.uint8), bell(9, 100, wide=40).clip(-127, 127)]
    alone, names = forms([*like, *(coded(u, u.shape, scale=ONE) for u in unlike)])
    (found,) = Bundling(EVERYTHING).together(lambda label: Emission(17, label=label), names, alone)
    assert set(found.which) >= set(range(5)) and sum(found.parts) == found.emission.nbytes
    assert found.emission.nbytes < 0.85 * sum(alone[i].nbytes for i in found.which)
    for refused in (Limits(refused=("tree",)), Limits(refused=("bundle",)), Limits(load_memory=2.0)):
        assert not Bundling(refused).together(lambda label: Emission(17, label=label), names, alone)


def test_many_codes_of_a_byte_that_no_tree_makes_smaller_are_in_no_bundle() -> None:
    random = np.random.default_rng(0)
    wide = random.normal(size=MANY).clip(-2.8, 2.8) * 45
    peaked = (random.laplace(size=MANY) * 8).clip(-127, 127)
    kinds = {"wide": wide, "small": wide[: MANY // 2], "few": wide / 45, "peaked": peaked}
    found = {kind: fits(coded(np.rint(codes).astype(np.int8), codes.shape, scale=ONE)) for kind, codes in kinds.items()}
    assert found == {"wide": False, "small": True, "few": True, "peaked": True}
