"""Small random valid models: subgraphs, functions, tied weights, odd types, old and new operator sets."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

OPSETS = {8: 3, 9: 4, 11: 6, 13: 7, 14: 8, 17: 8, 19: 9, 21: 10, 22: 10, 23: 11}
"""Operator sets and an IR version that goes with each."""
WIDTHS = (1, 3, 8, 16, 33, 64, 130)
ROWS = 4
ODD = (np.nan, np.inf, -np.inf, -0.0, 1e-42, 3e38)
EXTREMES = np.array([0, -0.0, 3.4028235e38, -3.4028235e38, 1.7014118e38, 1.1754944e-38, 1e-45, -1e-45, 65504, 65520, 448,
                     np.inf, -np.inf, np.nan], np.float32)
"""The edges of the float types: tables are made of a few of them, as causal masks are."""


class Maker:
    """Grows one model from a source of random choices; every value is float32 of shape [ROWS, width]."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.opset = choose.choice(list(OPSETS))
        self.ir = OPSETS[self.opset]
        self.weights: list[tuple[str, tuple[int, ...]]] = []
        self.initializers: list[TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("x", 1, [ROWS, 16]), helper.make_tensor_value_info("c", 9, [])]
        self.functions: list[onnx.FunctionProto] = []
        self.serial = 0

    def name(self) -> str:
        """Return a new name, now and then an odd one."""
        self.serial += 1
        return self.choose.choice(["v", "v", "v", "lwc", "\u6a21 \n", "a.b/c:", "lwc1.", "lwc.q"]) + str(self.serial)

    def array(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return weights as models have them, and as they should not be."""
        numbers = np.random.default_rng(self.choose.getrandbits(32))
        values = numbers.standard_normal(shape).astype(np.float32)
        match self.choose.randrange(9):
            case 4:
                values = numbers.choice(self.choose.sample(list(EXTREMES), 2), shape).astype(np.float32)
            case 0:
                values = np.round(values * 2) / 2
            case 1:
                values[np.abs(values) < 1] = 0
            case 2:
                values[...] = values.flat[0] if values.size else 0
            case 3 if values.size:
                values.flat[self.choose.randrange(values.size)] = self.choose.choice(ODD)
        return values

    def weight(self, nodes: list[onnx.NodeProto], shape: tuple[int, ...]) -> str:
        """Return the name of a weight: tied to an earlier one, a Constant node, an initializer, cast, or moved."""
        tied = [n for n, s in self.weights if s == shape]
        if tied and self.choose.random() < 0.3:
            return self.choose.choice(tied)
        name, kind = self.name(), self.choose.randrange(9)
        array = self.array(shape)
        if kind == 0:
            nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, name)))
            return name
        if kind == 1 and array.ndim == 2:
            self.store(f"{name}t", np.ascontiguousarray(array.T))
            nodes.append(helper.make_node("Transpose", [f"{name}t"], [name], perm=[1, 0]))
            return name
        if kind == 2:
            wide = self.choose.choice([np.float16, np.float64])
            with np.errstate(over="ignore"):
                self.store(f"{name}n", array.astype(wide))
            nodes.append(helper.make_node("Cast", [f"{name}n"], [name], to=1))
            return name
        if kind == 3 and self.opset >= 13 and array.ndim == 2:
            self.store(f"{name}q", self.choose.choice([np.int8, np.uint8])(np.clip(np.nan_to_num(np.clip(array, -9, 9)) * 20 + 64, 0, 127)))
            self.store(f"{name}s", np.full(array.shape[1], 0.05, np.float32))
            nodes.append(helper.make_node("DequantizeLinear", [f"{name}q", f"{name}s"], [name], axis=1))
            return name
        if kind == 4:
            self.store(f"{name}i", array)
            nodes.append(helper.make_node("Identity", [f"{name}i"], [name]))
            return name
        self.store(name, array)
        self.weights.append((name, shape))
        return name

    def store(self, name: str, array: np.ndarray) -> None:
        """Add an initializer, as raw bytes or as floats, sometimes one the caller may override.

        Never one of half width: onnxruntime 1.23 dies of a Cast of one that is given.
        """
        if array.dtype == np.float32 and self.choose.random() < 0.3:
            tensor = helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel())
        else:
            tensor = numpy_helper.from_array(array, name)
        self.initializers.append(tensor)
        if self.ir < 4 or (self.choose.random() < 0.05 and tensor.data_type != TensorProto.FLOAT16):
            self.inputs.append(helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))

    def chain(self, value: str, width: int, length: int, depth: int) -> tuple[list[onnx.NodeProto], str, int]:
        """Return nodes that compute something of `value`, the result's name, and its width."""
        nodes: list[onnx.NodeProto] = []
        steps: list[Callable[[list[onnx.NodeProto], str, int, int], tuple[str, int]]] = [
            self.product,
            self.product,
            self.gemm,
            self.elementwise,
            self.lookup,
            self.branches,
            self.call,
            self.dead,
        ]
        for _ in range(length):
            value, width = self.choose.choice(steps)(nodes, value, width, depth)
        return nodes, value, width

    def product(self, nodes: list[onnx.NodeProto], value: str, width: int, depth: int) -> tuple[str, int]:
        """MatMul with a weight."""
        wide, out = self.choose.choice(WIDTHS), self.name()
        nodes.append(helper.make_node("MatMul", [value, self.weight(nodes, (width, wide))], [out]))
        return out, wide

    def gemm(self, nodes: list[onnx.NodeProto], value: str, width: int, depth: int) -> tuple[str, int]:
        """Gemm with a weight, transposed or not, and a bias."""
        wide, out, turned = self.choose.choice(WIDTHS), self.name(), self.choose.randrange(2)
        weight = self.weight(nodes, (wide, width) if turned else (width, wide))
        nodes.append(helper.make_node("Gemm", [value, weight, self.weight(nodes, (wide,))], [out], transB=turned, alpha=0.5))
        return out, wide

    def elementwise(self, nodes: list[onnx.NodeProto], value: str, width: int, depth: int) -> tuple[str, int]:
        """An operator that keeps the shape, some with a weight."""
        out, op = self.name(), self.choose.choice(["Relu", "Neg", "Tanh", "Identity", "Add", "Mul"])
        inputs = [value] if op not in ("Add", "Mul") else [value, self.weight(nodes, self.choose.choice([(width,), (), (1, width)]))]
        nodes.append(helper.make_node(op, inputs, [out], name=self.choose.choice(["", self.name()])))
        return out, width

    def lookup(self, nodes: list[onnx.NodeProto], value: str, width: int, depth: int) -> tuple[str, int]:
        """Add rows gathered from a table."""
        rows, out, index = self.name(), self.name(), self.name()
        self.store(index, np.array([0, 2, 1, 2], np.int64))
        nodes.append(helper.make_node("Gather", [self.weight(nodes, (3, width)), index], [rows]))
        nodes.append(helper.make_node("Add", [value, rows], [out]))
        return out, width

    def branches(self, nodes: list[onnx.NodeProto], value: str, width: int, depth: int) -> tuple[str, int]:
        """An If whose branches read outer values and weights."""
        if depth > 1:
            return value, width
        out = self.name()
        branches: list[GraphProto] = []
        for label in ("then", "else"):
            inside, last, wide = self.chain(value, width, self.choose.randrange(1, 3), depth + 1)
            result = self.name()
            inside.append(helper.make_node("MatMul", [last, self.weight(inside, (wide, width))], [result]))
            branches.append(helper.make_graph(inside, label, [], [helper.make_tensor_value_info(result, 1, [ROWS, width])]))
        nodes.append(helper.make_node("If", ["c"], [out], then_branch=branches[0], else_branch=branches[1]))
        return out, width

    def call(self, nodes: list[onnx.NodeProto], value: str, width: int, depth: int) -> tuple[str, int]:
        """A call of a function that multiplies by the weight it is given."""
        if self.ir < 8 or depth:
            return value, width
        label, out, wide = f"F{len(self.functions)}", self.name(), self.choose.choice(WIDTHS)
        body = [helper.make_node("MatMul", ["a", "w"], ["t"]), helper.make_node("Relu", ["t"], ["b"])]
        self.functions.append(helper.make_function("f", label, ["a", "w"], ["b"], body, [helper.make_opsetid("", self.opset)]))
        nodes.append(helper.make_node(label, [value, self.weight(nodes, (width, wide))], [out], domain="f"))
        return out, wide

    def dead(self, nodes: list[onnx.NodeProto], value: str, width: int, depth: int) -> tuple[str, int]:
        """A node that nobody reads."""
        nodes.append(helper.make_node("MatMul", [value, self.weight(nodes, (width, 8))], [self.name()]))
        return value, width

    def model(self) -> ModelProto:
        """Return the model."""
        nodes, last, width = self.chain("x", 16, self.choose.randrange(1, 6), 0)
        if self.choose.random() < 0.2 and len(nodes) > 1:
            self.choose.shuffle(nodes)  # onnxruntime sorts
        nodes.append(helper.make_node("Identity", [last], ["y"]))
        outputs = [helper.make_tensor_value_info("y", 1, [ROWS, width])]
        if self.weights and self.choose.random() < 0.1:
            name, shape = self.choose.choice(self.weights)
            outputs.append(helper.make_tensor_value_info(name, 1, shape))
        graph = helper.make_graph(nodes, "g", self.inputs, outputs, self.initializers, doc_string=self.choose.choice(["", "said " * 50]))
        imports = [helper.make_opsetid(self.choose.choice(["", "", "ai.onnx"]), self.opset)]
        imports += [helper.make_opsetid("f", 1)] if self.functions or self.choose.random() < 0.1 else []
        return helper.make_model(graph, opset_imports=imports, ir_version=self.ir, functions=self.functions)


def random_model(seed: int) -> ModelProto:
    """Return the model of a seed."""
    return Maker(random.Random(seed)).model()
