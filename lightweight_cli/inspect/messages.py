"""A model file as records, read off the wire without touching weight bytes.

Only what `lwc inspect` shows is read. A field is recognised by its tag, `number << 3 | wire type`, so one of an
unexpected wire type is skipped, as protobuf does. Shapes of values are kept as byte ranges until they are asked for.
Source: onnx.proto; protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from lightweight_cli.inspect.records import Graph, Model, Node, scalars
from lightweight_cli.inspect.scan import scan, text
from lightweight_cli.inspect.tensors import listed, sparse_tensor, tensor
from lightweight_cli.model.wire import MAX_DEPTH, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lightweight_cli.inspect.scan import Buffer

COPIED = 1 << 16
"""Messages up to this size are copied out of the file at once: bytes are faster to index than a memory map."""
ONNX_DOMAIN = ("", "ai.onnx")
NESTED = frozenset({"Constant", "ConstantOfShape", "If", "Loop", "Scan", "SequenceMap"})
"""The standard operators with a tensor or a graph in an attribute."""
GRAPH_NOTES, FUNCTION_NOTES = (82, 130), (66, 114)
"""The fields of doc strings and metadata properties; a node's are 50 and 74, a value's 26 and 34."""
LONG_LIST = 1024
"""Bytes from which an attribute's list of numbers or strings is shown as a tensor, and no longer walked."""


def read(buf: Buffer) -> Model:
    """Read the serialized ModelProto `buf`.

    Raises: WireError when it is not one.
    """
    return _Reader(buf).model()


class _Reader:
    def __init__(self, buf: Buffer) -> None:
        self.buf = buf
        self.result = Model()

    def model(self) -> Model:
        buf, result = self.buf, self.result
        for tag, at, end in scan(buf, 0, len(buf)):
            if tag == 8:
                result.ir_version = at
            elif tag == 18:
                result.producer = text(buf, at, end)
            elif tag == 26:
                result.producer_version = text(buf, at, end)
            elif tag == 40:
                result.model_version = at
            elif tag == 50:
                result.note_bytes += end - at
            elif tag == 58:
                result.graph = self.graph(at, end, 1)
            elif tag == 66:
                domain, version = _pair(buf, at, end)
                result.opsets[domain] = version if isinstance(version, int) else 0
            elif tag == 114:
                key, content = _pair(buf, at, end)
                result.metadata[key] = str(content)
            elif tag == 202:
                result.functions.append(self.function(at, end))
        if result.graph is None:
            raise WireError("it holds no graph")
        return result

    def graph(self, at: int, end: int, depth: int) -> Graph:
        if depth > MAX_DEPTH:
            raise WireError(f"messages nested more than {MAX_DEPTH} deep")
        graph, buf = Graph(), self.buf
        for tag, at, end in scan(buf, at, end):  # noqa: B020
            if tag == 10:
                graph.nodes.append(self.node(at, end, depth))
            elif tag == 18:
                graph.name = text(buf, at, end)
            elif tag == 42:
                graph.initializers.append(tensor(buf, at, end))
            elif tag in GRAPH_NOTES:
                self.result.note_bytes += end - at
            elif tag == 90:
                graph.inputs.append(self.value(graph, at, end))
            elif tag == 98:
                graph.outputs.append(self.value(graph, at, end))
            elif tag == 106:
                self.value(graph, at, end)
            elif tag == 122:
                graph.initializers.append(sparse_tensor(buf, at, end))
        return graph

    def function(self, at: int, end: int) -> Graph:
        graph, buf = Graph(), self.buf
        for tag, at, end in scan(buf, at, end):  # noqa: B020
            if tag == 10:
                graph.name = text(buf, at, end)
            elif tag == 34:
                graph.inputs.append(text(buf, at, end))
            elif tag == 42:
                graph.outputs.append(text(buf, at, end))
            elif tag == 58:
                graph.nodes.append(self.node(at, end, 1))
            elif tag in FUNCTION_NOTES:
                self.result.note_bytes += end - at
            elif tag == 82:
                graph.domain = text(buf, at, end)
            elif tag == 98:
                self.value(graph, at, end)
        return graph

    def value(self, graph: Graph, at: int, end: int) -> str:
        info, name = bytes(self.buf[at:end]), ""
        for tag, at, end in scan(info, 0, len(info)):
            if tag == 10:
                name = text(info, at, end)
            elif tag == 26 or tag == 34:
                self.result.note_bytes += end - at
        graph.values[name] = info
        return name

    def node(self, at: int, end: int, depth: int) -> Node:
        node = Node()
        attributes: list[tuple[int, int]] = []
        buf, base = self.buf, 0
        if end - at <= COPIED:
            buf, base, at, end = buf[at:end], at, 0, end - at
        for tag, at, end in scan(buf, at, end):  # noqa: B020
            if tag == 10:
                node.inputs.append(str(buf[at:end], "utf-8", "replace"))
            elif tag == 18:
                node.outputs.append(str(buf[at:end], "utf-8", "replace"))
            elif tag == 26:
                node.name = str(buf[at:end], "utf-8", "replace")
            elif tag == 34:
                node.op = str(buf[at:end], "utf-8", "replace")
            elif tag == 42:
                attributes.append((at, end))
            elif tag == 50 or tag == 74:
                self.result.note_bytes += end - at
            elif tag == 58:
                node.domain = str(buf[at:end], "utf-8", "replace")
        plain = node.domain in ONNX_DOMAIN and node.op not in NESTED
        for at, end in attributes:
            if plain and end - at < LONG_LIST:
                node.later.append(buf[at:end])
            else:
                self.attribute(node, buf, at, end, base, depth)
        return node

    def attribute(self, node: Node, buf: Buffer, at: int, end: int, base: int, depth: int) -> None:
        if end - at >= LONG_LIST and (found := listed(buf, at, end, base)):
            node.tensors.append((found.name, found))
            return
        parts = scan(buf, at, end)
        name = scalars(node, buf, parts)
        for tag, at, end in parts:
            if tag in (42, 82):
                node.tensors.append((name, tensor(buf, at, end, base)))
            elif tag in (178, 186):
                node.tensors.append((name, sparse_tensor(buf, at, end, base)))
            elif tag in (50, 90):
                node.graphs.append((name, self.graph(base + at, base + end, depth + 1)))


def _pair(buf: Buffer, at: int, end: int) -> tuple[str, str | int]:
    """Read fields 1 and 2 of an OperatorSetIdProto or StringStringEntryProto."""
    first = ""
    second: str | int = ""
    for tag, at, end in scan(buf, at, end):  # noqa: B020
        if tag == 10:
            first = text(buf, at, end)
        elif tag == 16:
            second = at
        elif tag == 18:
            second = text(buf, at, end)
    return first, second
