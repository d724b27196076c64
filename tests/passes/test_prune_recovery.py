"""prune with data: what stays makes up for what went, wherever a weight lies; and the patterns, scopes and limits beside magnitude."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from passes.layer_models import HEAD, MODELS, error, model_of, rows

import lightweight_cli
from lightweight_cli.errors import UsageError

TWO = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,96] x) => (float[N,40] y) <float[96,64] V, float[64] B, float[64,40] W>
    { a = MatMul (x, V)  c = Add (a, B)  b = Relu (c)  y = MatMul (b, W) }"""


def decoded(path: str) -> dict[str, np.ndarray]:
    """Every weight as unpacked."""
    done = lightweight_cli.run(path, ["unpack"])
    if done.steps[0].changed:
        path += ".unpacked"
        done.save(path, check=False, force=True)
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def saved(done, tmp_path, name: str) -> str:
    target = str(tmp_path / f"{name}.onnx")
    done.save(target, check=False)
    return target


@pytest.mark.parametrize("name", MODELS)
def test_outputs_on_other_rows_are_nearer_than_zeroed(name, save, parse, tmp_path):
    model = model_of(name, parse)
    source, feed, fresh = save(model), rows(model, 400, 0), rows(model, 64, 7)
    found = {}
    for way in ("no_recover=true", "criterion=obs"):
        done = lightweight_cli.run(source, [f"prune:sparsity=0.5,{way}"], calibrate=[feed])
        found[way] = error(source, saved(done, tmp_path, way[:4]), fresh), done.steps[0]
        assert not done.steps[0].left
    zeroed, recovered = found.values()
    assert recovered[0] < 0.8 * zeroed[0] and recovered[1].changed == zeroed[1].changed


@pytest.mark.parametrize(("pattern", "group"), [("2:4", 4), ("4:8", 8), ("1:4", 4)])
def test_so_many_of_every_group_stay(pattern, group, save, parse, tmp_path):
    model = parse(TWO)
    done = lightweight_cli.run(save(model), [f"prune:pattern={pattern},criterion=obs"], calibrate=[rows(model, 300, 0)])
    kept = int(pattern[0])
    found = decoded(saved(done, tmp_path, "nm"))
    for values in (found["V"], found["W"]):
        groups = values.T.reshape(values.shape[1], -1, group)
        assert (np.count_nonzero(groups, axis=2) == kept).all()


