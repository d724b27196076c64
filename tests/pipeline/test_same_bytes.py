"""A pipe gives the bytes that `run` gives, and a step that was asked for is never undone."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from corpus.worker import apply as apply_steps
from fuzz.models import random_model
from onnx import ModelProto, helper, numpy_helper

import lightweight_cli

STEPS = ["prune:sparsity=0.3", "prune:sparsity=0.9", "prune:threshold=0.01", "quantize", "quantize:bits=4", "share", "half", "pack",
         "strip", "dedupe", "unpack"]


def convs(share_of_zeros: float) -> ModelProto:
    """Two convolutions of which so many weights are zero already."""
    random, nodes, tensors, last, width = np.random.default_rng(7), [], [], "x", 8
    for k, wide in enumerate((32, 64)):
        w = (random.standard_normal((wide, width, 3, 3)) * 0.1).astype(np.float32)
        if share_of_zeros:
            w[np.abs(w) < np.quantile(np.abs(w), share_of_zeros)] = 0
        w[0, 0, 0, 0] = -0.0
        tensors += [numpy_helper.from_array(w, f"w{k}"), numpy_helper.from_array(random.standard_normal(wide).astype(np.float32), f"b{k}")]
        nodes.append(helper.make_node("Conv", [last, f"w{k}", f"b{k}"], [f"c{k}"], pads=[1, 1, 1, 1]))
        last, width = f"c{k}", wide
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", 1, [1, 8, 8, 8])],
                              [helper.make_tensor_value_info(last, 1, [1, 64, 8, 8])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def agree(model: ModelProto, steps: list[str], folder: Path) -> bytes:
    """Check that the steps one after the other, each from the file of the one before, give what they give together."""
    onnx.save(model, folder / "model.onnx")
    at = folder / "model.onnx"
    for i, step in enumerate(steps):
        apply_steps(str(at), (step,), str(folder / f"{i}.onnx"))
        at = folder / f"{i}.onnx"
    apply_steps(str(folder / "model.onnx"), tuple(steps), str(folder / "whole.onnx"))
    assert at.read_bytes() == (folder / "whole.onnx").read_bytes(), steps
    return at.read_bytes()


@pytest.mark.parametrize("seed", range(25))
def test_random_models(seed: int, tmp_path: Path) -> None:
    choose = random.Random(seed)
    agree(random_model(seed), [choose.choice(STEPS) for _ in range(3)], tmp_path)


@pytest.mark.parametrize("zeros", [0.0, 0.9])
@pytest.mark.parametrize("first", ["prune:sparsity=0.02", "prune:sparsity=0.5", "strip"])
@pytest.mark.parametrize("second", ["quantize", "share", "half", "pack"])
def test_a_prune_that_saves_nothing_by_itself(zeros: float, first: str, second: str, tmp_path: Path) -> None:
    """A fiftieth of the weights take no fewer bytes as zeros, but are zeros in what follows."""
    model = convs(zeros)
    result = agree(model, [first, second], tmp_path)
    assert len(result) <= model.ByteSize()
    if first == "prune:sparsity=0.02" and not zeros:
        alone = onnx.load(tmp_path / "0.onnx")
        pruned = {t.name: numpy_helper.to_array(t) for t in alone.graph.initializer}
        assert not alone.metadata_props and all(np.count_nonzero(pruned[n] == 0) == round(0.02 * pruned[n].size) for n in ("w0", "w1"))


def test_zeros_that_are_there_already_are_stored_and_told(tmp_path: Path) -> None:
    model = convs(0.9)
    onnx.save(model, tmp_path / "model.onnx")
    result = lightweight_cli.run(model, ["prune:sparsity=0.5"])
    (step,) = result.steps
    assert step.changed == 0 and step.modified and [w.name for w in step.weights] == ["w0", "w1"]
    apply_steps(str(tmp_path / "model.onnx"), ("prune:sparsity=0.5",), str(tmp_path / "out.onnx"))
    assert (tmp_path / "out.onnx").stat().st_size == result.size < model.ByteSize() / 5


def test_provenance_alone_makes_nothing_larger(tmp_path: Path) -> None:
    """Two stored shapes take fewer bytes than the two entries that would say they were removed."""
    model = convs(0.0)
    model.graph.value_info.extend([helper.make_tensor_value_info(n, 1, [1, 16, 6, 6]) for n in ("ghost", "c9")])
    onnx.save(model, tmp_path / "model.onnx")
    apply_steps(str(tmp_path / "model.onnx"), ("strip",), str(tmp_path / "out.onnx"))
    after = onnx.load(tmp_path / "out.onnx")
    assert not after.graph.value_info and not after.metadata_props
    assert (tmp_path / "out.onnx").stat().st_size < (tmp_path / "model.onnx").stat().st_size


@pytest.mark.parametrize("steps", [["prune:sparsity=0.5", s] for s in ("quantize", "share", "half", "quantize:bits=4")])
def test_a_decoding_table_of_an_earlier_step_goes_where_it_does_not_pay(steps: list[str], tmp_path: Path) -> None:
    """One small weight: a bitmask saves it some hundred bytes, and its tables take more."""
    values = (np.random.default_rng(7).standard_normal((16, 16, 3, 3)) * 0.1).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]), helper.make_node("Conv", ["c", "w"], ["y"])], "g",
        [helper.make_tensor_value_info("x", 1, ["n", 16, 10, 10])], [helper.make_tensor_value_info("y", 1, ["n", 16, 8, 8])],
        [numpy_helper.from_array(values, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    after = onnx.ModelProto.FromString(agree(model, steps, tmp_path))
    alone = lightweight_cli.run(model, steps[1:]).size
    kept = any(n.output[0] == ".w" for n in after.graph.node)
    assert after.ByteSize() < alone if kept else after.ByteSize() <= alone + 40
