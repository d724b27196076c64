"""What `lwc inspect` says about models, and about files that are none."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.errors import InputError, UsageError
from lightweight_cli.inspect import report_dict
from lightweight_cli.inspect.command import main, parse
from lightweight_cli.inspect.formatting import Style, count, shape, shortened, size
from lightweight_cli.inspect.scan import scan
from lightweight_cli.inspect.table import render
from lightweight_cli.model.wire import WireError


def saved(model: onnx.ModelProto | str, folder: Path, **weights: np.ndarray) -> str:
    """Write a model, given as text or not, with `weights` as further initializers."""
    model = onnx.parser.parse_model(model) if isinstance(model, str) else model
    model.graph.initializer.extend(numpy_helper.from_array(w, name) for name, w in weights.items())
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return str(path)


def row(document: dict, name: str) -> dict:
    """Return the only tensor called `name`."""
    (found,) = [tensor for tensor in document["tensors"] if tensor["name"] == name]
    return found


def floats(*dims: int) -> np.ndarray:
    """Return values that are all different and not zero."""
    return np.arange(1, 1 + int(np.prod(dims)), dtype=np.float32).reshape(dims)


LINEAR = """<ir_version: 8, opset_import: ["" : 17], producer_name: "test", producer_version: "1">
g (float[batch, 8] x) => (float[batch, 4] y) { y = MatMul(x, w) }"""


def test_a_plain_weight(tmp_path: Path) -> None:
    path = saved(LINEAR, tmp_path, w=floats(8, 4))
    document = report_dict(path)
    assert row(document, "w") == {
        "name": "w", "shape": [8, 4], "dtype": "float32", "bytes": 128, "elements": 32, "bits_per_element": 32.0,
        "encoding": "float32", "decoded_by": [], "used_by": ["MatMul"], "kind": "initializer", "scope": "",
        "external": None}
    assert document["model"] == {
        "path": path, "ir_version": 8, "opsets": {"": 17}, "producer": "test", "producer_version": "1",
        "model_version": 0, "graph": "g", "metadata": {}, "nodes": 1, "functions": 0,
        "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", 8]}],
        "outputs": [{"name": "y", "dtype": "float32", "shape": ["batch", 4]}]}
    size = os.path.getsize(path)
    assert document["bytes"] == {"file": size, "external": 0, "total": size, "tensors": 128, "rest": size - 128}
    assert document["parameters"] == 32
    assert document["by_op"] == [{"op": "MatMul", "tensors": 1, "bytes": 128, "macs": 32}]
    assert document["by_dtype"] == document["by_encoding"] == [{"name": "float32", "tensors": 1, "bytes": 128}]
    assert document["sparsity"] is None and document["duplicates"]["equal"] is None and document["notes"] == []


def test_the_keys_of_the_document_are_stable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([saved(LINEAR, tmp_path, w=floats(8, 4)), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["format", "model", "bytes", "external", "parameters", "macs", "tensors", "by_op",
                              "by_dtype", "by_encoding", "sparsity", "duplicates", "savings", "storage", "target", "notes"]
    assert "not in memory" in document["storage"] and ".ort" in document["storage"]
    assert document["format"] == 1
    assert list(document["macs"]) == ["total", "unknown", "nodes", "sizes", "inferred"]
    assert [list(saving) for saving in document["savings"]][0] == ["pass", "bytes", "share", "how"]
    for key in document:
        assert key in str(report_dict.__doc__)


def test_macs_follow_the_size_given_to_a_dimension(tmp_path: Path) -> None:
    path = saved(LINEAR, tmp_path, w=floats(8, 4))
    assert report_dict(path)["macs"] == {"total": 32, "unknown": 0, "nodes": 1, "sizes": {"batch": 1},
                                         "inferred": False}
    assert report_dict(path, sizes={"batch": 5})["macs"]["total"] == 5 * 32
    assert report_dict(path, deep=True, sizes={"batch": 5})["macs"]["total"] == 5 * 32


CONVS = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1, 4, 8, 8] x) => (float[1, 3, 17, 17] z) {
  y = Conv<kernel_shape = [3, 3], group = 2>(x, w)
  z = ConvTranspose<kernel_shape = [7, 7], strides = [2, 2]>(y, v)
}"""


