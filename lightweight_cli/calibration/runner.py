"""One model run part by part over all batches: the original, or the one compressed so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import AttributeProto

from lightweight_cli.calibration.flow import Flow, read_by
from lightweight_cli.calibration.live import Budget, Live
from lightweight_cli.calibration.segment import Cut, Segment
from lightweight_cli.calibration.uses import Use, probe
from lightweight_cli.model import tensors
from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from lightweight_cli.data.batches import Batches
    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.weights.weight import Weight

Tell = Callable[[], None]
"""Called after each run: a sign of life."""


class Runner:
    """A model at one place of its main graph, with the values of all batches that the nodes from there to `end` need."""

    def __init__(self, model: Model, flow: Flow, batches: Batches, budget: Budget, end: int, threads: int, tell: Tell,
                 wanted: Collection[str] = ()) -> None:
        """`wanted`: values that are asked for at the end, whether nodes read them or not."""
        self.model, self.flow, self.threads, self.tell = model, flow, threads, tell
        self.live = Live(batches, budget)
        self.last = {name: i for i in range(end) for name in flow.reads[i]} | dict.fromkeys(wanted, end)

    def advance(self, start: int, stop: int, uses: Sequence[Use]) -> None:
        """Run the nodes [start, stop), keep what later ones and `uses` from there on read, let go of the rest."""
        watched = {n for u in uses if u.stop >= stop for n in (*u.names, *read_by(u.role.node)) if not u.inner or n in u.names}
        nodes = [self.flow.nodes[i] for i in range(start, stop) if self.flow.moves[i]]
        made = [o for n in nodes for o in n.output if o in watched or self.last.get(o, -1) >= stop]
        if made:
            self.live.write(made, self.run(Cut(nodes, made)))
        self.live.drop([n for n in self.live.spools if n not in watched and self.last.get(n, -1) < stop])

    def run(self, cut: Cut, others: Mapping[str, np.ndarray] | None = None) -> Iterator[list[Any]]:
        """Yield a cut's outputs, batch by batch; `others`: values of constants, instead of what the model has."""
        inputs, segment = cut.inputs(self.flow), None
        for number, values in enumerate(self.live.read(inputs)):
            segment = segment or Segment(self.model, self.flow, cut, values, self.threads, others)
            outputs = segment.run(values, number)
            self.tell()
            yield outputs

    def arrays(self, use: Use) -> Iterator[list[np.ndarray | None]]:
        """Yield what a use reads, batch by batch; it stands before the use."""
        if not use.outputs and all(n in self.flow.moving for n in use.names):
            for values in self.live.read(use.names):
                yield [values[n] for n in use.names]
            return
        nodes, names = probe(use)
        given = [bool(n) for n in use.names] + [True] * len(use.outputs)
        for outputs in self.run(Cut(nodes, names)):
            left = iter(outputs)
            yield [next(left) if g else None for g in given]


def put_beside(model: Model, scope: Scope, arrays: Mapping[str, np.ndarray]) -> None:
    """Give other constants of the main graph new values, in a model that is no one else's."""
    for name, values in arrays.items():
        tensor = constants.leaf(scope, name)
        if tensor is not None:
            model.attach(tensor, model.spool.put(np.ascontiguousarray(values, tensors.dtype_of(tensor))))


def put(weight: Weight, values: np.ndarray) -> None:
    """Give a weight new values, in place of the tensor or the nodes that make it, in a model that is no one else's."""
    node = weight.scope.producers.get(weight.name)
    if node is None:
        tensor = weight.scope.initializers[weight.name]
    else:
        node.op_type, node.domain = "Constant", ""
        del node.input[:], node.attribute[:]
        tensor = node.attribute.add(name="value", type=AttributeProto.TENSOR).t
        tensor.dims.extend(weight.shape)
        tensor.data_type = weight.dtype
    stored = np.ascontiguousarray(values, weight.numpy).reshape(weight.shape)
    weight.model.attach(tensor, weight.model.spool.put(stored))
