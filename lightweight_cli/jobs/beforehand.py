"""Gates of which it is known before any work that they can't be evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import NO_DATA, Gates
from lightweight_cli.errors import DataError, GateError, printable

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.targets.target import Target


def refuse_gates(check: Check | None, gates: Gates, reference: Model) -> None:
    """Refuse gates of which the options, the data's keys and the original's size tell that they can't be evaluated.

    Raises: GateError; InputError for data that can't be read, DataError for data that has no labels for the metric.
    """
    if check is None:
        return
    from lightweight_cli.checking.turns import beyond
    from lightweight_cli.model.tensors import FLOATS

    graph, with_labels = reference.proto.graph, labelled(check, reference)
    if gates.max_drop is not None and not with_labels:
        raise _not_evaluated("max-drop", gates.max_drop, "no labels" if check.data else "no data")
    if check.metric is not None and not with_labels:
        raise DataError(f"metric {printable(check.metric)} needs labels, and the data has none")
    if gates.min_agreement is not None and not check.data:
        raise _not_evaluated("min-agreement", gates.min_agreement, NO_DATA)
    kinds = [o.type.tensor_type.elem_type if o.type.HasField("tensor_type") else None for o in graph.output]
    if gates.min_sqnr is not None and kinds and all(k is not None and k not in FLOATS for k in kinds):
        raise _not_evaluated("min-sqnr", gates.min_sqnr, "the model has no float output")
    too_large = beyond(reference.total_size, "the original alone has")
    if gates.max_slowdown is not None and too_large is not None:
        raise _not_evaluated("max-slowdown", gates.max_slowdown, too_large)


def labelled(check: Check, reference: Model) -> bool:
    """Whether the check has labels, as far as the data's keys tell. Raises: InputError for data that can't be read."""
    from lightweight_cli.data.peek import has_labels

    if check.labels is not None:
        return True
    return bool(check.data) and not check.ignore_labels and has_labels(check.data, [i.name for i in reference.proto.graph.input])


def refuse_versions(place: Target, model: Model, shown: str) -> None:
    """Refuse a model that the target does not take, whose opset or operators are too new. Raises: GateError."""
    from lightweight_cli.model.opsets import versions_of
    from lightweight_cli.targets.operators import operators
    from lightweight_cli.targets.refuse import refuse_model

    refuse_model(place, shown, model.proto.ir_version, versions_of(model.proto.opset_import).get("", 1), operators(model))


def _not_evaluated(name: str, limit: float, why: str) -> GateError:
    return GateError(f"{name} {limit:g} can't be evaluated: {why}; nothing was done")