def test_macs_without_shapes_are_unknown_until_deep(tmp_path: Path) -> None:
    path = saved(CONVS, tmp_path, w=floats(6, 2, 3, 3), v=floats(6, 3, 7, 7))
    assert report_dict(path)["macs"]["unknown"] == 2
    macs = report_dict(path, deep=True)["macs"]
    assert macs["unknown"] == 0 and macs["inferred"]
    assert macs["total"] == 6 * 6 * 6 * 2 * 9 + 6 * 6 * 6 * 3 * 49


def test_macs_of_a_recurrent_layer(tmp_path: Path) -> None:
    path = saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[7, 2, 3] x) => (float[7, 1, 2, 5] y) { y = LSTM<hidden_size = 5>(x, w, r) }""",
                 tmp_path, w=floats(1, 20, 3), r=floats(1, 20, 5))
    document = report_dict(path)
    assert document["macs"]["total"] == 7 * 2 * (20 * 3 + 20 * 5)
    assert document["by_op"][0]["bytes"] == 4 * (60 + 100)


BRANCHES = """<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2, 8] x) => (float[2, 4] y) {
  y = If(c) <
    then_branch = t () => (float[2, 4] a) {
      v = Constant<value = float[8, 4] {
        1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32}>()
      a = MatMul(x, v) },
    else_branch = e () => (float[2, 4] b) { b = Gemm(x, w) }>
}"""


def test_weights_in_subgraphs_and_captured_by_them(tmp_path: Path) -> None:
    document = report_dict(saved(BRANCHES, tmp_path, w=floats(8, 4), spare=floats(3)))
    inner, outer, spare = row(document, "v"), row(document, "w"), row(document, "spare")
    assert (inner["kind"], inner["scope"], inner["used_by"]) == ("Constant node", "If.then_branch", ["MatMul"])
    assert (outer["kind"], outer["scope"], outer["used_by"]) == ("initializer", "", ["Gemm"])
    assert spare["used_by"] == ["unused"]
    assert document["macs"]["total"] == 2 * 8 * 4, "only one branch runs"
    assert document["parameters"] == 64
    assert [s["bytes"] for s in document["savings"] if s["pass"] == "strip"] == [12]


def test_a_tied_weight_counts_once(tmp_path: Path) -> None:
    document = report_dict(saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (int64[5] ids) => (float[5, 16] y) {
          rows = Gather(table, ids)
          across = Transpose<perm = [1, 0]>(table)
          y = MatMul(rows, across) }""", tmp_path, table=floats(16, 8)))
    (table,) = document["tensors"]
    assert table["used_by"] == ["Gather", "MatMul"]
    assert table["bytes"] == document["bytes"]["tensors"] == 512 and document["parameters"] == 128
    assert document["by_op"][0] == {"op": "Gather + MatMul", "tensors": 1, "bytes": 512, "macs": 0}


def test_a_weight_that_is_also_an_output(tmp_path: Path) -> None:
    document = report_dict(saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, 8] x) => (float[2, 4] y, float[8, 4] w) { y = MatMul(x, w) }""", tmp_path, w=floats(8, 4)))
    assert row(document, "w")["used_by"] == ["MatMul", "graph output"]


def test_old_ir_lists_weights_as_inputs(tmp_path: Path) -> None:
    document = report_dict(saved("""<ir_version: 3, opset_import: ["" : 7]>
        g (float[2, 8] x, float[8, 4] w) => (float[2, 4] y) { y = MatMul(x, w) }""", tmp_path, w=floats(8, 4)))
    assert [port["name"] for port in document["model"]["inputs"]] == ["x"]
    assert row(document, "w")["used_by"] == ["MatMul"] and document["model"]["ir_version"] == 3


def test_empty_tensors_and_scalars(tmp_path: Path) -> None:
    path = saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[2] x) => (float[n] y) { z = Mul(x, s)  y = Concat<axis = 0>(z, none) }""",
                 tmp_path, none=np.zeros(0, np.float32), s=np.float32(0).reshape(()))
    document = report_dict(path, deep=True)
    assert (row(document, "none")["bytes"], row(document, "none")["bits_per_element"]) == (0, None)
    assert row(document, "s")["shape"] == [] and row(document, "s")["sparsity"] == 1.0
    assert "scalar" in render(document, 120, Style(False), everything=True)


