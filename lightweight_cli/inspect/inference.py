"""Shapes of every value by onnx's shape inference, on the model without its weight bytes."""

from __future__ import annotations

from lightweight_cli.errors import InputError, printable
from lightweight_cli.inspect.messages import read
from lightweight_cli.inspect.records import Graph, Model
from lightweight_cli.inspect.source import Source
from lightweight_cli.model.wire import cut

MARK = "lwc-inspect-payload-"
MOST_NODES = 1_000_000
"""Nodes after inlining; functions that call functions could stand for any number."""


def inferred(source: Source, sizes: dict[str, int]) -> tuple[Model, dict[str, int]]:
    """Return the model with functions inlined and shapes inferred, and the sizes given to symbolic dimensions.

    Those that the inputs leave open are taken from `sizes`, or as 1.

    Raises: InputError when onnx can't parse the model or infer its shapes.
    """
    import onnx
    from onnx import inliner, shape_inference

    assumed: dict[str, int] = {}
    plain = read(source.buf)  # type: ignore[arg-type]
    functions = {(function.domain, function.name): function for function in plain.functions}
    if plain.graph and inlined_nodes(plain.graph, functions, {}) > MOST_NODES:
        raise InputError(f"{printable(source.name)}: its functions stand for more than {MOST_NODES:,} nodes")
    try:
        model = onnx.load_model_from_string(cut(source.buf, MARK)[0])  # type: ignore[arg-type]
        if model.functions:
            model = inliner.inline_local_functions(model)
        for port in model.graph.input:
            for axis, dim in enumerate(port.type.tensor_type.shape.dim):
                if not dim.HasField("dim_value"):
                    name = dim.dim_param or f"{port.name}[{axis}]"
                    assumed[name] = dim.dim_value = sizes.get(name, 1)
        return read(shape_inference.infer_shapes(model, data_prop=True).SerializeToString()), assumed
    except Exception as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{printable(source.name)}: shape inference failed: {printable(line)}") from error


def inlined_nodes(graph: Graph, functions: dict[tuple[str, str], Graph], known: dict[Graph, int]) -> int:
    """Count the nodes of `graph` with those of the functions it calls; each is walked once."""
    if graph not in known:
        known[graph] = 0
        inner = [functions[node.domain, node.op] for node in graph.nodes if (node.domain, node.op) in functions]
        inner += [body for node in graph.nodes for _, body in node.graphs]
        known[graph] = len(graph.nodes) + sum(inlined_nodes(body, functions, known) for body in inner)
    return known[graph]
