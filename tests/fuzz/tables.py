"""Random models that hold tables of extreme values: stored, cast or dequantized, and used so that every bit shows."""

from __future__ import annotations

import random

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from fuzz.extremes import TYPES, WIDE, array

SHAPES = [(300,), (16, 40), (64, 64), (33, 130), (8, 4, 48), (256, 64), (5, 3, 3, 20), (1, 1, 40, 40), (7, 1000), (128, 128)]
INTEGERS = {"int8": 10, "uint8": 10, "int32": 10, "float8_e4m3fn": 19, "float8_e5m2": 19, "int16": 21, "uint16": 21,
            "int4": 21, "uint4": 21}
"""What DequantizeLinear takes, and since when."""
IR = {9: 4, 11: 6, 13: 7, 17: 8, 19: 9, 21: 10, 23: 11}
SHOWN = ("float32", "float64", "float16")
"""Types that numpy has: others are shown as float32."""


class Tables:
    """Grows one model; each table has a name of its own, and its uses are outputs."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(f"tables {seed}")
        self.opset = self.choose.choice(list(IR))
        self.wide = WIDE if self.opset >= 13 else SHOWN
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self.summed: set[str] = set()
        self.feed: dict[str, np.ndarray] = {}

    def store(self, name: str, values: np.ndarray) -> str:
        """Store values under a name: an initializer or a Constant node."""
        tensor = numpy_helper.from_array(values, name)
        if self.choose.random() < 0.2:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.tensors.append(tensor)
        return name

    def stored(self, name: str, shape: tuple[int, ...]) -> str:
        """Make a table as it is. Returns: its type."""
        kinds = WIDE[:1] * 3 + self.wide + tuple(TYPES)[4:] * (self.opset >= 19)
        kind = self.choose.choice(kinds)
        self.store(name, array(self.choose, shape, np.dtype(TYPES[kind])))
        return kind

    def cast(self, name: str, shape: tuple[int, ...]) -> str:
        """Make a table that a Cast widens or narrows. Returns: its type."""
        kind, to = self.choose.sample(self.wide, 2)
        if self.opset >= 19 and self.choose.random() < 0.2:
            kind, to = self.choose.choice(tuple(TYPES)[4:]), self.choose.choice(WIDE[:1])
        values = array(self.choose, shape, np.dtype(TYPES[kind]))
        if "float16" in (kind, to):  # what onnxruntime makes of other NaN there depends on how many values it casts
            values = plain(values)
        self.store(f"{name}n", values)
        self.nodes.append(helper.make_node("Cast", [f"{name}n"], [name], to=number(to)))
        return to

    def dequantized(self, name: str, shape: tuple[int, ...]) -> str:
        """Make a table that DequantizeLinear computes, with odd scales. Returns: its type."""
        kind = self.choose.choice([k for k, since in INTEGERS.items() if since <= self.opset])
        dtype = helper.tensor_dtype_to_np_dtype(number(kind))
        bits = helper.np_dtype_to_tensor_dtype(dtype) in (TensorProto.INT4, TensorProto.UINT4)
        numbers = np.random.default_rng(self.choose.getrandbits(32))
        low, high = {"int4": (-8, 7), "uint4": (0, 15)}.get(kind, (0, 255))
        if "float" in kind:
            q = array(self.choose, shape, dtype)
        elif bits:
            q = numbers.integers(low, high, shape, endpoint=True).astype(dtype)
        else:
            q = numbers.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
        axis = self.choose.randrange(len(shape))
        way = self.choose.choice(["tensor"] + ["axis"] * (self.opset >= 13) + ["block"] * (self.opset >= 21))
        block = self.choose.choice([d for d in (1, 2, 4, 5, 8, 16, 20, 40) if shape[axis] % d == 0])
        spread = {"tensor": (), "axis": (shape[axis],), "block": tuple(d // block if i == axis else d for i, d in enumerate(shape))}[way]
        to = self.choose.choice(SHOWN[:1] * 3 + (("float16",) if self.opset >= 19 else ()))
        scale = array(self.choose, spread or (1,), np.dtype(TYPES[to])).reshape(spread)
        scale = plain(scale) if to == "float16" else scale
        if self.choose.random() < 0.7:  # mostly one that a quantizer might give
            scale = np.abs(np.nan_to_num(scale, nan=0.5, posinf=2, neginf=3))
        inputs = [self.store(f"{name}q", q), self.store(f"{name}s", scale)]
        if kind != "int32" and self.choose.random() < 0.6:
            zero = np.resize(q.reshape(-1), spread) if "float" not in kind else np.zeros(spread, dtype)
            inputs.append(self.store(f"{name}z", zero.astype(dtype)))
        given = {} if way == "tensor" else {"axis": axis} | ({"block_size": block} if way == "block" else {})
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], **given))
        return to

    def use(self, name: str, kind: str, shape: tuple[int, ...], sums: bool) -> None:
        """Show a table, or what an operator makes of it, as an output."""
        out, onnx_kind = f"y{len(self.outputs)}", number(kind)
        ways = ["shown", "branch"] + ["moved", "gathered"] * (kind in WIDE) + ["scaled", "masked"] * (kind in SHOWN)
        ways += ["product"] * (sums and kind in SHOWN[:2] and len(shape) == 2)  # others are computed in integers, or not alike twice
        match self.choose.choice(ways):
            case "shown":
                self.nodes.append(helper.make_node("Identity", [name], [out]))
            case "branch":
                both = [helper.make_graph([helper.make_node("Identity", [name], [f"{out}{b}"])], b, [],
                                          [helper.make_tensor_value_info(f"{out}{b}", onnx_kind, shape)]) for b in ("then", "else")]
                condition = self.given(f"{out}c", np.array(True))
                self.nodes.append(helper.make_node("If", [condition], [out], then_branch=both[0], else_branch=both[1]))
            case "moved":
                self.nodes.append(helper.make_node("Reshape", [name, self.store(f"{out}d", np.array([-1], np.int64))], [out]))
            case "gathered":
                self.nodes.append(helper.make_node("Gather", [name, self.given(f"{out}i", np.arange(shape[0] - 1, -1, -1))], [out]))
            case "scaled":
                self.nodes.append(helper.make_node("Mul", [name, self.given(f"{out}x", np.ones(shape[-1], TYPES[kind]))], [out]))
            case "masked":
                where = self.given(f"{out}c", np.arange(shape[-1]) % 3 > 0)
                self.nodes.append(helper.make_node("Where", [where, name, self.given(f"{out}x", np.ones(1, TYPES[kind]))], [out]))
            case "product":  # of rows of the unit matrix: exact in any order of sums
                unit = self.given(f"{out}x", np.eye(shape[0], dtype=TYPES[kind])[::-1])
                self.nodes.append(helper.make_node("MatMul", [unit, name], [out]))
                self.summed.add(out)
        if kind not in SHOWN:
            self.nodes.append(helper.make_node("Cast", [out], [f"{out}w"], to=TensorProto.FLOAT))
            out, onnx_kind = f"{out}w", TensorProto.FLOAT
        self.outputs.append(helper.make_tensor_value_info(out, onnx_kind, None))

    def given(self, name: str, values: np.ndarray) -> str:
        """Make an input, and what it is fed."""
        self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype), values.shape))
        self.feed[name] = np.ascontiguousarray(values)
        return name

    def model(self) -> ModelProto:
        """Return the model."""
        ways = [self.stored, self.stored, self.cast] + [self.dequantized] * (self.opset > 9)
        for i in range(self.choose.choice((1, 1, 2, 3))):
            shape, make = self.choose.choice(SHAPES), self.choose.choice(ways)
            kind = make(f"w{i}", shape)
            for _ in range(self.choose.choice((1, 1, 2))):
                self.use(f"w{i}", kind, shape, make != self.dequantized)
        if not self.inputs:
            self.given("unused", np.zeros(1, np.float32))
        graph = helper.make_graph(self.nodes, "g", self.inputs, self.outputs, self.tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=IR[self.opset])


def plain(values: np.ndarray) -> np.ndarray:
    """Return values with one kind of NaN."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(values), values.dtype.type(np.nan), values)


def number(kind: str) -> int:
    """Return the TensorProto type of a name."""
    return int(getattr(TensorProto, {"float32": "FLOAT", "float64": "DOUBLE"}.get(kind, kind.replace("_", "").upper())))
