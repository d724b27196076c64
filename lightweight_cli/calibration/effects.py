"""One weight changed at a time: what its new values do to the model's outputs, everything before it being run once only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.calibration.flow import Flow, read_by
from lightweight_cli.calibration.live import Budget as Memory
from lightweight_cli.calibration.runner import Runner, put, put_beside
from lightweight_cli.calibration.segment import Cut
from lightweight_cli.checking.certify.held import Held
from lightweight_cli.checking.certify.losses import Losses
from lightweight_cli.model.scopes import subgraphs_of
from lightweight_cli.runtime.declared import declared

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

    from lightweight_cli.calibration.engine import Engine
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Key, Weight


class Effects:
    """Goes through the weights in the order of use; at each, any values can be tried."""

    def __init__(self, engine: Engine, weights: Mapping[Key, Weight], reopen: Callable[[], tuple[Model, dict[Key, Weight]]]) -> None:
        self.engine, self.weights, self.reopen = engine, weights, reopen
        self.places = {key: place for key, weight in weights.items() if (place := first_use(engine.flow, weight)) is not None}
        """The first moving node of the main graph that a weight reaches; weights that reach none are left out."""
        proto, moving = engine.original.proto, engine.flow.moving
        self.end = len(engine.flow.nodes)
        whole = declared(proto)
        self.interface = whole._replace(outputs=tuple(o for o in whole.outputs if o.name in moving))
        self.losses: Losses | None = None
        self.runner: Runner | None = None
        self.at: Key | None = None
        self.before = 0
        """The node before which the values are."""

    def keys(self) -> Iterator[Key]:
        """Go to one weight after another. Raises: InputError where the model does not run."""
        try:
            for key in sorted(self.places, key=lambda k: (self.places[k], k)):
                self.go(key)
                yield key
        finally:
            self.close()

    def go(self, key: Key) -> None:
        """Go to a weight; one that is passed already is tried from the inputs on. Raises: InputError where the model does not run."""
        engine, stop = self.engine, self.places[key]
        if self.runner is None:
            outputs = [o.name for o in self.interface.outputs]
            self.runner, self.before = engine.runner(engine.original, engine.flow, self.end, Memory(engine.between), outputs), 0
        if stop > self.before:
            self.runner.advance(self.before, stop, [])
            self.before = stop
        self.at = key
        if self.losses is None:
            self._hold(self.before)

    def close(self) -> None:
        """Let go of the values."""
        if self.runner is not None:
            self.runner.live.close()
        if self.losses is not None:
            self.losses.close()
        self.runner = self.losses = self.at = None

    def _hold(self, before: int) -> None:
        """Keep the original's outputs."""
        assert self.runner is not None
        engine = self.engine
        held = Held(self.interface, engine.original.proto, synthetic=False, memory=engine.aside)
        for batch, outputs in zip(engine.batches, self.runner.run(self._rest(engine.flow, before)), strict=True):
            held.add(batch, outputs)
        self.losses = Losses(held, engine.aside)
        held.close()

    def _rest(self, flow: Flow, start: int) -> Cut:
        return Cut([flow.nodes[i] for i in range(start, self.end) if flow.moves[i]], [o.name for o in self.interface.outputs])

    def effect(self, values: np.ndarray, beside: Mapping[str, np.ndarray] | None = None) -> float:
        """Return the squared error of the worst output over its power, of scores before the softmax, with other values of a weight.

        `beside`: values of other constants of the main graph that only its layer reads. inf: it is no number any more.
        Raises: InputError where the model does not run with them.
        """
        assert self.runner is not None and self.losses is not None and self.at is not None
        weight = self.weights[self.at]
        values = np.ascontiguousarray(values, weight.numpy).reshape(weight.shape)
        start = self.places[self.at] if self.places[self.at] == self.before else 0
        outputs = self._inner(values, beside or {}, start) if self.at[0] else self.runner.run(
            self._rest(self.engine.flow, start), {weight.name: values, **(beside or {})})
        return self.losses.of(outputs)

    def _inner(self, values: np.ndarray, beside: Mapping[str, np.ndarray], start: int) -> Iterator[list[Any]]:
        """Run a copy of the model, for a weight in a branch or a body; what stands before it is the original's."""
        assert self.runner is not None and self.at is not None
        model, twins = self.reopen()
        put(twins[self.at], values)
        put_beside(model, twins[self.at].scope, beside)
        flow = Flow(model.proto, self.engine.fed)
        twin = Runner(model, flow, self.engine.batches, self.runner.live.budget, self.end, self.engine.threads, self.engine.tell)
        twin.live.spools = self.runner.live.spools
        return twin.run(self._rest(flow, start))


def first_use(flow: Flow, weight: Weight) -> int | None:
    """Return the first moving node of the main graph that depends on a weight; None: no output does."""
    scope = weight.scope
    while scope.parent is not None and scope.parent.number:
        scope = scope.parent
    names = {weight.name} if weight.scope.number == 0 else set()
    for i, node in enumerate(flow.nodes):
        within = bool(weight.scope.number) and _holds(node, scope.graph)
        if within or any(n in names for n in read_by(node)):
            if flow.moves[i]:
                return i
            names.update(o for o in node.output if o)
    return None


def _holds(node: NodeProto, graph: GraphProto) -> bool:
    return any(inner is graph for inner in subgraphs_of(node))