def test_a_function_holds_weights(tmp_path: Path) -> None:
    path = saved("""<ir_version: 8, opset_import: ["" : 17, "my" : 1]>
        g (float[2, 2] x) => (float[2, 2] y) { y = my.layer(x) }
        <domain: "my", opset_import: ["" : 17]>
        layer (a) => (b) { k = Constant<value = float[2, 2] {1, 2, 3, 4}>()  b = MatMul(a, k) }""", tmp_path)
    weight = row(report_dict(path), "k")
    assert (weight["scope"], weight["used_by"], weight["bytes"]) == ("function layer", ["MatMul"], 16)
    assert report_dict(path)["macs"]["unknown"] == 1
    assert report_dict(path, deep=True)["macs"]["total"] == 8


AFFINE = """<ir_version: 8, opset_import: ["" : 17]>
g (float[3, 8] x) => (float[3, 64] y) {
  f = Cast<to = 1>(w_q)
  w = Mul(f, w_scale)
  y = MatMul(x, w)
}"""


def test_a_decoded_weight_is_one_row_under_its_own_name(tmp_path: Path) -> None:
    document = report_dict(saved(AFFINE, tmp_path, w_q=np.ones((8, 64), np.int8), w_scale=floats(64)))
    (weight,) = document["tensors"]
    assert (weight["name"], weight["shape"], weight["dtype"]) == ("w", [8, 64], "int8")
    assert (weight["encoding"], weight["decoded_by"]) == ("affine int8", ["Cast", "Mul"])
    assert weight["bytes"] == 8 * 64 + 64 * 4 and weight["bits_per_element"] == 12.0
    assert weight["used_by"] == ["MatMul"] and document["parameters"] == 512
    assert document["macs"]["total"] == 3 * 8 * 64
    assert "Cast > Mul" in render(document, 160, Style(False))


def test_a_table_of_digits_takes_its_shape_from_the_last_reshape(tmp_path: Path) -> None:
    document = report_dict(saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1, 32] x) => (float[1, 16] y) {
          i = Cast<to = 6>(q)  pairs = Gather<axis = 0>(table, i)  w = Reshape(pairs, dims)  y = MatMul(x, w) }""",
        tmp_path, q=np.zeros(256, np.uint8), table=floats(256, 2), dims=np.array([32, -1])))
    (weight,) = document["tensors"]
    assert (weight["shape"], weight["encoding"]) == ([32, 16], "table uint8")
    assert weight["bytes"] == 256 + 256 * 2 * 4 + 16


def test_dequantized_and_integer_weights(tmp_path: Path) -> None:
    document = report_dict(saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1, 8] x, uint8[1, 8] q) => (float[1, 4] y, int32[1, 4] z) {
          w = DequantizeLinear<axis = 1>(w_q, scale)  y = MatMul(x, w)  z = MatMulInteger(q, v) }""",
        tmp_path, w_q=np.ones((8, 4), np.int8), scale=floats(4), v=np.ones((8, 4), np.int8)))
    assert row(document, "w")["encoding"] == "DequantizeLinear int8"
    assert row(document, "v")["encoding"] == "MatMulInteger int8"
    assert document["parameters"] == 64


def test_lists_in_attributes_count_as_stored(tmp_path: Path) -> None:
    node = helper.make_node("Custom", ["x"], ["y"], domain="my", weights=[float(i) for i in range(500)],
                            ids=list(range(900)), words=["word"] * 400)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("my", 1)], ir_version=8)
    document = report_dict(saved(model, tmp_path))
    for name, length, dtype in (("weights", 500, "float32"), ("ids", 900, "int64"), ("words", 400, "string")):
        found = row(document, f"y.{name}")
        assert (found["shape"], found["dtype"], found["kind"]) == ([length], dtype, "attribute")
    assert document["bytes"]["rest"] < 200


