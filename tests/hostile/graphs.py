"""Graphs that break the rules, recurse, or explode."""

from __future__ import annotations

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper, parser

from hostile.cases import Case, Expect, case, changed, parsed, weight

R, P, E = Expect.REFUSED, Expect.PASSES, Expect.EITHER
IO = "agraph (float[N, 8] x) => (float[N, 8] y)"
CALL = '<ir_version: 8, opset_import: ["": 17, "f": 1]>\n' + IO + " { y = f.A(x) }\n"
BODY = '<domain: "f", opset_import: ["": 17, "f": 1]>\n'


def nested_ifs(depth: int) -> bytes:
    """Return a model of If nodes `depth` deep, encoded from the inside out: protobuf itself would not."""

    def field(number: int, data: bytes) -> bytes:
        from lightweight_cli.model.wire import header

        return header(number, len(data)) + data

    leaf = parser.parse_graph("leaf () => (float[2] o) { o = Neg(x) }").SerializeToString()
    inner = leaf
    for level in range(depth):
        name = "y" if level == depth - 1 else "o"
        node = NodeProto(op_type="If", input=["c"], output=[name]).SerializeToString()
        for branch, graph in (("then_branch", inner), ("else_branch", leaf)):
            attribute = AttributeProto(name=branch, type=AttributeProto.GRAPH).SerializeToString() + field(6, graph)
            node += field(5, attribute)
        shape = [helper.make_tensor_value_info(name, 1, [2])]
        inner = GraphProto(name="b", output=shape).SerializeToString() + field(1, node)
    inner += GraphProto(input=[helper.make_tensor_value_info("x", 1, [2]), helper.make_tensor_value_info("c", 9, [])]).SerializeToString()
    return ModelProto(ir_version=8, opset_import=[helper.make_opsetid("", 17)]).SerializeToString() + field(7, inner)


def laughs(levels: int) -> ModelProto:
    """Return functions that each call the next one twice: 2^levels nodes once they are inlined."""
    text = CALL.replace("f.A", "f.F0")
    for i in range(levels):
        text += BODY + f"F{i} (a) => (b) {{ t = f.F{i + 1}(a) b = f.F{i + 1}(t) }}\n"
    return parser.parse_model(text + BODY + f"F{levels} (a) => (b) {{ b = Relu(a) }}\n")


def calls_in_a_row(count: int) -> ModelProto:
    """Return functions of which each calls the next one."""
    text = CALL.replace("f.A", "f.F0") + "".join(BODY + f"F{i} (a) => (b) {{ b = f.F{i + 1}(a) }}\n" for i in range(count))
    return parser.parse_model(text + BODY + f"F{count} (a) => (b) {{ b = Relu(a) }}\n")


def constants_in_a_row(count: int) -> ModelProto:
    """Return a weight behind a long row of operators that only move it."""
    text = IO + " { v0 = Identity(w) " + " ".join(f"v{i + 1} = Identity(v{i})" for i in range(count)) + f" y = MatMul(x, v{count}) }}"
    model = parsed(text)
    model.graph.initializer.append(weight("w", 8, 8))
    return model


def without_type(model: ModelProto) -> None:
    model.graph.input[0].ClearField("type")


def attribute_outside(model: ModelProto) -> None:
    model.graph.node[2].attribute.append(AttributeProto(name="alpha", ref_attr_name="p", type=AttributeProto.FLOAT))


def of_a_company(model: ModelProto) -> None:
    model.graph.node[2].domain = "com.acme"
    model.opset_import.add(domain="com.acme", version=1)


