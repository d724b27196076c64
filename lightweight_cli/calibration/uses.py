"""Where the rows of a weight come from: for each of its uses, the values of the main graph that hold them, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from onnx import NodeProto, TensorProto, helper

from lightweight_cli.calibration.counts import indices_of
from lightweight_cli.calibration.exposure import PREFIX, Exposures, NotReached
from lightweight_cli.calibration.rows import Reader, rows_of
from lightweight_cli.weights.matrix import NoMatrix, arrived, matrix_of
from lightweight_cli.weights.not_constant import NotConstant
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Role, Weight

if TYPE_CHECKING:
    from lightweight_cli.calibration.flow import Flow


@dataclass(eq=False)
class Use:
    """One use of a weight: `read` takes the values `names` when all nodes before `stop` have run."""

    role: Role
    names: tuple[str, ...]
    """Values of the main graph; "": not given."""
    read: Reader | None
    """None: the one value holds indices, which are counted."""
    shape: tuple[int, ...]
    """Of the weight as it arrives there."""
    outputs: tuple[int, ...] = ()
    """Outputs of the operator itself that `read` takes after the names: it is run for them."""
    stop: int = 0
    inner: bool = False
    """In a branch of an If: the original model shows it, the compressed one does not."""

    @property
    def signature(self) -> tuple:
        """What is equal for uses that have the same rows."""
        given = tuple(a.SerializeToString() for a in self.role.node.attribute)
        return self.names, self.outputs, self.role.op, self.role.index, self.shape, given


@dataclass(eq=False)
class Watched:
    """A weight, its matrix, and all its uses that can be reached."""

    weight: Weight
    view: View
    uses: list[Use] = field(default_factory=list)

    @property
    def tied(self) -> bool:
        """Whether more than one place of the graph uses it: what it sees is known after the last."""
        return len(self.uses) > 1

    @property
    def first(self) -> int:
        """The first main node that computes with it."""
        return min(u.stop - u.inner for u in self.uses)

    @property
    def last(self) -> int:
        """Where all it sees is known."""
        return max(u.stop for u in self.uses)


def watch(weight: Weight, exposures: Exposures) -> Watched:
    """Find what a weight sees; values in branches of If become outputs. Raises: NoMatrix, NotReached."""
    watched, why = Watched(weight, matrix_of(weight)), NotReached("no activations reachable")
    for role in weight.roles:
        try:
            watched.uses.append(_use(weight, role, exposures))
        except NotReached as e:
            why = e
    if not watched.uses:
        raise why
    return watched


def _use(weight: Weight, role: Role, exposures: Exposures) -> Use:
    indices = indices_of(role)
    try:
        shape = arrived(weight, role).shape
        rows = rows_of(role, shape) if indices is None else None
    except NotConstant as e:
        raise NoMatrix(f"does not fit its {role.op}: {e}") from e
    if rows is None and indices is None:
        raise NotReached(f"no activations reachable: its {role.op} makes them itself")
    inputs = rows.inputs if rows is not None else (indices,)
    names = tuple(role.node.input[i] if i is not None and i < len(role.node.input) else "" for i in inputs)
    outputs = rows.outputs if rows is not None else ()
    read = rows.read if rows is not None else None
    if role.scope.number == 0:
        return Use(role, names, read, shape, outputs)
    for i in outputs:
        while len(role.node.output) <= i:
            role.node.output.append("")
        if not role.node.output[i]:
            exposures.count += 1
            role.node.output[i] = f"{PREFIX}{exposures.count}.own"
    kind = TensorProto.INT64 if indices is not None else weight.dtype
    wanted = (*names, *(role.node.output[i] for i in outputs))
    return Use(role, tuple(exposures.expose(role.scope, n, kind)[0] if n else "" for n in wanted), read, shape, inner=True)


def settle(watched: Sequence[Watched], flow: Flow) -> list[tuple[Watched, str]]:
    """Find where in the flow every use stands. Returns: the weights that have none, each with the reason."""
    place = {id(n): i for i, n in enumerate(flow.nodes)}
    lost: list[tuple[Watched, str]] = []
    for w in watched:
        for use in w.uses:
            use.stop = max(flow.makers[n] for n in use.names if n) + 1 if use.inner else place[id(use.role.node)]
        w.uses = [u for u in w.uses if any(n in flow.moving for n in u.names) or (u.outputs and flow.moves[u.stop])]
        if not w.uses:
            lost.append((w, "no activations reachable: its operator's input is constant"))
    return lost


def probe(use: Use) -> tuple[list[NodeProto], list[str]]:
    """Return the nodes that give what a use reads, and the names they give it by."""
    nodes, names = [], []
    for i, name in enumerate(use.names):
        if name:
            names.append(f"{PREFIX}in.{i}")
            nodes.append(helper.make_node("Identity", [name], [names[-1]]))
    if use.outputs:
        copy = NodeProto()
        copy.CopyFrom(use.role.node)
        del copy.output[:]
        for i in range(max(use.outputs) + 1):
            copy.output.append(f"{PREFIX}out.{i}" if i in use.outputs else "")
        names += [f"{PREFIX}out.{i}" for i in use.outputs]
        nodes.append(copy)
    return nodes, names