def test_external_data(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(LINEAR)
    model.graph.initializer.append(numpy_helper.from_array(floats(8, 4), "w"))
    path = str(tmp_path / "model.onnx")
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    document = report_dict(path, deep=True)
    assert document["external"] == [{"location": "w.bin", "bytes": 128, "problem": ""}]
    assert document["bytes"]["total"] == os.path.getsize(path) + 128 and document["sparsity"]["zeros"] == 0
    os.remove(tmp_path / "w.bin")
    assert report_dict(path)["notes"] == ["external data w.bin: missing"]
    with pytest.raises(InputError, match=r"external data w.bin of tensor w: missing"):
        report_dict(path, deep=True)


def test_external_data_outside_the_folder_are_refused(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(LINEAR)
    weight = numpy_helper.from_array(floats(8, 4), "w")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../secret.bin")
    model.graph.initializer.append(weight)
    (tmp_path / "secret.bin").write_bytes(bytes(128))
    (tmp_path / "in").mkdir()
    document = report_dict(saved(model, tmp_path / "in"))
    assert document["external"][0]["problem"] == "refused: outside the model's folder"
    assert row(document, "w")["bytes"] == 128


def test_deep_counts_zeros_values_and_duplicates(tmp_path: Path) -> None:
    w = np.zeros((8, 4), np.float32)
    w[:2] = -3.0
    w[2, 0] = -0.0
    half = np.zeros(32, np.float16)
    path = saved(LINEAR, tmp_path, w=w, twin=w.copy(), other=floats(8, 4), half=half)
    assert report_dict(path)["duplicates"] == {"candidates": {"tensors": 3, "bytes": 256}, "equal": None}
    document = report_dict(path, deep=True)
    assert (row(document, "w")["zeros"], row(document, "w")["sparsity"]) == (24, 0.75)
    assert row(document, "other")["distinct"] == 32 and row(document, "half")["sparsity"] == 1.0
    assert document["duplicates"]["equal"] == {"tensors": 2, "bytes": 128, "groups": [["w", "twin"]]}
    assert {"pass": "dedupe", "bytes": 128}.items() <= document["savings"][-1].items()


def test_savings_are_of_the_size_the_passes_reach(tmp_path: Path) -> None:
    path = saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1, 256] x) => (float[1, 128] y) { y = MatMul(x, w) }""", tmp_path, w=floats(256, 128))
    saved_bytes = {s["pass"]: s["bytes"] for s in report_dict(path)["savings"]}
    stored = 4 * 256 * 128
    assert saved_bytes["quantize --bits 8"] == stored - 256 * 128 * 8.25 / 8
    assert saved_bytes["quantize --bits 4"] == stored - 256 * 128 * 4.5 / 8
    assert saved_bytes["half"] == stored / 2
    assert saved_bytes["prune --sparsity 0.5"] == stored / 2 - 256 * 128 / 8


@pytest.mark.parametrize(("content", "said"), [
    (b"", "an empty file"),
    (b"hello, this is text\n", "plain text"),
    (b"version https://git-lfs.github.com/spec/v1\nsize 12\n", "Git LFS pointer"),
    (b"<!doctype html><html>", "HTML page"),
    (b"\x1f\x8b\x08\x00", "gzip"),
    (b"\x08\x07\xff", "cut off"),
    (b"\x08\x07", "it holds no graph"),
])
def test_a_bad_file_is_one_line_and_exit_3(content: bytes, said: str, tmp_path: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    assert main([str(path)]) == 3
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("lwc: error: ") and captured.err.count("\n") == 1
    assert said in captured.err and "bad.onnx" in captured.err


def test_a_missing_file_and_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.onnx")]) == 3
    assert "no such file" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 3
    assert "a folder" in capsys.readouterr().err


def test_every_truncation_is_an_input_error_or_a_smaller_model(tmp_path: Path) -> None:
    whole = Path(saved(BRANCHES, tmp_path, w=floats(8, 4))).read_bytes()
    part = tmp_path / "part.onnx"
    for length in range(1, len(whole)):
        part.write_bytes(whole[:length])
        try:
            document = report_dict(str(part))
        except InputError:
            continue
        assert document["bytes"]["file"] == length


def test_damaged_bytes_never_crash(tmp_path: Path) -> None:
    whole = Path(saved(BRANCHES, tmp_path, w=floats(8, 4))).read_bytes()
    random = np.random.default_rng(0)
    part = tmp_path / "part.onnx"
    read = 0
    for _ in range(600):
        bad = bytearray(whole)
        for at in random.integers(0, len(bad), 3):
            bad[at] = random.integers(0, 256)
        part.write_bytes(bad)
        try:
            render(report_dict(str(part)), 100, Style(True), everything=True)
            read += 1
        except InputError:
            continue
    assert 0 < read < 600


@pytest.mark.parametrize("message", [b"\x0a", b"\x08", b"\x08\xff", b"\x0a\x05ab", b"\x0b\x00", b"\x02\x00",
                                     b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0d\x00", b"\x09\x00"])
def test_a_malformed_message_is_refused(message: bytes) -> None:
    with pytest.raises(WireError):
        scan(message, 0, len(message))


@pytest.mark.parametrize(("argv", "said"), [
    (["--dep"], "unknown option --dep"), (["a.onnx", "b.onnx"], "a.onnx and b.onnx"), (["--dim"], "NAME=SIZE"),
    (["--dim", "batch=0"], "batch=0"), (["--dim=batch=x"], "batch=x"), (["--dim", "=3"], "=3"),
])
def test_bad_arguments(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="."):
        parse(argv)
    assert main(argv) == 2
    assert said in capsys.readouterr().err


def test_arguments() -> None:
    found = parse(["--deep", "--dim", "a=b=2", "--dim=seq=128", "--", "--all"])
    assert (found.model, found.flags, found.sizes) == ("--all", {"--deep"}, {"a=b": 2, "seq": 128})
    assert parse(["-"]).model == "-" and parse([]).model is None


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(flag in said for flag in ("--all", "--deep", "--dim", "--json"))


def test_the_table_tells_what_is_not_computed(tmp_path: Path) -> None:
    text = render(report_dict(saved(CONVS, tmp_path, w=floats(6, 2, 3, 3), v=floats(6, 3, 7, 7))), 100, Style(False))
    assert "unknown for all 2 nodes (the file has no shapes for them: --deep)" in text
    assert "not computed (--deep)" in text and "\x1b" not in text
    assert "\x1b[1m" in render(report_dict(saved(LINEAR, tmp_path, w=floats(8, 4))), 100, Style(True))


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_table_keeps_to_the_terminal(width: int, tmp_path: Path) -> None:
    weights = {f"encoder.layers.{i}.attention.output.dense.weight": floats(24, 24) for i in range(20)}
    document = report_dict(saved(LINEAR, tmp_path, w=floats(8, 4), **weights))
    lines = render(document, width, Style(False)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("TENSOR"))
    assert all(len(line) <= width for line in lines[start : start + 13])
    assert "and 9 more" in lines[start + 13]


def test_names_are_escaped(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(LINEAR)
    model.graph.node[0].input[1] = "w\x1b[2J\n"
    text = render(report_dict(saved(model, tmp_path, **{"w\x1b[2J\n": floats(8, 4)})), 100, Style(False))
    assert "\x1b" not in text and "w\\x1b[2J\\n" in text


def test_numbers_for_people() -> None:
    assert [size(n) for n in (0, 812, 46_100, 8_400_000, 1.25e9, 3e13)] == [
        "0 B", "812 B", "46.1 KB", "8.4 MB", "1.2 GB", "30000.0 GB"]
    assert [count(n) for n in (7, 22_600_000, 4.1e9)] == ["7", "22.6 M", "4.1 G"]
    assert [shape(d) for d in ([64, 3], ["batch", None], [], None)] == ["64x3", "[batch, ?]", "scalar", "?"]
    assert shortened("abcdefghijklmnop", 10) == "abcd..mnop" and shortened("abc", 10) == "abc"


COMMAND = "import sys; from lightweight_cli.inspect.command import main; sys.exit(main(sys.argv[1:]))"


def run(argv: list[str], given: bytes | None = None, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run inspect in a process of its own."""
    return subprocess.run([sys.executable, "-c", COMMAND, *argv], input=given, capture_output=True, check=False,
                          **options)  # type: ignore[call-overload]


