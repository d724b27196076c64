"""A model's main graph with labels on every axis: what the rules of its operators tie together, and what must follow a cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import helper

from lightweight_cli.structure.labels import Labels
from lightweight_cli.structure.numbers import Number, Numbers, Place
from lightweight_cli.structure.sizes import Sizes
from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope

OPEN = "its size depends on the inputs"
ONE = "it is the only one"
UNFOLLOWED = "its size is stated where it can't be changed"
Kept = Callable[[np.ndarray], np.ndarray]
"""From labels to which of them stay, as bool."""


class Layer(NamedTuple):
    """An operator with a weight: outputs are sums over inputs."""

    node: NodeProto
    weight: str
    inputs: np.ndarray
    """Labels of what is summed over, a group of a Conv only."""
    outputs: np.ndarray
    """Labels of what it makes."""
    axes: tuple[int | None, int]
    """The weight's axes of inputs (None: each output has its own input) and outputs."""
    constant: bool
    """Whether the weight is one: products of activations have channels too, and make none."""


class Trace:
    """Labels of the axes of all values of the main graph, and what must change with them."""

    def __init__(self, model: Model, scope: Scope, inner: bool = False) -> None:
        """`inner`: of an axis that is cut into heads the places within each carry labels, not the heads."""
        self.model, self.scope, self.inner = model, scope, inner
        self.sizes, self.labels = Sizes(model), Labels()
        self.numbers = Numbers(model, scope, self.sizes)
        self.axes: dict[tuple[str, int], np.ndarray] = {}
        self.layers: list[Layer] = []
        self.functions: set[tuple[str, str]] = set()
        """Domain and name of what the model defines itself."""
        self.counts: dict[Place, np.ndarray] = {}
        """Stated numbers that are to be as many as the labels that stay."""
        self.anew: list[tuple[NodeProto, int | str, Callable[[Kept], Any]]] = []
        """Inputs and attributes that are to be what the function says."""
        self.apart: set[int] = set()
        """Ids of nodes that are always told anew: others share the number that they are given, and may change it."""
        self.own: set[str] = set()
        """Names of numbers that a cut stated."""
        self.given_up: set[str] = set()
        """Names of those that it stated anew under another name."""
        self.taken = {n for node in scope.graph.node for n in (*node.input, *node.output)} | scope.initializers.keys() | scope.inputs

    def stored(self, name: str) -> TensorProto | None:
        """Return the constant that is stored under a name in the main graph, as a tensor that may be replaced."""
        if name in self.scope.inputs:
            return None
        node = self.scope.producers.get(name)
        if node is None:
            return self.scope.initializers.get(name)
        only = node.attribute[0] if node.op_type == "Constant" and len(node.attribute) == 1 else None
        return only.t if only is not None and only.name == "value" and not only.ref_attr_name else None

    def axis(self, name: str, axis: int) -> np.ndarray | None:
        """Return the labels of an axis, None for one that is open or unknown."""
        rank, size = self.sizes.rank(name), self.sizes.fixed(name, axis)
        if rank is None or size is None:
            return None
        key = name, axis % rank
        if key not in self.axes:
            self.axes[key] = self.labels.new(size)
            if size == 1:
                self.labels.freeze(self.axes[key], ONE)
        return self.axes[key]

    def put(self, name: str, axis: int, labels: np.ndarray | None) -> None:
        """Say that the axis of a value has these labels; one whose size is not theirs is frozen with them."""
        rank, size = self.sizes.rank(name), self.sizes.fixed(name, axis)
        if labels is None or rank is None or size != len(labels):
            self.freeze(name, axis, OPEN)
            if labels is not None:
                self.labels.freeze(labels, OPEN)
        elif (key := (name, axis % rank)) in self.axes:
            self.labels.tie(self.axes[key], labels)
        else:
            self.axes[key] = labels
            if size == 1:
                self.labels.freeze(labels, ONE)

    def same(self, name: str, axis: int, other: str, other_axis: int) -> None:
        """Tie an axis to one of another value; where both are open there is nothing to tie."""
        labels = self.axis(other, other_axis)
        if labels is not None or self.axis(name, axis) is not None:
            self.put(name, axis, labels)

    def freeze(self, name: str, axis: int | None, reason: str) -> None:
        """Let an axis stay as it is, or with None all axes."""
        for k in range(self.sizes.rank(name) or 0) if axis is None else (axis,):
            labels = self.axis(name, k)
            if labels is not None:
                self.labels.freeze(labels, reason)

    def count(self, numbers: list[Number] | None, index: int, labels: np.ndarray | None) -> None:
        """Let the stated number be as many as the labels that stay; where that can't be, they are frozen."""
        if labels is None:
            return
        number = numbers[index] if numbers is not None and -len(numbers) <= index < len(numbers) else None
        if number is None:
            self.labels.freeze(labels, UNFOLLOWED)
        elif number.of is not None:
            self.put(*number.of, labels)
        elif number.place is None:
            self.labels.freeze(labels, UNFOLLOWED)
        elif number.place in self.counts and len(self.counts[number.place]) == len(labels):
            self.labels.tie(self.counts[number.place], labels)
        elif number.place in self.counts:
            self.labels.freeze(labels, UNFOLLOWED)
            self.labels.freeze(self.counts[number.place], UNFOLLOWED)
        else:
            self.counts[number.place] = labels

    def counted_for_others(self, place: Place | None, labels: np.ndarray) -> bool:
        """Whether a stated number is as many as other labels that stay."""
        others = self.counts.get(place) if place is not None else None
        return others is not None and not np.array_equal(self.labels.find(others), self.labels.find(labels))

    def layer(self, node: NodeProto, weight: str, inputs: np.ndarray, outputs: np.ndarray, axes: tuple[int | None, int]) -> None:
        """Note an operator that sums over channels."""
        self.layers.append(Layer(node, weight, inputs, outputs, axes, constants.is_constant(self.scope, weight)))


class Op:
    """A node as rules see it."""

    def __init__(self, trace: Trace, node: NodeProto) -> None:
        self.trace, self.node, self.type = trace, node, node.op_type
        self.x, self.y = list(node.input), list(node.output)
        self.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute if not a.ref_attr_name}

    def given(self, index: int) -> str:
        """Return the name of an input, "" where it is not given."""
        return self.x[index] if index < len(self.x) else ""

    def rank(self, name: str) -> int:
        """Return the number of axes. Raises: Unfit where it is not known."""
        rank = self.trace.sizes.rank(name)
        if rank is None:
            raise Unfit("the shape of what it reads or makes is not known")
        return rank

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def values(self, index: int, attribute: str = "") -> list[int] | None:
        """Return constant integers of an input, or of an attribute in older opsets."""
        return self.trace.numbers.values(self.node, index, attribute)

    def same(self, axes: range | list[int], source: str | None = None, target: str | None = None) -> None:
        """Tie these axes of the first input and of the first output."""
        for k in axes:
            self.trace.same(target or self.y[0], k, source or self.x[0], k)


class Unfit(Exception):
    """Why an operator ties nothing and all it reads and makes must stay, in words."""
