"""Rewriting: the smallest way to store a weight that gains, tables that pay, names and order that hold."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from lightweight_cli.weights.naming import is_shared

HEAD = '<ir_version: 8, opset_import: ["" : 17, "own" : 1]>'


def tables(proto: onnx.ModelProto) -> set[str]:
    return {n for n in [t.name for t in proto.graph.initializer] + [o for n in proto.graph.node for o in n.output] if is_shared(n)}


def text(count: int, size: int) -> str:
    """Return a chain of `count` square weights."""
    names = [f"W{i}" for i in range(count)]
    nodes = "".join(f" h{i + 1} = MatMul (h{i}, {n})" for i, n in enumerate(names))
    shape = f"float[2,{size}]"
    return f"{HEAD} g ({shape} h0) => ({shape} h{count}) <{', '.join(f'float[{size},{size}] {n}' for n in names)}> {{{nodes} }}"


def test_a_table_that_costs_more_than_it_saves_is_not_used(save, apply):
    done = apply(save(text(1, 24)), "prune:sparsity=0.3")  # a mask saves 620 bytes, its nodes and tables take more
    assert done.encodings == {"W0": "float"} and not tables(done.proto)
    assert done.report.changed == 173 and np.count_nonzero(done.value("W0")) == 576 - 173


def test_a_table_that_many_share_is_stored_once(save, apply):
    done = apply(save(text(12, 24)), "prune:sparsity=0.5")
    assert set(done.encodings.values()) == {"bitmask"} and ".w" in tables(done.proto)
    assert [n.output[0] for n in done.proto.graph.node].count(".w") == 1
    assert len(done.data) < 12 * 24 * 24 * 4 * 0.85


def test_a_weight_that_is_not_smaller_stays_and_says_so(save, apply):
    done = apply(save(text(1, 4)), "quantize:keep=0")
    assert done.report.changed == 0 and done.left["W0"].startswith("would not be smaller: ")
    assert "bytes as" in done.left["W0"] and done.left["W0"].endswith(" now")


def test_tables_serve_subgraphs_and_functions_have_their_own(save, apply, execute):
    path = save(f"""{HEAD} g (float[2,64] x, bool c) => (float[2,64] y) <float[64,64] outer> {{
        z = own.f (x)
        y = If (c) <then_branch = t () => (float[2,64] r) <float[64,64] inner> {{ r = MatMul (z, inner) }},
                    else_branch = e () => (float[2,64] r) {{ r = MatMul (z, outer) }}> }}
        <domain: "own", opset_import: ["" : 17]> f (a) => (d) {{ d = Identity (a) }}""")
    proto = onnx.load(path)
    inner = numpy_helper.from_array(np.random.default_rng(3).normal(size=(64, 64)).astype("f4"), "I")
    proto.functions[0].node.insert(0, onnx.helper.make_node("Constant", [], ["I"], value=inner))
    proto.functions[0].node[-1].CopyFrom(onnx.helper.make_node("MatMul", ["a", "I"], ["d"]))
    done = apply(save(proto), "prune:sparsity=0.8")
    assert set(done.encodings) == {"outer", "inner", "I"} and set(done.encodings.values()) == {"bitmask"}
    assert ".w" in tables(done.proto)
    for inside in (done.proto.functions[0].node, done.proto.graph.node):
        made = [o for n in inside for o in n.output]
        assert len(made) == len(set(made))
    assert not any(is_shared(i) for n in done.proto.functions[0].node for i in n.input)
    for c in (True, False):
        before, after = done.outputs(c=np.array(c))
        assert np.isfinite(after[0]).all() and before[0].shape == after[0].shape


def test_tables_that_nothing_uses_any_more_go(save, apply):
    done = apply(save(text(4, 48)), "prune:sparsity=0.6")
    assert ".w" in tables(done.proto)
    assert not tables(apply(done.path, "unpack").proto)


def test_passes_over_passes_keep_names_apart(save, apply):
    path = save(text(3, 64))
    done = apply(path, "prune:sparsity=0.5", "quantize:keep=0.4", "prune:sparsity=0.7", "quantize:bits=4,keep=0")
    names = [t.name for t in done.proto.graph.initializer] + [o for n in done.proto.graph.node for o in n.output]
    assert len(names) == len(set(names))
    assert [n.input[1] for n in done.proto.graph.node if n.op_type == "MatMul"] == ["W0", "W1", "W2"]
    for i in range(3):
        assert np.count_nonzero(done.value(f"W{i}") == 0) >= round(0.7 * 64 * 64)


def test_nodes_stand_after_what_they_use(save, apply):
    done = apply(save(text(3, 64)), "prune:sparsity=0.5", "quantize:keep=0")
    known = {t.name for t in done.proto.graph.initializer} | {"h0"}
    for node in done.proto.graph.node:
        assert set(filter(None, node.input)) <= known
        known |= set(node.output)


def test_names_like_ours_are_not_taken_for_ours(parse, save, apply, execute):
    """A model may have values called .d2 or ~a that are something else."""
    proto = parse(text(2, 64))
    rename = {"W1": "~a", "h1": "!a"}
    for node in proto.graph.node:
        for names in (node.input, node.output):
            names[:] = [rename.get(n, n) for n in names]
    for tensor in proto.graph.initializer:
        tensor.name = rename.get(tensor.name, tensor.name)
    for name, values in ((".d2", np.ones((256, 8), "i4")), (".i0", np.array(1, "i4")), (".s64x64", np.int64([4096]))):
        proto.graph.initializer.append(numpy_helper.from_array(values, name))
    proto.graph.node.append(onnx.helper.make_node("Identity", ["h0"], [".s-1"]))
    source = save(proto)
    for step in ("prune:sparsity=0.6", "quantize:keep=0", "quantize:bits=4,keep=0", "share:bits=3"):
        done = apply(source, step)
        assert set(done.encodings) == {"W0", "~a"}, (step, done.left)
        expected = next(numpy_helper.to_array(t) for t in proto.graph.initializer if t.name == "W0")
        got = done.value("W0")
        scale = np.abs(expected).max()
        if step.startswith("prune"):
            assert np.array_equal(got[got != 0], expected[got != 0]) and np.count_nonzero(got == 0) == round(0.6 * 4096)
        else:
            assert np.abs(got - expected).max() < 0.5 * scale


def test_old_files_list_their_constants_as_inputs(parse, save, apply):
    proto = parse('<ir_version: 3, opset_import: ["" : 9]> g (float[2,64] x) => (float[2,64] y) <float[64,64] W> { y = MatMul (x, W) }')
    proto.graph.input.append(onnx.helper.make_tensor_value_info("W", 1, [64, 64]))
    done = apply(save(proto), "quantize:keep=0")  # asserts that onnxruntime reports the same inputs
    assert done.proto.ir_version == 4 and [i.name for i in done.proto.graph.input] == ["x"]


def test_an_untouched_model_keeps_its_version(parse, save, apply):
    proto = parse('<ir_version: 3, opset_import: ["" : 9]> g (float[2,4] x) => (float[2,4] y) <float[4,4] W> { y = MatMul (x, W) }')
    proto.graph.input.append(onnx.helper.make_tensor_value_info("W", 1, [4, 4]))
    assert apply(save(proto), "quantize").proto == proto