def test_a_pipe_and_a_redirect_say_the_same_as_a_path(tmp_path: Path) -> None:
    path = saved(LINEAR, tmp_path, w=floats(8, 4))
    by_path, piped = run([path]).stdout, run(["-"], Path(path).read_bytes()).stdout
    with open(path, "rb") as file:
        redirected = subprocess.run([sys.executable, "-c", COMMAND], stdin=file, capture_output=True, check=True).stdout
    assert piped == redirected == by_path.replace(path.encode(), b"standard input")
    assert b"1 node\n" in piped


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    path = saved(LINEAR, tmp_path, w=floats(8, 4))
    heavy = run([path], env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}).stderr.decode()
    assert "lightweight_cli.inspect.table" in heavy
    for module in ("numpy", "onnx", "typer", "rich", "dataclasses", "inspect", "argparse"):
        assert not [line for line in heavy.splitlines() if line.split("|")[-1].strip() == module]


def test_output_that_ascii_cannot_hold(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(LINEAR)
    model.producer_name = "größe"
    done = run([saved(model, tmp_path, w=floats(8, 4))], env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"gr\\xf6\\xdfe" in done.stdout


def test_no_model_at_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main([]) == 2
    assert "no model" in capsys.readouterr().err


SHARED_TABLE = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1, 8] x) => (float[1, 16] y, float[1, 16] z) {
  i = Cast<to = 6>(a_q)  a_p = Gather(table, i)  a = Reshape(a_p, dims)  y = MatMul(x, a)
  j = Cast<to = 6>(b_q)  b_p = Gather(table, j)  b = Reshape(b_p, dims)  z = MatMul(x, b)
}"""


def test_what_decodes_several_weights_has_a_row_of_its_own(tmp_path: Path) -> None:
    document = report_dict(saved(SHARED_TABLE, tmp_path, a_q=np.zeros(64, np.uint8), b_q=np.ones(64, np.uint8),
                                 table=floats(256, 2), dims=np.array([8, 16])))
    assert row(document, "table")["encoding"] == "shared float32" and row(document, "table")["bytes"] == 2048
    assert [row(document, name)["bits_per_element"] for name in "ab"] == [4.0, 4.0]
    assert document["parameters"] == 256 and document["bytes"]["tensors"] == 2048 + 64 + 64 + 16
    assert not [s for s in document["savings"] if s["bytes"]], "nothing is left to gain"


def test_a_weight_decoded_twice_is_one_row(tmp_path: Path) -> None:
    document = report_dict(saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1, 8] x) => (float[1, 8] y, float[1, 8] z) {
          v = DequantizeLinear(q, s)  y = MatMul(x, v)  w = DequantizeLinear(q, s)  z = Gemm(x, w) }""",
        tmp_path, q=np.ones((8, 8), np.int8), s=np.float32(0.5).reshape(())))
    (weight,) = document["tensors"]
    assert (weight["bytes"], weight["used_by"], document["parameters"]) == (68, ["MatMul", "Gemm"], 64)