def test_blocks_go_whole(save, parse, tmp_path):
    done = lightweight_cli.run(save(parse(TWO)), ["prune:pattern=4x2,sparsity=0.5"])
    found = decoded(saved(done, tmp_path, "blocks"))
    for values in (found["V"], found["W"]):
        blocks = values.T.reshape(values.shape[1] // 4, 4, -1, 2).transpose(0, 2, 1, 3)
        gone = ~blocks.any(axis=(2, 3))
        assert gone.mean() == 0.5 and np.count_nonzero(blocks) == (~gone).sum() * 8


@pytest.mark.parametrize("scope", ["global", "lamp", "sensitivity", "sensitivity,no_recover=true"])
def test_the_share_is_exact_over_all_tensors(scope, save, parse, tmp_path):
    model = parse(TWO)
    done = lightweight_cli.run(save(model), [f"prune:sparsity=0.7,scope={scope}"], calibrate=[rows(model, 300, 0)])
    zeros = {n: np.count_nonzero(v == 0) for n, v in decoded(saved(done, tmp_path, scope)).items() if n in "VW"}
    assert sum(zeros.values()) == round(0.7 * (96 * 64 + 64 * 40)) and zeros["V"] / (96 * 64) != zeros["W"] / (64 * 40)


def test_by_obs_tensors_lose_by_what_their_layers_lose(save, parse, tmp_path):
    source, seen, found = save(parse(TWO)), rows(parse(TWO), 60, 0), []
    for scope in ("", ",scope=sensitivity", ",scope=tensor"):
        done = lightweight_cli.run(source, [f"prune:sparsity=0.7,criterion=obs,rounds=2{scope}"], calibrate=[seen])
        found.append([np.count_nonzero(v) for v in decoded(saved(done, tmp_path, scope or "default")).values()])
    assert found[0] == found[1] != found[2]


def test_all_but_the_largest_and_soft_threshold(save, parse, tmp_path):
    source = save(parse(TWO))
    before = decoded(source)
    top = decoded(saved(lightweight_cli.run(source, ["prune:keep_top=100"]), tmp_path, "top"))
    soft = decoded(saved(lightweight_cli.run(source, ["prune:l1=0.05"]), tmp_path, "soft"))
    for name in "VW":
        assert np.count_nonzero(top[name]) == 100
        expected = np.sign(before[name]) * np.maximum(np.abs(before[name]) - 0.05, 0)
        assert np.allclose(soft[name], expected, atol=1e-7) and (soft[name] == 0).any()


STORED = {
    "4 bits": "quantize:bits=4,keep=0,method=nearest", "zero points": "quantize:bits=5,keep=0,granularity=channel,asymmetric=true",
    "shared": "share:bits=4", "half": "half",
}


@pytest.mark.parametrize("form", STORED)
def test_stored_weights_are_recovered_in_their_form(form, save, parse, tmp_path):
    model = parse(TWO)
    fresh, source = rows(model, 64, 7), saved(lightweight_cli.run(save(model), [STORED[form]]), tmp_path, "coded")
    before, found = decoded(source), {}
    for way in ("no_recover=true", "criterion=obs,scope=tensor"):
        done = lightweight_cli.run(source, [f"prune:sparsity=0.5,{way}"], calibrate=[rows(model, 300, 0)])
        target = saved(done, tmp_path, way[:4])
        found[way] = error(source, target, fresh)
        assert done.steps[0].weights and Path(target).stat().st_size <= Path(source).stat().st_size
    assert found["criterion=obs,scope=tensor"] < 0.8 * found["no_recover=true"]
    stored, left = {w.name for w in done.steps[0].weights}, {w.name for w in done.steps[0].left}
    assert "V" in stored and stored | left == {"V", "W"}  # of shared W, a 17th level costs more than the zeros save
    for name, values in decoded(target).items():
        if name in stored:
            assert np.count_nonzero(values == 0) >= values.size // 2
            assert form == "half" or len(np.unique(values)) <= len(np.unique(before[name]))
            assert form != "half" or np.array_equal(values, values.astype(np.float16))


def test_what_is_no_weight_of_a_layer(save, parse):
    model = parse(f"""{HEAD} g (float[N,32] x) => (float[N,32] y, float[32,32] W) <float[32,32] W, float[0,32] E, float[32,32] V>
        {{ a = MatMul (x, W)  b = MatMul (a, V)  e = Shape (E)  y = Identity (b) }}""")
    done = lightweight_cli.run(save(model), ["prune:sparsity=0.5"], calibrate=[rows(model, 200, 0)])
    assert [w.name for w in done.steps[0].weights] == ["V"]
    assert "is an output of the graph" in next(w.reason for w in done.steps[0].left if w.name == "W")


def test_the_smallest_stay(save, parse):
    done = lightweight_cli.run(save(parse(TWO)), ["prune:sparsity=0.5,keep=0.35"])
    assert [(w.name, w.reason) for w in done.steps[0].left if "keep" in w.reason] == [("W", "is among the smallest (--keep 0.35)")]


@pytest.mark.parametrize(("step", "said"), [
    ("prune:sparsity=0.5,pattern=2:4", "sparsity with pattern 2:4"),
    ("prune:pattern=4x4", "give exactly one of"),
    ("prune:sparsity=0.5,pattern=4:4", "pattern 4:4: must be N:M"),
    ("prune:threshold=1,scope=lamp", "scope lamp shares out sparsity"),
    ("prune:pattern=2:4,rounds=3", "N:M has rounds of its own"),
    ("prune:sparsity=0.5,criterion=wanda", "criterion wanda needs data that choose"),
    ("prune:sparsity=0.5,scope=sensitivity", "scope sensitivity needs data that choose"),
])
def test_what_is_refused(step, said, save, parse):
    with pytest.raises(UsageError, match=said):
        lightweight_cli.run(save(parse(TWO)), [step])


def test_the_same_data_give_the_same_bytes(save, parse, tmp_path):
    model = parse(TWO)
    source, feed = save(model), rows(model, 200, 0)
    steps = ["prune:sparsity=0.6,criterion=obs"]
    paths = [saved(lightweight_cli.run(source, steps, calibrate=[feed]), tmp_path, name) for name in ("a", "b")]
    assert Path(paths[0]).read_bytes() == Path(paths[1]).read_bytes()