CHANGES = [
    (R, "no_graph", lambda m: m.ClearField("graph")),
    (R, "no_opset", lambda m: m.ClearField("opset_import")),
    (R, "no_ir_version", lambda m: m.ClearField("ir_version")),
    (R, "ir_version_of_the_future", lambda m: setattr(m, "ir_version", 999)),
    (R, "opset_of_the_future", lambda m: setattr(m.opset_import[0], "version", 999)),
    (R, "opset_zero", lambda m: setattr(m.opset_import[0], "version", 0)),
    (R, "opset_negative", lambda m: setattr(m.opset_import[0], "version", -3)),
    (E, "two_opsets", lambda m: m.opset_import.append(helper.make_opsetid("", 11))),
    (E, "unsorted_nodes", lambda m: m.graph.node.insert(0, m.graph.node.pop())),
    (R, "value_made_twice", lambda m: m.graph.node.append(helper.make_node("Relu", ["x"], ["a"]))),
    (E, "initializer_given_twice", lambda m: m.graph.initializer.append(weight("w1", 16, 32, seed=1))),
    (R, "input_declared_twice", lambda m: m.graph.input.append(m.graph.input[0])),
    (E, "output_declared_twice", lambda m: m.graph.output.append(m.graph.output[0])),
    (R, "node_makes_an_initializer", lambda m: m.graph.node.insert(0, helper.make_node("Relu", ["b"], ["w1"]))),
    (R, "input_from_nowhere", lambda m: m.graph.node[0].input.__setitem__(1, "nowhere")),
    (R, "output_from_nowhere", lambda m: setattr(m.graph.output[0], "name", "nowhere")),
    (R, "node_without_operator", lambda m: m.graph.node[2].ClearField("op_type")),
    (R, "operator_that_is_not", lambda m: setattr(m.graph.node[2], "op_type", "Frobnicate")),
    (R, "operator_of_a_company", of_a_company),
    (E, "no_outputs", lambda m: m.graph.ClearField("output")),
    (R, "output_without_name", lambda m: m.graph.output[0].ClearField("name")),
    (R, "input_without_type", without_type),
    (R, "too_many_inputs", lambda m: m.graph.node[2].input.append("x")),
    (R, "attribute_unknown", lambda m: m.graph.node[2].attribute.append(helper.make_attribute("bogus", 1))),
    (R, "attribute_reference_outside_a_function", attribute_outside),
    (E, "wrong_stored_shape", lambda m: m.graph.value_info.append(helper.make_tensor_value_info("a", 1, [3, 3]))),
    (E, "training_info", lambda m: m.training_info.add().algorithm.CopyFrom(parser.parse_graph("t () => () {}"))),
]
TEXTS = [
    (R, "cycle", IO + " { a = Add(x, b) b = Relu(a) y = Neg(b) }"),
    (R, "node_reads_itself", IO + " { y = Add(x, y) }"),
    (R, "cast_to_nothing", IO + " { y = Cast(x) }"),
    (R, "types_clash", IO + " <int64[8] w = {1, 2, 3, 4, 5, 6, 7, 8}> { y = Add(x, w) }"),
    (R, "shapes_clash", IO + " <float[7] w = {1, 2, 3, 4, 5, 6, 7}> { y = Add(x, w) }"),
    (R, "function_calls_itself", CALL + BODY + "A (a) => (b) { b = f.A(a) }"),
    (R, "functions_call_each_other", CALL + BODY + "A (a) => (b) { b = f.B(a) }\n" + BODY + "B (a) => (b) { b = f.A(a) }"),
    (R, "function_missing", CALL + BODY + "Z (a) => (b) { b = Relu(a) }"),
    (P, "nodes_in_a_long_row", IO + " { v0 = Neg(x) " + " ".join(f"v{i + 1} = Neg(v{i})" for i in range(1500)) + " y = Neg(v1500) }"),
    (
        E,
        "zeros_of_terabytes",
        IO
        + """ <int64[2] s = {2097152, 2097152}, int64[2] every = {0, 1}> {
      z = ConstantOfShape(s) r = ReduceMax<keepdims = 0>(z) y = Add(x, r) }""",
    ),
    (
        E,
        "expanded_to_terabytes",
        IO
        + """ <int64[2] s = {2097152, 2097152}, float c = {1.0}> {
      z = Expand(c, s) r = ReduceMax<keepdims = 0>(z) y = Add(x, r) }""",
    ),
    (
        E,
        "expanded_weight_of_terabytes",
        IO
        + """ <int64[2] s = {8, 1099511627776}, float c = {1.0}> {
      z = Expand(c, s) m = MatMul(x, z) r = ReduceMax<keepdims = 0>(m) y = Add(x, r) }""",
    ),
    (E, "input_of_terabytes", "agraph (float[2097152, 2097152] x) => (float[2097152, 2097152] y) { y = Neg(x) }"),
]


def cases() -> list[Case]:
    """Return the cases."""
    return [
        *(case(expect, name, changed(change)) for expect, name, change in CHANGES),
        *(case(expect, name, parsed(text)) for expect, name, text in TEXTS),
        case(P, "ifs_16_deep", nested_ifs(16)),  # onnxruntime 1.23 takes twice as long for each level, 1.5 s for these
        case(E, "ifs_60_deep", nested_ifs(60)),
        case(R, "ifs_5000_deep", nested_ifs(5000)),
        case(E, "functions_explode_a_little", laughs(8)),
        case(E, "functions_call_in_a_long_row", calls_in_a_row(200)),
        case(P, "constants_in_a_long_row", constants_in_a_row(1500)),
    ]


def bombs() -> list[Case]:
    """Return the cases that only a time limit ends."""
    endless = """agraph (float[1] x) => (float[1] y) <int64 n = {1152921504606846976}, bool on = {1}> {
      y = Loop (n, on, x) <body = b (int64 i, bool c, float[1] v) => (bool d, float[1] w) { d = Identity(c) w = Relu(v) }> }"""
    return [case(E, "loop_of_years", parsed(endless)), case(E, "functions_explode", laughs(40))]
