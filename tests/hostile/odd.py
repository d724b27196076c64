"""Models that are odd but right: each must come out doing what it did."""

from __future__ import annotations

import numpy as np
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from hostile.cases import Case, Expect, case, changed, parsed, perceptron, weight

R, P, E = Expect.REFUSED, Expect.PASSES, Expect.EITHER
ML = '<ir_version: 8, opset_import: ["": 17, "ai.onnx.ml": 3]>\n'
MS = '<ir_version: 8, opset_import: ["": 17, "com.microsoft": 1]>\n'
FN = '<ir_version: 8, opset_import: ["": 17, "f": 1]>\n'
BODY = '<domain: "f", opset_import: ["": 17]>\n'
EVIL = "\x1b[31mred\x1b[0m\n../../etc \u202e\u6a21'\"$(id)%s{0}"


def values(change: str) -> ModelProto:
    """Return the perceptron with a first weight of odd values."""
    array = numpy_helper.to_array(weight("w1", 16, 32)).copy()
    match change:
        case "nan" | "inf" | "-inf":
            array[2, 3] = float(change)
        case "zeros":
            array[:] = 0
        case "one column of zeros":
            array[:, 5] = 0
        case "all equal":
            array[:] = 0.25
        case "denormal":
            array *= np.float32(1e-42)
        case "near the largest float":
            array = np.sign(array) * np.float32(3e38)
        case "one outlier":
            array[0, 0] = 1e6
        case "minus zero":
            array[:] = -0.0
    return perceptron(w1=numpy_helper.from_array(array.astype(np.float32), "w1"))


def typed(data_type: int, opset: int, ir: int) -> ModelProto:
    """Return a model whose weight is stored in another type and cast to float."""
    model = parsed(
        f'<ir_version: {ir}, opset_import: ["": {opset}]>\nagraph (float[N, 8] x) => (float[N, 5] y) '
        "{ u = Cast<to = 1>(w) y = MatMul(x, u) }"
    )
    model.graph.initializer.append(helper.make_tensor("w", data_type, [8, 5], [float(i % 4 - 2) for i in range(40)]))
    return model


def with_weights(text: str, *weights: TensorProto) -> ModelProto:
    """Return a model with initializers."""
    model = parsed(text)
    model.graph.initializer.extend(weights)
    return model


def old() -> ModelProto:
    """Return a model of IR 3, where each initializer is an input as well."""
    model = perceptron()
    model.ir_version, model.opset_import[0].version = 3, 8
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, 1, tensor.dims))
    return model


def attribute_of_function() -> ModelProto:
    """Return a function whose attribute is handed to an operator within."""
    model = parsed(
        FN
        + "agraph (float[N, 8] x) => (float[N, 8] y) { y = f.Leak<slope = 0.3>(x) }\n"
        + BODY
        + "Leak <slope> (a) => (b) { b = LeakyRelu<alpha: float = @slope>(a) }"
    )
    return model


def renamed() -> ModelProto:
    """Return a model whose names hold escape codes, quotes, a path and a line break."""
    model = perceptron()
    text = {"a": EVIL, "w1": EVIL + "w", "d": "v" * 50_000}
    for i, node in enumerate(model.graph.node):
        node.name = EVIL + str(i)
        node.input[:] = [text.get(i, i) for i in node.input]
        node.output[:] = [text.get(o, o) for o in node.output]
    model.graph.initializer[0].name = EVIL + "w"
    return model


def named_like_ours() -> ModelProto:
    """Return a model whose names look like those that lwc makes."""
    model = perceptron()
    model.graph.initializer[0].name = model.graph.node[0].input[1] = "lwc.axis0"
    model.graph.initializer[1].name = model.graph.node[1].input[1] = "lwc1.b"
    model.graph.node[2].output[0] = model.graph.node[3].input[0] = "lwc2.codes"
    model.graph.initializer.append(weight("lwc.kept", 4))
    model.graph.output.append(helper.make_tensor_value_info("lwc.kept", 1, [4]))
    return model


def in_list_of_tensors() -> ModelProto:
    """Return a model that holds tensors in a list attribute nobody reads."""
    model = perceptron()
    model.graph.node[2].attribute.append(AttributeProto(name="tensors", type=AttributeProto.TENSORS, tensors=[weight("t", 32, 32)]))
    return model


