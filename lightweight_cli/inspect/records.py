"""A model's graphs and nodes as plain records."""

from __future__ import annotations

import struct

from lightweight_cli.inspect.scan import scan, text
from lightweight_cli.inspect.tensors import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lightweight_cli.inspect.scan import Buffer


class Node:
    """One operator call, with its attributes."""

    __slots__ = ("domain", "graphs", "inputs", "later", "name", "op", "outputs", "tensors", "values")

    def __init__(self) -> None:
        self.op = self.domain = self.name = ""
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.tensors: list[tuple[str, Tensor]] = []
        self.graphs: list[tuple[str, Graph]] = []
        self.values: dict[str, object] = {}
        self.later: list[bytes] = []
        """Serialized attributes that hold neither tensor nor graph, and are read when one is asked for."""

    @property
    def attributes(self) -> dict[str, object]:
        """Numbers, bytes and lists of numbers, by name."""
        while self.later:
            attribute = self.later.pop()
            scalars(self, attribute, scan(attribute, 0, len(attribute)))
        return self.values


class Graph:
    """A graph, or the body of a function."""

    def __init__(self) -> None:
        self.name = ""
        self.domain = ""
        self.nodes: list[Node] = []
        self.initializers: list[Tensor] = []
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.values: dict[str, bytes] = {}
        """Name of a value -> its serialized ValueInfoProto."""


class Model:
    """A model's head, its main graph and its functions."""

    def __init__(self) -> None:
        self.ir_version = self.model_version = 0
        self.producer = self.producer_version = ""
        self.opsets: dict[str, int] = {}
        self.metadata: dict[str, str] = {}
        self.functions: list[Graph] = []
        self.graph: Graph | None = None
        self.note_bytes = 0
        """Bytes of what exporters note on graphs, nodes and values: doc strings, metadata properties."""


def scalars(node: Node, buf: Buffer, parts: list[tuple[int, int, int]]) -> str:
    """Keep the numbers, bytes and lists of numbers of an AttributeProto; return its name."""
    name = next((text(buf, at, end) for tag, at, end in parts if tag == 10), "")
    numbers: list[float] = []
    for tag, at, end in parts:
        if tag == 21:
            node.values[name] = struct.unpack("<f", buf[at:end])[0]
        elif tag == 24:
            node.values[name] = at - (1 << 64) if at >> 63 else at
        elif tag == 34:
            node.values[name] = bytes(buf[at:end])
        elif tag == 61:
            numbers += struct.unpack("<f", buf[at:end])
        elif tag == 64:
            numbers.append(at - (1 << 64) if at >> 63 else at)
    if numbers:
        node.values[name] = numbers
    return name
