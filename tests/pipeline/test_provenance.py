"""Provenance: a result names the steps it went through and the model it was made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import pytest


def properties(source: str | Path | bytes) -> dict[str, str]:
    proto = onnx.ModelProto.FromString(source) if isinstance(source, bytes) else onnx.load(source)
    found = {p.key: p.value for p in proto.metadata_props}
    assert len(found) == len(proto.metadata_props)
    return found


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_source_and_recipe(mlp, apply):
    done = apply(mlp, "prune:sparsity=0.5", "quantize:bits=4,block_size=64")
    assert properties(done.path) == {"lwc.source": digest(mlp), "lwc.recipe": "prune:sparsity=0.5\nquantize:bits=4,block_size=64"}


def test_steps_that_changed_nothing_are_not_told(mlp, apply):
    done = apply(mlp, "strip", "dedupe", "prune:threshold=0.01", "prune:threshold=0.01")
    assert properties(done.path)["lwc.recipe"] == "prune:threshold=0.01"


def test_a_pipe_keeps_the_first_source(mlp, lwc):
    first = lwc("prune", "--sparsity", "0.6", "--no-check", stdin=Path(mlp).read_bytes())
    second = lwc("quantize", "--bits", "4", "--no-check", stdin=first.stdout)
    assert properties(second.stdout) == {"lwc.source": digest(mlp), "lwc.recipe": "prune:sparsity=0.6\nquantize:bits=4"}


def test_other_metadata_stays(mlp, apply, save):
    proto = onnx.load(mlp)
    proto.metadata_props.add(key="author", value="someone")
    path = save(proto)
    found = properties(apply(path, "quantize").path)
    assert found["author"] == "someone" and found["lwc.source"] == digest(path)


def test_stripping_metadata_keeps_the_provenance(mlp, apply, save):
    proto = onnx.load(mlp)
    proto.metadata_props.add(key="author", value="someone")
    done = apply(save(proto), "quantize", "strip:metadata=true")
    assert set(properties(done.path)) == {"lwc.source", "lwc.recipe"}


def test_the_source_of_a_model_with_external_data_is_the_model_file(mlp, apply, tmp_path):
    onnx.save(onnx.load(mlp), tmp_path / "ext.onnx", save_as_external_data=True, location="ext.data", size_threshold=0)
    path = str(tmp_path / "ext.onnx")
    assert properties(apply(path, "quantize").path)["lwc.source"] == digest(path)


@pytest.mark.parametrize(("made_from", "warned"), [("model", False), ("other", True)])
def test_verify_tells_a_candidate_of_another_model(mlp, save, apply, call, made_from, warned):
    done = apply(mlp, "quantize")
    proto = onnx.load(mlp)
    proto.graph.name = "another"
    save(proto, "other.onnx")
    status, out, error = call("verify", f"{made_from}.onnx", done.path)
    assert status == 0 and ("provenance" in error or "was made from" in error or "does not come from" in error) == warned, error
