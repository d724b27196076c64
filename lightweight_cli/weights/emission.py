"""The nodes and tensors that an encoding puts into a model, with their exact size before any byte is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.wire import framed
from lightweight_cli.weights.naming import PLACE, is_shared, nth
from lightweight_cli.weights.new_node import NewNode
from lightweight_cli.weights.stored import Stored, declared, of_array, of_integers

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.load_cost import LoadCost

SMALL = 1 << 16
"""Bytes up to which ready-made tensors stay in memory."""


@dataclass(eq=False, repr=False)
class Emission:
    """What replaces a weight: tensors and nodes whose last output carries its name."""

    opset: int
    local: bool = False
    """Inside a function: no initializers, and nothing of the main graph is visible."""
    known: Mapping[str, bytes | None] = field(default_factory=dict)
    """Shared tensors, and nodes that compute them, that the model already has, serialized; None: something else has the name."""
    nodes: list[NewNode] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    label: str = ""
    stored_as: str = ""
    """The same in words, for people."""
    sample: Callable[[], tuple[list[tuple[int, int]], np.ndarray]] | None = None
    """Gives some of the values: runs (start, length) in flat order, and what is in them."""
    codes: Any = None
    """What it stores, where that may be stored together with other weights': encodings.bundle."""
    load_bytes: float = 0.0
    """Bytes that decoding takes when the model is loaded."""
    left_to_rows: float = 0.0
    """Of these, what is not taken where a table is decoded by rows."""
    load_ns: float = 0.0
    """Nanoseconds that it takes."""
    tables: list[NewNode] = field(default_factory=list)
    """Nodes that compute shared tables, in order."""
    reads: dict[str, int] = field(default_factory=dict)
    """Bytes of the shared decoding tables, of what computes them too."""
    inside: dict[str, str] = field(default_factory=dict)
    """Own copies of shared tensors, by their names."""
    have: set[str] = field(default_factory=set)
    """Shared tensors that it reads."""
    named: int = 0
    """Names given so far: they are as long as the shortest in a model, and `place` replaces them."""

    def costs(self, cost: LoadCost, count: int) -> None:
        """Note what decoding `count` values takes."""
        self.load_bytes += cost.bytes * count
        self.load_ns += cost.ns * count

    def name(self) -> str:
        """Return a name for a tensor that no other has."""
        self.named += 1
        return nth(PLACE, self.named - 1)

    def tensor(self, data_type: int, dims: Sequence[int], nbytes: int, produce: Any) -> str:
        """Add a tensor whose bytes are made later: by a function of a writer, or from a blob."""
        name = self.name()
        self.plain(name, data_type, dims, nbytes, produce)
        return name

    def plain(self, name: str, data_type: int, dims: Sequence[int], nbytes: int, produce: Any) -> None:
        """Add a tensor called `name`."""
        self.stored.append(Stored(TensorProto(name=name, data_type=data_type, dims=dims), nbytes, produce))

    def array(self, array: np.ndarray) -> str:
        """Add a tensor of known values."""
        name = self.name()
        self.stored.append(of_array(name, array))
        return name

    def shared(self, name: str, array: np.ndarray, table: bool = False) -> str:
        """Add a tensor that all weights of the model use together, as a shape, or as a `table` for which they pay together."""
        return self._shared(name, lambda: declared(name, array), table)

    def _shared(self, name: str, make: Callable[[], tuple[TensorProto, bytes]], table: bool) -> str:
        if name in self.inside or (table and name in self.have):
            return self.inside.get(name, name)
        proto, content = make()
        if self.local or (name in self.known and self.known[name] != proto.SerializeToString() + content):
            self.inside[name] = self.array(np.frombuffer(content, helper.tensor_dtype_to_np_dtype(proto.data_type)).reshape(proto.dims))
            return self.inside[name]
        if name not in self.have and name not in self.known:
            self.stored.append(Stored(proto, len(content), content, True, table))
        if table:
            self.reads[name] = self._file_bytes(Stored(proto, len(content), content, True))
        elif self.reads.pop(name, None) is not None:  # a table's that this weight needs by itself: it pays for it
            for stored in self.stored:
                stored.is_table = stored.is_table and stored.proto.name != name
        self.have.add(name)
        return name

    def computed(self, name: str, op_type: str, inputs: Callable[[], Sequence[str]], **attributes: int) -> str:
        """Add a table that a node computes from shared tensors, once for all weights of the model."""
        if name in self.inside or name in self.have:
            return self.inside.get(name, name)
        given = inputs()
        made = NewNode(op_type, given, [name], attributes)
        apart = self.local or not all(map(is_shared, given))
        if apart or (name in self.known and self.known[name] != made.message().SerializeToString()):
            self.inside[name] = self.op(op_type, given, "", **attributes)
            return self.inside[name]
        self.reads[name] = framed(made.nbytes)
        if name not in self.known:
            self.tables.append(made)
        self.have.add(name)
        return name

    def op(self, op_type: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node with one output; return the output's name."""
        name = output or self.name()
        self.nodes.append(NewNode(op_type, inputs, [name], attributes))
        return name

    def split(self, name: str, lengths: Sequence[int]) -> list[str]:
        """Add a Split of a flat tensor; return its parts."""
        given = [name] if self.opset < 13 else [name, self.array(np.array(lengths, np.int64))]
        parts = [self.name() for _ in lengths]
        self.nodes.append(NewNode("Split", given, parts, {"split": list(lengths)} if self.opset < 13 else {}))
        return parts

    def cast(self, name: str, to: int) -> str:
        """Add a Cast."""
        return self.op("Cast", [name], to=to)

    def reshape(self, name: str, dims: Sequence[int]) -> str:
        """Add a Reshape to `dims`."""
        return self.op("Reshape", [name, self.shape(dims)])

    def shape(self, dims: Sequence[int], table: bool = False) -> str:
        """Add a shape tensor, shared by all that have the same."""
        return self.integers(".s" + "x".join(map(str, dims)), TensorProto.INT64, dims, table)

    def number(self, value: int, table: bool = False) -> str:
        """Return the name of an int32 number."""
        return self.integers(f".i{value}", TensorProto.INT32, value, table)

    def integers(self, name: str, kind: int, values: int | Sequence[int], table: bool = False) -> str:
        """Add few integers that all weights use together, or a `table` of them: `shared`."""
        return self._shared(name, lambda: of_integers(name, kind, values if isinstance(values, int) else tuple(values)), table)

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

    def shaped(self, rows: str, length: int, size: int, dims: Sequence[int]) -> str:
        """Give elements in rows, of `length` in all, their shape, without the padding."""
        return self.reshape(rows, dims) if length == size else self.fit(self.reshape(rows, [-1]), length, size, dims)

    def take_over(self, other: Emission) -> None:
        """Go on from what another emission of the same weight holds."""
        for held in ("nodes", "stored", "tables", "reads", "inside", "have", "named", "load_bytes", "left_to_rows", "load_ns"):
            setattr(self, held, getattr(other, held))

    def finish(self, output: str) -> None:
        """Give the last node's output the weight's name."""
        self.nodes[-1].output[0] = output

    @property
    def nbytes(self) -> int:
        """Return the bytes that the nodes and tensors take in the file, shared decoding tables left out."""
        own = sum(self._file_bytes(s) for s in self.stored if not s.is_table)
        return own + sum(framed(n.nbytes) for n in self.nodes)

    def shared_bytes(self) -> dict[str, int]:
        """Return the bytes of each shared decoding table that it reads, those that the model has already too."""
        return self.reads

    def common_bytes(self) -> dict[str, int]:
        """Return the bytes of each shape and number that others may share, which `nbytes` counts for each."""
        return {s.proto.name: self._file_bytes(s) for s in self.stored if s.shared and not s.is_table}

    def _file_bytes(self, s: Stored) -> int:
        size = s.proto.ByteSize() + (framed(s.nbytes) if s.produce is not None else 0)
        if self.local:  # a Constant node around it: output, op_type, and the attribute's name, tensor and type
            size = framed(len(s.proto.name.encode())) + framed(8) + framed(framed(5) + framed(size) + 3)
        return framed(size)

    def realise(self, model: Model) -> None:
        """Make the bytes of every tensor."""
        for s in self.stored:
            if s.produce is None:
                continue
            if isinstance(s.produce, bytes):
                s.produce = Blob(s.nbytes, data=s.produce) if s.nbytes <= SMALL else model.spool.put(s.produce)
            elif isinstance(s.produce, Blob):
                if not s.produce.lasting and s.nbytes > SMALL:
                    s.produce = model.spool.put(s.produce.data)
            else:
                writer = model.reserve(s.nbytes)
                s.produce(writer)
                s.produce = writer.close()


class Together(NamedTuple):
    """Some weights in one emission."""

    which: Sequence[int]
    emission: Emission
    parts: Sequence[int]
    """Bytes that each of them answers for."""
    said: Sequence[str]
    """How each is stored, for people."""
