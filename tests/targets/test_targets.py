"""--target: what a place does not take is refused before the work, or is not in the file that is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest

from lightweight_cli import api
from lightweight_cli.compute import static
from lightweight_cli.compute.menu import Asked
from lightweight_cli.errors import UsageError
from lightweight_cli.inspect import report_dict
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.pipeline import recipe, registry
from lightweight_cli.runtime.ort_format import NEEDS, is_ort
from lightweight_cli.targets import runtimes, table
from lightweight_cli.targets.refuse import refuse_steps
from lightweight_cli.targets.target import STORING
from lightweight_cli.weights.search import find_weights

Call = Callable[..., tuple[int, bytes, str]]
X = np.random.default_rng(3).standard_normal((2, 64)).astype(np.float32)


def test_what_is_to_be_taken_instead_is_taken() -> None:
    for words, target in (("quantize:for=speed", "ort-format"), ("quantize:for=memory", "ort-format"), ("quantize:bits=4", "openvino"),
                          ("prune:pattern=2:4", "tensorrt"), ("prune-channels", "npu"), ("half", "tensorrt"),
                          ("quantize:for=speed,activations=static", "npu"), ("quantize:for=speed,activations=static", "tensorrt")):
        step = recipe.parse(words)
        refuse_steps(table.TARGETS[target], [step])
    for words, target in (("quantize:for=speed", "npu"), ("quantize:for=speed", "tensorrt")):
        with pytest.raises(UsageError, match="decoded"):
            refuse_steps(table.TARGETS[target], [recipe.parse(words)])


FORMS = [{}, *({"for": purpose, "format": form, **({"activations": seen} if seen else {})}
               for purpose, seen, form in product(("speed", "memory"), (None, "none", "dynamic", "static"), ("qdq", "qoperator", "nbits")))]
"""What quantize may write, by its options."""
INTEGERS = [f for f in FORMS if f and (f.get("activations") != "none" or f["format"] == "nbits")]
TAKEN = {
    ("onnxruntime", None): FORMS,
    ("onnxruntime", "1.23"): FORMS,
    ("onnxruntime", "1.20"): [f for f in FORMS if f.get("format") != "nbits"],
    ("ort-format", None): INTEGERS,
    ("web", None): FORMS,
    ("openvino", None): [f for f in FORMS if f.get("format") != "qoperator"],
    **{(name, None): [f for f in FORMS if f.get("activations") == "static" and f["format"] == "qdq"] for name in ("tensorrt", "npu")},
}
"""What of that runs in each place, by runs of small models there, or by its documents."""


@pytest.mark.parametrize(("name", "runtime"), TAKEN)
def test_each_form_is_taken_or_refused_with_what_to_take_instead(name: str, runtime: str | None) -> None:
    place = table.asked(name, runtime)
    for form in FORMS:
        step = recipe.make("quantize", form)
        if form in TAKEN[name, runtime]:
            refuse_steps(place, [step])
            continue
        with pytest.raises(UsageError) as told:
            refuse_steps(place, [step])
        words = re.search(r"; take (?:quantize )?((?:--[a-z]+ [a-z]+ ?)+)", str(told.value))
        assert words is not None, told.value
        instead = dict(re.findall(r"--([a-z]+) ([a-z]+)", words[1]))
        refuse_steps(place, [recipe.make("quantize", instead if "for" in instead else form | instead)])
    assert {target for target, _ in TAKEN} == set(table.TARGETS)


@pytest.mark.parametrize("name", table.TARGETS)
def test_operators_on_integers_are_for_places_that_have_them(name: str) -> None:
    """Below opset 13, where they are the only form with a scale for each output."""
    forms = Asked(calibrated=True).at(table.TARGETS[name]).forms("Conv", 12)
    assert (static.OPERATORS in forms) == (name in ("onnxruntime", "web", "ort-format"))


def test_declarations_name_what_there_is() -> None:
    for target in table.TARGETS.values():
        assert set(target.refused) <= set(STORING)
        assert set(target.passes) <= set(registry.PASSES)
        assert all(r.why and r.instead for r in target.passes.values())
        assert target.what and target.folds and target.source
    releases = list(runtimes.RELEASES.values())
    assert list(runtimes.RELEASES) == sorted(runtimes.RELEASES)
    assert all(a.opset <= b.opset and a.ir <= b.ir and set(a.lacks) >= set(b.lacks) for a, b in zip(releases, releases[1:], strict=False))


@pytest.mark.parametrize(("words", "status", "why"), [
    (("quantize", "--target", "ort-format", "-o", "out.ort"), 2, "quantize gains nothing there"),
    (("run", "-p", "strip", "-p", "pack", "--target", "npu", "-o", "out.onnx"), 2, "take strip, fold and dedupe"),
    (("strip", "--target", "onnxruntme", "-o", "out.onnx"), 2, "did you mean onnxruntime?"),
    (("strip", "--target", "web", "--min-runtime", "1.20", "-o", "out.onnx"), 2, "goes with --target onnxruntime, not web"),
    (("quantize", "--for", "speed", "--format", "qoperator", "--target", "openvino", "-o", "out.onnx"), 2, "take --format qdq"),
    (("quantize", "--for", "speed", "--activations", "none", "--target", "ort-format", "-o", "out.ort"), 2, "but for --activations none"),
    (("half", "--compute", "--target", "ort-format", "-o", "out.ort"), 2, "halves are widened to floats"),
    (("quantize", "--for", "memory", "--format", "nbits", "--min-runtime", "1.20", "-o", "out.onnx"), 2, "take --format qdq"),
    (("strip", "--min-runtime", "1.9", "-o", "out.onnx"), 2, "must be a release of onnxruntime from 1.16 on"),
    (("strip", "--target", "ort-format", "-o", "out.onnx"), 2, "writes a .ort file"),
    (("strip", "--min-runtime", "1.16", "-o", "out.onnx"), 4, "has opset 20, and it takes up to 19"),
])
def test_what_can_not_be_had_is_refused_before_the_work(
    words: tuple[str, ...], status: int, why: str, call: Call, mlp: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto = onnx.load(mlp)
    proto.ir_version, proto.opset_import[0].version = 9, 20
    onnx.save(proto, "model.onnx")
    monkeypatch.setattr(registry, "apply", lambda *_: pytest.fail("a pass ran"))
    code, out, err = call(*words, "model.onnx")
    assert (code, out) == (status, b"")
    assert why in err and err.startswith("lwc: error: ") and len(err.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx"]


def test_an_ort_file_is_written_checked_and_gives_the_same(
    call: Call, mlp: str, tmp_path: Path, execute: Callable[..., list[np.ndarray]]
) -> None:
    code, _, err = call("strip", mlp, "--target", "ort-format", "-o", "small.ort", "--report", "r.json")
    assert code == 0, err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "r.json", "small.ort", f"small.{NEEDS}"]
    assert is_ort("small.ort") and not is_ort(mlp)
    report = json.loads(Path("r.json").read_text())
    assert (report["target"], report["status"]) == ("ort-format", "written")
    assert report["bytes_after"] == Path("small.ort").stat().st_size
    assert min(o["sqnr"] for o in report["accuracy"]["outputs"]) == "inf" or report["accuracy"]["outputs"][0]["sqnr"] > 100
    assert np.allclose(execute("small.ort", {"x": X})[0], execute(mlp, {"x": X})[0], rtol=1e-5, atol=1e-4)
    code, _, err = call("verify", mlp, "small.ort", "--min-sqnr", "100", "-q")
    assert code == 0, err
    needs = Path(f"small.{NEEDS}").read_text()
    assert "MatMul" in needs and str(tmp_path) not in needs
    first = Path("small.ort").read_bytes()
    assert call("strip", mlp, "--target", "ort-format", "-o", "small.ort")[0] == 2
    code, out, err = call("strip", mlp, "--target", "ort-format", "-o", "-", "-q", "--no-check")
    assert (code, out) == (0, first)


def test_forms_that_no_step_touched_are_stored_anew(
    call: Call, mlp: str, execute: Callable[..., list[np.ndarray]]
) -> None:
    assert call("prune", mlp, "--sparsity", "0.9", "-o", "pruned.onnx", "--no-check", "-q")[0] == 0
    assert {row["encoding"].partition(" ")[0] for row in report_dict("pruned.onnx")["tensors"]} & {"bitmask", "delta"}
    told = report_dict("pruned.onnx", target=table.asked("openvino"))["target"]
    assert told["loads"] and any("is decoded at every run" in text and "--target openvino stores" in text for text in told["file"])
    code, _, err = call("strip", "pruned.onnx", "--target", "openvino", "-o", "moved.onnx", "--no-check", "--save-recipe", "again.toml")
    assert code == 0 and "stored anew for openvino" in err
    assert not {row["encoding"].partition(" ")[0] for row in report_dict("moved.onnx")["tensors"]} & {"bitmask", "delta"}
    assert np.array_equal(execute("pruned.onnx", {"x": X})[0], execute("moved.onnx", {"x": X})[0])
    assert report_dict("moved.onnx", target=table.asked("openvino"))["target"]["file"] == []
    assert Path("again.toml").read_text() == '[[step]]\npass = "strip"\n\n[target]\ntarget = "openvino"\n'
    code, _, err = call("run", "moved.onnx", "--recipe", "again.toml", "-o", "again.onnx", "--no-check")
    assert code == 0 and "pack" not in err and "for --target openvino" in err


def test_a_pass_writes_only_what_the_target_takes(mlp: str) -> None:
    free = api.run(mlp, ["prune:sparsity=0.9"])
    held = api.run(mlp, ["prune:sparsity=0.9"], target="tensorrt")
    assert any(w.encoding.startswith(("bitmask", "delta")) for s in free.steps for w in s.weights)
    assert {w.encoding for w in held.steps[0].weights} == {"float"} and len(held.steps) == 1
    with pytest.raises(UsageError, match="openvino: prune gains nothing there"):
        api.run(mlp, ["prune:sparsity=0.9"], target="openvino")
    tables = api.run(mlp, ["quantize:bits=4"], target="openvino")
    assert {w.encoding for w in tables.steps[0].weights} <= {"packed", "planes", "float"}
    with pytest.raises(UsageError, match="quantize gains nothing there"):
        api.run(mlp, ["quantize:bits=4"], target="tensorrt")


def test_an_older_runtime_gets_no_types_that_it_lacks(mlp: str) -> None:
    proto = onnx.load(mlp)
    proto.opset_import[0].version, proto.ir_version = 21, 10
    steps = ["quantize:bits=4,granularity=channel,method=nearest,keep=0,only=V"]
    new, old = api.run(proto, steps), api.run(proto, steps, min_runtime="1.20")
    assert "int4" in {w.encoding for w in new.steps[0].weights}
    assert {w.encoding for w in old.steps[0].weights} == {"packed"}
    assert np.array_equal(*(np.concatenate([w.read(0, w.size) for w in find_weights(r.model, Scopes(r.model.proto))]) for r in (new, old)))


def test_targets_are_listed(call: Call) -> None:
    code, out, _ = call("targets")
    assert code == 0 and all(name in out.decode() for name in table.TARGETS)
    listed = {t["name"]: t for t in json.loads(call("targets", "--json")[1])}
    assert list(listed) == list(table.TARGETS)
    assert {t["evidence"] for t in listed.values()} == {"run", "documents"}
    assert listed["npu"]["refused_passes"]["quantize"]["instead"].startswith("quantize --for speed --activations static")
    assert listed["ort-format"]["refused_passes"]["quantize"]["instead"].startswith("quantize --for speed")
    assert listed["onnxruntime"]["releases"]["1.17"]["opset"] == 20


def test_inspect_tells_beforehand(mlp: str, save: Callable[..., str]) -> None:
    old = report_dict(mlp, target=table.asked(None, "1.17"))["target"]
    assert old == {**old, "name": "onnxruntime", "min_runtime": "1.17", "loads": True, "file": [], "passes": []}
    npu = report_dict(mlp, target=table.asked("npu"))
    assert npu["target"]["file"] == ["inputs without a fixed shape: x"]
    assert [s["pass"] for s in npu["savings"] if s["bytes"]] == [] != [s for s in report_dict(mlp)["savings"] if s["bytes"]]
    proto = onnx.load(mlp)
    proto.opset_import.add(domain="com.microsoft", version=1)  # imported, and not used
    assert report_dict(save(proto, "other.onnx"), target=table.asked("tensorrt"))["target"]["loads"]
    proto.graph.node.add(op_type="MatMulNBits", domain="com.microsoft", input=["x"], output=["n"]).attribute.add(name="bits", type=2, i=8)
    bits = save(proto, "bits.onnx")
    held = report_dict(bits, target=table.asked(None, "1.21"))["target"]
    assert held["file"] == ["it has operators that it does not have: MatMulNBits 8 bit"]
    assert report_dict(bits, target=table.asked(None, "1.22"))["target"]["loads"]
    assert "operators of com.microsoft" in report_dict(bits, target=table.asked("tensorrt"))["target"]["file"][0]
    proto.opset_import[0].version, proto.ir_version = 23, 11
    new = report_dict(save(proto, "new.onnx"), target=table.asked(None, "1.17"))["target"]
    assert not new["loads"] and new["file"][0].startswith("it has opset 23, and it takes up to 20")