def test_a_bitmask_is_told_from_its_values(tmp_path: Path) -> None:
    document = report_dict(saved("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1, 32] x) => (float[1, 32] y) {
          m = Cast<to = 6>(mask)  e = Gather(bits, m)  b = Reshape(e, flat)  c = CumSum(b, axis)
          i = Mul(c, b)  g = Gather(values, i)  w = Reshape(g, dims)  y = MatMul(x, w) }""",
        tmp_path, mask=np.full(128, 15, np.uint8), values=floats(513), bits=np.zeros((256, 8), np.int32),
        flat=np.array([-1]), axis=np.int32(0).reshape(()), dims=np.array([32, 32])))
    (weight,) = document["tensors"]
    assert weight["encoding"] == "bitmask int32" and weight["shape"] == [32, 32]
    assert weight["decoded_by"] == ["Cast", "Gather", "Reshape", "CumSum", "Mul", "Gather", "Reshape"]


def function(name: str, calls: list[str]) -> onnx.FunctionProto:
    """Return a function of the domain `f` that calls others in a row."""
    ends = ["a", *(f"t{i}" for i in range(len(calls) - 1)), "b"]
    nodes = [helper.make_node(call, [ends[i]], [ends[i + 1]], domain="f" if call[0] == "f" else "")
             for i, call in enumerate(calls)]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, ["a"], ["b"], nodes, opsets)


def test_functions_that_stand_for_a_million_nodes_are_not_inlined(tmp_path: Path) -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
        g (float[1] x) => (float[1] y) { y = f.f0(x) }""")
    model.functions.extend(function(f"f{i}", [f"f{i + 1}"] * 2) for i in range(40))
    model.functions.append(function("f40", ["Abs"]))
    (note,) = report_dict(saved(model, tmp_path), deep=True)["notes"]
    assert "more than 1,000,000 nodes" in note


def test_functions_that_call_each_other_end(tmp_path: Path) -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
        g (float[1] x) => (float[1] y) { y = f.f0(x) }""")
    model.functions.extend([function("f0", ["f1"]), function("f1", ["f0"])])
    assert report_dict(saved(model, tmp_path))["macs"]["total"] == 0
    model.functions.extend(function(f"f{i}", [f"f{i + 1}"]) for i in range(2, 3000))
    model.graph.node[0].op_type = "f2"
    with pytest.raises(InputError, match="too deep"):
        report_dict(saved(model, tmp_path))
