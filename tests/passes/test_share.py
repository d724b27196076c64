"""share: few values, zeros kept, in any place a weight can be."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from conftest import run, written
from onnx import numpy_helper
from weight_models import BRANCHES, CONSTANT, CONV, FUNCTION, MATMUL, OUTPUT, TIED, filled, gaussian, opset, plain, stepped

import lightweight_cli
from lightweight_cli.errors import UsageError
from lightweight_cli.passes.share.values import share_values

TENSOR = {"granularity": "tensor"}
EYE = np.eye(64, dtype=np.float32)
W = gaussian(64, 32)


def error(got: np.ndarray) -> float:
    """Share of the energy of W that is lost."""
    return float(((got - W) ** 2).sum() / (W**2).sum())


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_codebook_has_so_many_values_and_the_runtime_decodes_them(bench, bits):
    model = bench.load(filled(MATMUL, W=gaussian(64, 32)))
    assert stepped(model, share_values, bits=bits, **TENSOR).changed == 1
    (decoded,) = run(written(model), {"x": EYE})
    assert len(np.unique(decoded)) == 2**bits
    assert decoded.tobytes() == plain(model).tobytes()
    assert error(decoded) < 2.8 * 4.0**-bits  # the best codebooks for Gaussians: 0.36, 0.12, 0.035, 0.0095, ...


def test_zeros_stay_zero_and_cost_a_bit(bench):
    large = gaussian(64, 640)
    pruned = large * (np.abs(large) > 1.0)
    model = bench.load(filled(MATMUL.replace("32]", "640]"), W=pruned))
    (changed,) = stepped(model, share_values, bits=4, **TENSOR).weights
    (decoded,) = run(written(model), {"x": EYE})
    assert (decoded[pruned == 0] == 0).all() and len(np.unique(decoded)) == 16
    kept = np.count_nonzero(pruned)
    assert changed.encoding.startswith("tree") and changed.after < pruned.size / 8 + kept / 2 + 1000
    assert np.count_nonzero(decoded) == kept  # the smallest left is nearer to another centroid than to zero


def test_a_weight_without_zeros_needs_none(bench):
    model = bench.load(filled(MATMUL, W=np.abs(W) + 1))
    stepped(model, share_values, bits=2, **TENSOR)
    assert plain(model).min() > 1


def test_few_values_are_kept_exactly(bench):
    ternary = np.sign(W) * (np.abs(W) > 0.6) * np.float32(0.37)
    count, _ = bench.apply(filled(MATMUL, W=ternary.astype(np.float32)), share_values, {"x": gaussian(5, 64)}, bits=2, **TENSOR)
    assert count == 1


def test_a_weight_of_few_values_is_left_alone(bench):
    model = bench.load(filled(MATMUL, W=W))
    stepped(model, share_values, bits=3, **TENSOR)
    before = written(model)
    (left,) = stepped(model, share_values, bits=4, **TENSOR).left
    assert left.reason == "is stored in 4 bits or fewer already"
    assert written(model) == before
    assert stepped(model, share_values, bits=2, **TENSOR).changed == 1 and len(np.unique(plain(model))) == 4


def test_the_same_bytes_again(bench):
    for options in ({"bits": 4}, {"bits": 4, "block_size": 8}, {"bits": 8, "vector": 4, "stages": 2},
                    {"bits": 3, "granularity": "channel"}):
        model = filled(CONV, W=gaussian(16, 8, 3, 3))
        first, second = bench.load(model), bench.load(model)
        stepped(first, share_values, **options)
        stepped(second, share_values, **options)
        assert written(first).SerializeToString() == written(second).SerializeToString()


@pytest.mark.parametrize("text,feed,name", [
    (BRANCHES, {"x": EYE, "c": np.array(True)}, "V"), (BRANCHES, {"x": EYE, "c": np.array(False)}, "W"),
    (CONSTANT, {"x": EYE}, "W"), (FUNCTION, {"x": EYE}, "W")])
def test_wherever_the_weight_is(bench, text, feed, name):
    model = bench.load(filled(text, W=gaussian(64, 32), V=gaussian(64, 32, seed=1)))
    assert stepped(model, share_values, bits=4, **TENSOR).changed == text.count("MatMul")
    (decoded,) = run(written(model), feed)
    assert len(np.unique(decoded)) == 16 and decoded.tobytes() == plain(model, name).tobytes()


def test_a_tied_weight_is_shared_once(bench):
    model = bench.load(filled(TIED, W=gaussian(64, 32)))
    report = stepped(model, share_values, bits=4, **TENSOR)
    assert report.changed == 1
    rows, products = run(written(model), {"i": np.arange(64), "x": np.eye(64, 32, dtype=np.float32)})
    assert len(np.unique(rows)) == 16 and products[:32].tobytes() == np.ascontiguousarray(rows.T).tobytes()


def test_what_stays_and_why(bench):
    bad = gaussian(64, 32)
    bad[3, 5] = np.nan
    cases = [
        (filled(OUTPUT, W=W), "is an output of the graph"),
        (filled(MATMUL, W=bad), "weights are not finite"),
        (opset(filled(MATMUL, W=W), 6), "opset 6: decoding nodes need 7"),
        (filled(MATMUL.replace("[64, 32]", "[64, 0]"), W=W[:, :0]), "is empty"),
        (filled(MATMUL.replace("64", "2"), W=W[:2]), "would not be smaller"),
    ]
    for model, reason in cases:
        loaded = bench.load(model)
        report = stepped(loaded, share_values, bits=8 if "smaller" in reason else 4, **TENSOR)
        assert report.changed == 0 and report.left[0].reason.startswith(reason)
        assert written(loaded).graph.initializer == model.graph.initializer


def test_an_old_opset_and_a_half_width_weight(bench):
    for version, dtype in ((7, np.float32), (8, np.float32), (17, np.float16)):
        text = MATMUL.replace("float[", "float16[") if dtype is np.float16 else MATMUL
        model = bench.load(opset(filled(text, W=gaussian(64, 32).astype(dtype)), version))
        stepped(model, share_values, bits=4, **TENSOR)
        (decoded,) = run(written(model), {"x": EYE.astype(dtype)})
        assert decoded.dtype == dtype and len(np.unique(decoded)) == 16


def test_a_scale_for_each_channel(bench):
    wide = W * np.logspace(-2, 2, 32, dtype=np.float32)
    errors = []
    for granularity in ("tensor", "channel"):
        model = bench.load(filled(MATMUL, W=wide))
        stepped(model, share_values, bits=4, granularity=granularity)
        (decoded,) = run(written(model), {"x": EYE})
        assert decoded.tobytes() == plain(model).tobytes()
        errors.append(((decoded - wide) ** 2).sum(axis=0) / (wide**2).sum(axis=0))
    assert errors[1].max() < 0.03 and errors[0].max() > 0.5  # narrow channels vanish in a common codebook
    ratios = decoded / np.abs(wide).max(axis=0)
    steps = np.diff(np.unique(ratios))
    assert np.count_nonzero(steps > 0.005) < 16 and not ((steps > 0.002) & (steps <= 0.005)).any()  # scales are float16


@pytest.mark.parametrize("text,shape", [
    (MATMUL, (64, 32)), (CONV, (16, 8, 3, 3)), (MATMUL.replace("32", "33").replace("64", "61"), (61, 33))])
def test_vectors(bench, text, shape):
    weight = gaussian(*shape)
    lost = []
    for stages in (1, 2):
        model = bench.load(filled(text, W=weight))
        (changed,) = stepped(model, share_values, bits=4, vector=4, stages=stages).weights
        assert changed.encoding.startswith("vectors")
        after = written(model)
        decoded = plain(model)
        feed = {"x": gaussian(*(2, shape[0]) if len(shape) == 2 else (1, 8, 9, 9), seed=2)}
        for got, want in zip(run(after, feed), run(filled(text, W=decoded), feed), strict=True):
            assert got.tobytes() == want.tobytes()
        along = decoded.reshape(16, -1, 4) if len(shape) == 4 else decoded.T.reshape(32, -1, 4) if shape[0] == 64 else None
        if along is not None and stages == 1:
            assert len(np.unique(along.reshape(-1, 4), axis=0)) == 16
        lost.append(((decoded - weight) ** 2).sum() / (weight**2).sum())
    assert lost[1] < 0.75 * lost[0] < 0.75


def test_stages_without_vectors_are_refused(bench):
    with pytest.raises(UsageError, match="--stages 2 needs --vector"):
        share_values(bench.load(filled(MATMUL, W=W)), bits=4, stages=2)
    with pytest.raises(UsageError, match="--vector 4 has no scales: leave out --granularity and --block-size"):
        share_values(bench.load(filled(MATMUL, W=W)), bits=4, vector=4, granularity="block")


def decoded_by(folder, steps, data=None):
    """The weight W after steps, and the notes of the first."""
    result = lightweight_cli.run(folder / "m.onnx", [*steps, "unpack"], calibrate=data)
    result.save(folder / "out.onnx", check=False, force=True)
    (weight,) = [t for t in onnx.load(folder / "out.onnx").graph.initializer if t.name == "W"]
    return numpy_helper.to_array(weight), result.steps[0].notes


@pytest.mark.parametrize("step", ["share:bits=4", "share:bits=4,granularity=tensor", "quantize:bits=4", "quantize:bits=4,asymmetric"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_pruned_weights_stay_zero_through_second_order_rounding(tmp_path, step, calibrated):
    weight = gaussian(16, 8, 3, 3)
    weight[np.abs(weight) < 0.8] = 0
    onnx.save(filled(CONV, W=weight), tmp_path / "m.onnx")
    x = np.abs(gaussian(40, 1, 8, 9, 9))  # of one sign: errors are passed on to all that may move
    decoded, notes = decoded_by(tmp_path, [step], [{"x": each} for each in x] if calibrated else None)
    assert calibrated or "calibrated without data" in notes
    assert not decoded[weight == 0].any() and 0 < ((decoded - weight) ** 2).sum() < 0.1 * (weight**2).sum()


def test_single_values_are_the_codebook_of_quantize(tmp_path):
    onnx.save(filled(CONV, W=gaussian(16, 8, 3, 3)), tmp_path / "m.onnx")
    (shared, _), (quantized, _) = (decoded_by(tmp_path, [step]) for step in ("share:bits=3", "quantize:bits=3,grid=codebook"))
    assert shared.tobytes() == quantized.tobytes()


def test_what_prune_stored_is_shared(bench):
    from lightweight_cli.passes.prune.magnitude import prune_magnitude

    model = bench.load(filled(CONV, W=gaussian(16, 8, 3, 3)))
    stepped(model, prune_magnitude, threshold=None, relative=None, sparsity=0.75, scope="tensor")
    report = stepped(model, share_values, bits=4, **TENSOR)
    assert report.changed == 1
    decoded = plain(model)
    assert np.count_nonzero(decoded == 0) == 16 * 8 * 9 * 3 // 4 and len(np.unique(decoded)) == 16
    assert numpy_helper.to_array(written(model).graph.initializer[0]).tobytes() == decoded.tobytes()
