"""Steps in time: a body that is written once and run for each step by Scan."""

from __future__ import annotations

from collections.abc import Callable

from onnx import helper

from lightweight_cli.gradients.op import Op
from lightweight_cli.gradients.values import Value

Body = Callable[[list[Value], list[Value]], tuple[list[Value], list[Value]]]
"""From the states and this step's inputs to the next states and this step's outputs."""
TABLE = [None, None]
"""The shape of states, inputs and outputs of a step: onnxruntime wants to be told how many axes they have."""


def scanned(op: Op, states: list[Value], inputs: list[Value], reverse: bool, body: Body) -> tuple[list[Value], list[Value]]:
    """Return the last states and the outputs of all steps; `reverse` takes the last step first. A step is of tables [batch, n]."""
    inner = op.into.within(op.facts)
    own = [[Value(inner, inner.names.new("step"), v.type) for v in listed] for listed in (states, inputs)]
    carried, made = body(*own)
    results = [inner.emit("Identity", v) for v in (*carried, *made)]
    graph = helper.make_graph(
        inner.nodes, "step", [helper.make_tensor_value_info(v.name, v.type, TABLE) for listed in own for v in listed],
        [helper.make_tensor_value_info(v.name, v.type, TABLE) for v in results])
    found = op.into.emit_all(
        "Scan", *states, *inputs, outputs=len(results), body=graph, num_scan_inputs=len(inputs),
        scan_input_directions=[int(reverse)] * len(inputs), scan_output_directions=[int(reverse)] * len(made))
    return found[: len(states)], found[len(states) :]
