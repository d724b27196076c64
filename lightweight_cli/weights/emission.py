"""The nodes and tensors that an encoding puts into a model, with their exact size before any byte is made."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import AttributeProto, NodeProto, TensorProto, helper

from lightweight_cli.model.blobs import Blob

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.weights.load_cost import LoadCost

TABLE = 64
"""Bytes above which a shared tensor is a decoding table: those are of 256 bytes and more, shapes of at most eight axes below."""
SMALL = 1 << 16
"""Bytes up to which ready-made tensors stay in memory."""


@dataclass
class Stored:
    """A tensor to be: its type and shape, its bytes, and what makes them."""

    proto: TensorProto
    nbytes: int
    produce: Any
    shared: bool = False

    @property
    def is_table(self) -> bool:
        """Whether all weights of a model pay for it together; shapes and single numbers, of some 40 bytes, count for each."""
        return self.shared and self.nbytes > TABLE


@dataclass
class Emission:
    """What replaces a weight: tensors and nodes whose last output carries its name."""

    opset: int
    prefix: str
    local: bool = False
    """Inside a function: no initializers, and nothing of the main graph is visible."""
    known: Mapping[str, bytes | None] = field(default_factory=dict)
    """Shared tensors that the model already has, serialized; None: something else has the name."""
    nodes: list[NodeProto] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    label: str = ""
    stored_as: str = ""
    """The same in words, for people."""
    sample: Callable[[], tuple[list[tuple[int, int]], np.ndarray]] | None = None
    """Gives some of the values: runs (start, length) in flat order, and what is in them."""
    load_bytes: float = 0.0
    """Bytes that decoding takes when the model is loaded."""
    load_ns: float = 0.0
    """Nanoseconds that it takes."""
    tables: dict[tuple[str, int], str] = field(default_factory=dict)
    """Casts of shared tensors."""
    reads: dict[str, int] = field(default_factory=dict)
    """Bytes of the shared decoding tables."""
    inside: dict[str, str] = field(default_factory=dict)
    """Own copies of shared tensors, by their names."""

    def costs(self, cost: LoadCost, count: int) -> None:
        """Note what decoding `count` values takes."""
        self.load_bytes += cost.bytes * count
        self.load_ns += cost.ns * count

    def unused(self, hint: str) -> str:
        """Return a name for a tensor that no other has."""
        name, taken = f"{self.prefix}{hint}", {s.proto.name for s in self.stored}
        return name if name not in taken else next(n for i in itertools.count(1) if (n := f"{name}{i}") not in taken)

    def tensor(self, hint: str, data_type: int, dims: Sequence[int], nbytes: int, produce: Any) -> str:
        """Add a tensor whose bytes are made later: by a function of a writer, or from a blob."""
        name = self.unused(hint)
        self.plain(name, data_type, dims, nbytes, produce)
        return name

    def plain(self, name: str, data_type: int, dims: Sequence[int], nbytes: int, produce: Any) -> None:
        """Add a tensor called `name`."""
        self.stored.append(Stored(TensorProto(name=name, data_type=data_type, dims=dims), nbytes, produce))

    def array(self, hint: str, array: np.ndarray) -> str:
        """Add a tensor of known values."""
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        return self.tensor(hint, kind, array.shape, array.nbytes, np.ascontiguousarray(array).tobytes())

    def shared(self, name: str, array: np.ndarray) -> str:
        """Add a table that all weights of the model use together."""
        proto = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        content = np.ascontiguousarray(array).tobytes()
        if self.local or (name in self.known and self.known[name] != proto.SerializeToString() + content):
            if name not in self.inside:
                self.inside[name] = self.array(name, array)
            return self.inside[name]
        if array.nbytes > TABLE:
            self.reads[name] = self._file_bytes(Stored(proto, array.nbytes, content, shared=True))
        if name not in self.known and all(s.proto.name != name for s in self.stored):
            self.stored.append(Stored(proto, array.nbytes, content, shared=True))
        return name

    def table(self, name: str, array: np.ndarray, to: int) -> str:
        """Add a shared table of small integers and, where they are of another type, a Cast to `to`, each once."""
        if to == helper.np_dtype_to_tensor_dtype(array.dtype):
            return self.shared(name, array)
        if (name, to) not in self.tables:
            self.tables[name, to] = self.cast(self.shared(name, array), to)
        return self.tables[name, to]

    def op(self, op_type: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node with one output; return the output's name."""
        name = output or f"{self.prefix}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], **attributes))
        return name

    def cast(self, name: str, to: int) -> str:
        """Add a Cast."""
        return self.op("Cast", [name], to=to)

    def reshape(self, name: str, dims: Sequence[int]) -> str:
        """Add a Reshape to `dims`."""
        return self.op("Reshape", [name, self.shape(dims)])

    def shape(self, dims: Sequence[int]) -> str:
        """Add a shape tensor, shared by all that have the same."""
        return self.shared("lwc.shape." + "x".join(map(str, dims)), np.array(dims, np.int64))

    def head(self, name: str, count: int) -> str:
        """Add a Slice of the first `count` elements of a flat tensor."""
        if self.opset < 10:
            return self.op("Slice", [name], starts=[0], ends=[count], axes=[0])
        zero, end = self.shape([0]), self.shape([count])
        return self.op("Slice", [name, zero, end])

    def fit(self, flat: str, length: int, size: int, dims: Sequence[int]) -> str:
        """Cut the padding of a flat tensor of `length` and give it its shape."""
        if length != size:
            flat = self.head(flat, size)
        return flat if list(dims) == [size] else self.reshape(flat, dims)

    def finish(self, output: str) -> None:
        """Give the last node's output the weight's name."""
        self.nodes[-1].output[0] = output

    @property
    def nbytes(self) -> int:
        """Return the bytes that the nodes and tensors take in the file, shared decoding tables left out."""
        own = sum(self._file_bytes(s) for s in self.stored if not s.is_table)
        return own + sum(framed(n.ByteSize()) for n in self.nodes)

    def shared_bytes(self) -> dict[str, int]:
        """Return the bytes of each shared decoding table that it reads, those that the model has already too."""
        return self.reads

    def _file_bytes(self, s: Stored) -> int:
        size = s.proto.ByteSize() + framed(s.nbytes)
        if self.local:  # a Constant node around it: output, op_type, and the attribute's name, tensor and type
            size = framed(len(s.proto.name.encode())) + framed(8) + framed(framed(5) + framed(size) + 3)
        return framed(size)

    def realise(self, model: Model) -> None:
        """Make the bytes of every tensor."""
        for s in self.stored:
            if isinstance(s.produce, bytes):
                s.produce = Blob(s.nbytes, data=s.produce) if s.nbytes <= SMALL else model.spool.put(s.produce)
            elif isinstance(s.produce, Blob):
                if s.produce.source is None and s.nbytes > SMALL:
                    s.produce = model.spool.put(s.produce.data)
            else:
                writer = model.reserve(s.nbytes)
                s.produce(writer)
                s.produce = writer.close()


def framed(size: int) -> int:
    """Return the bytes of a length-delimited field of `size` bytes with a one-byte tag."""
    return 1 + max(1, -(-size.bit_length() // 7)) + size


def place(model: Model, scope: Scope, main: Scope, emission: Emission) -> list[NodeProto]:
    """Put an emission's tensors into the model; return the nodes that go to the head of the scope's graph."""
    nodes: list[NodeProto] = []
    for stored in emission.stored:
        if scope.is_function:
            node = helper.make_node("Constant", [], [stored.proto.name])
            attribute = node.attribute.add(name="value", type=AttributeProto.TENSOR)
            attribute.t.CopyFrom(stored.proto)
            model.attach(attribute.t, stored.produce)
            nodes.append(node)
            continue
        home = main if stored.shared else scope
        if stored.shared and stored.proto.name in home.initializers:
            continue
        target = home.graph.initializer.add()
        target.CopyFrom(stored.proto)
        model.attach(target, stored.produce)
        home.initializers[stored.proto.name] = target
    return nodes + emission.nodes