CHANGES = [
    (P, "plain", lambda m: None),
    (P, "weight_the_caller_may_override", lambda m: m.graph.input.append(helper.make_tensor_value_info("w1", 1, [16, 32]))),
    (P, "weight_is_an_output", lambda m: m.graph.output.append(helper.make_tensor_value_info("w1", 1, [16, 32]))),
    (P, "weight_nobody_reads", lambda m: m.graph.initializer.append(weight("dead", 64, 64))),
    (P, "input_nobody_reads", lambda m: m.graph.input.append(helper.make_tensor_value_info("unused", 1, [3]))),
    (P, "inner_value_as_output", lambda m: m.graph.output.append(helper.make_tensor_value_info("d", 1, ["N", 32]))),
    (P, "metadata_and_a_long_doc", lambda m: (m.metadata_props.add(key="k", value="\u2713"), setattr(m, "doc_string", "d" * 500_000))),
    (P, "quantization_annotation", lambda m: m.graph.quantization_annotation.add(tensor_name="w1")),
    (P, "domain_spelt_out", lambda m: setattr(m.opset_import[0], "domain", "ai.onnx")),
    (P, "no_shapes", lambda m: [v.type.tensor_type.ClearField("shape") for v in (*m.graph.input, *m.graph.output)]),
    (P, "thousands_of_weights", lambda m: m.graph.initializer.extend(weight(f"t{i}", 4) for i in range(2000))),
    (E, "segment_of_a_tensor", lambda m: setattr(m.graph.initializer[0].segment, "end", 1)),
]
MODELS = [
    (P, "ir_3", old()),
    (
        P,
        "float16",
        with_weights("agraph (float16[N, 16] x) => (float16[N, 32] y) { y = MatMul(x, w) }", weight("w", 16, 32, dtype="float16")),
    ),
    (
        P,
        "float64",
        with_weights("agraph (double[N, 16] x) => (double[N, 32] y) { y = MatMul(x, w) }", weight("w", 16, 32, dtype="float64")),
    ),
    (P, "bfloat16", typed(TensorProto.BFLOAT16, 17, 8)),
    (P, "float8", typed(TensorProto.FLOAT8E4M3FN, 19, 9)),
    (P, "int4_of_odd_length", typed(TensorProto.INT4, 21, 10)),
    (E, "int2", typed(TensorProto.INT2, 25, 13)),
    (P, "empty_weight", with_weights("agraph (float[N, 4] x) => (float[M, 4] y) { y = Concat<axis = 0>(x, w) }", weight("w", 0, 4))),
    (P, "inner_size_zero", with_weights("agraph (float[N, 0] x) => (float[N, 4] y) { y = MatMul(x, w) }", weight("w", 0, 4))),
    (P, "scalar_weight", with_weights("agraph (float[N] x) => (float[N] y) { y = Mul(x, w) }", weight("w"))),
    (P, "scalar_input", parsed("agraph (float x) => (float y) { y = Neg(x) }")),
    (P, "vector_weight", with_weights("agraph (float[N, 300] x) => (float[N] y) { y = MatMul(x, w) }", weight("w", 300))),
    (P, "batched_weight", with_weights("agraph (float[3, 2, 16] x) => (float[3, 2, 8] y) { y = MatMul(x, w) }", weight("w", 3, 16, 8))),
    (P, "no_multiple_of_a_block", with_weights("agraph (float[N, 33] x) => (float[N, 17] y) { y = MatMul(x, w) }", weight("w", 33, 17))),
    (P, "weight_on_the_left", with_weights("agraph (float[16, N] x) => (float[32, N] y) { y = MatMul(w, x) }", weight("w", 32, 16))),
    (
        P,
        "gemm_with_all_flags",
        with_weights(
            "agraph (float[16, N] x) => (float[N, 32] y) { y = Gemm<transA = 1, transB = 1, alpha = 0.5, beta = 2.0>(x, w, b) }",
            weight("w", 32, 16),
            weight("b", 32),
        ),
    ),
    (
        P,
        "one_weight_three_operators",
        with_weights(
            """agraph (float[N, 16] x, int64[K] i) => (float[N, 16] y, float[K, 16] z) {
      a = MatMul(x, w) y = Gemm<transB = 1>(a, w) z = Gather(w, i) }""",
            weight("w", 16, 16),
        ),
    ),
    (
        P,
        "convolutions",
        with_weights(
            """agraph (float[1, 8, 12] x) => (float[A, B, C] y) {
      a = Conv<group = 4>(x, v) y = ConvTranspose(a, w) }""",
            weight("v", 16, 2, 3),
            weight("w", 16, 12, 3),
        ),
    ),
    (
        P,
        "recurrent",
        with_weights(
            "agraph (float[3, 1, 8] x) => (float[1, 1, 8] h) { _, h = LSTM<hidden_size = 8>(x, w, r) }",
            weight("w", 1, 32, 8),
            weight("r", 1, 32, 8),
        ),
    ),
    (
        P,
        "weight_behind_operators",
        with_weights(
            "agraph (float[N, 16] x) => (float[N, 32] y) { t = Transpose(w) u = Cast<to = 1>(t) y = MatMul(x, u) }",
            weight("w", 32, 16, dtype="float16"),
        ),
    ),
    (
        P,
        "weight_in_both_branches",
        with_weights(
            """agraph (float[16, 16] x, bool c) => (float[16, 16] y) { y = If (c) <
      then_branch = t () => (float[16, 16] o) { o = MatMul(x, w) }, else_branch = e () => (float[16, 16] p) { p = Add(x, w) }> }""",
            weight("w", 16, 16),
        ),
    ),
    (
        P,
        "weight_in_a_loop",
        with_weights(
            """agraph (float[N, 16] x) => (float[N, 16] y) <int64 n = {3}> { y = Loop (n, , x) <body =
      b (int64 i, bool c, float[N, 16] v) => (bool d, float[N, 16] o) { d = Identity(c) o = MatMul(v, w) }> }""",
            weight("w", 16, 16),
        ),
    ),
    (
        P,
        "function",
        with_weights(
            FN
            + "agraph (float[N, 16] x) => (float[N, 32] y) { y = f.Linear(x, w) }\n"
            + BODY
            + "Linear (a, w) => (b) { b = MatMul(a, w) }",
            weight("w", 16, 32),
        ),
    ),
    (P, "attribute_of_function", attribute_of_function()),
    (P, "identities", parsed("agraph (float[2] x) => (float[2] y, float[2] z) { a = Identity(x) y = Identity(a) z = Identity(x) }")),
    (P, "omitted_input", with_weights("agraph (float[2] x) => (float[2] y) { y = Clip(x, , h) }", weight("h"))),
    (P, "no_inputs", with_weights("agraph () => (float[8, 8] y) { y = Relu(w) }", weight("w", 8, 8))),
    (P, "strings", parsed("agraph (string[N] x) => (string[N] y) { y = Identity(x) }")),
    (
        P,
        "string_weights",
        with_weights(
            "agraph (int64[N] i) => (string[N] y) { y = Gather(w, i) }",
            helper.make_tensor("w", TensorProto.STRING, [3], [b"a", "\u00e9".encode(), b""]),
        ),
    ),
    (
        P,
        "bools",
        with_weights("agraph (bool[N, 8] x) => (bool[N, 8] y) { y = And(x, w) }", numpy_helper.from_array(np.arange(8) % 3 == 0, "w")),
    ),
    (
        E,
        "complex",
        with_weights("agraph (float[N] x) => (float[N] y) { y = Neg(x) }", helper.make_tensor("c", TensorProto.COMPLEX64, [1], [1 + 2j])),
    ),
    (P, "random", parsed("agraph (float[N, 8] x) => (float[N, 8] y) { y = RandomNormalLike(x) }")),
    (
        P,
        "sequence",
        parsed("agraph (float[4, 2] x) => (float[A, B] y) { s = SplitToSequence<axis = 0>(x) y = ConcatFromSequence<axis = 0>(s) }"),
    ),
    (P, "sequence_as_output", parsed("agraph (float[4, 2] x) => (seq(float[A, B]) y) { y = SplitToSequence<axis = 0>(x) }")),
    (P, "shape_from_values", parsed("agraph (float[N, 4] x) => (int64[2, K] y) { y = NonZero(x) }")),
    (P, "operator_of_the_runtime", parsed(MS + "agraph (float[N, 8] x) => (float[N, 8] y) { y = com.microsoft.Gelu(x) }")),
    (
        P,
        "operator_of_classical_learning",
        parsed(ML + "agraph (float[N, 2] x) => (float[N, 2] y) { y = ai.onnx.ml.Scaler<offset = [0.5, 0.5], scale = [2.0, 2.0]>(x) }"),
    ),
    (E, "output_is_the_input", parsed("agraph (float[2] x) => (float[2] x) {}")),
    (P, "names_that_attack", renamed()),
    (P, "names_like_ours", named_like_ours()),
    (R, "tensors_in_an_attribute", in_list_of_tensors()),
    (
        P,
        "already_quantized",
        with_weights(
            """agraph (float[N, 8] x) => (float[N, 4] y)
      <float s = {0.05}, uint8 z = {128}, float[4] t = {0.01, 0.02, 0.01, 0.03}> {
      q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) w = DequantizeLinear<axis = 1>(k, t) y = MatMul(d, w) }""",
            numpy_helper.from_array((np.arange(32) - 16).astype(np.int8).reshape(8, 4), "k"),
        ),
    ),
]
VALUES = ("nan", "inf", "-inf", "zeros", "one column of zeros", "all equal", "denormal", "one outlier", "minus zero")


def cases() -> list[Case]:
    """Return the cases."""
    unknown_field = perceptron().SerializeToString() + bytes([0xFA, 0x3E, 3]) + b"abc"
    return [
        *(case(expect, name, changed(change)) for expect, name, change in CHANGES),
        *(case(expect, name, model) for expect, name, model in MODELS),
        *(case(P, f"weights_{name.replace(' ', '_').replace('-', 'minus_')}", values(name)) for name in VALUES),
        case(E, "weights_near_the_largest_float", values("near the largest float")),
        case(P, "field_that_onnx_does_not_know", unknown_field),
    ]
