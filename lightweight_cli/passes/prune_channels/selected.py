"""Which weights may lose outputs: --only and --exclude, and what must stay for another reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.structure.trace import Layer, Trace
from lightweight_cli.weights import constants
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.selection import Selection
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.model.scopes import Scopes
    from lightweight_cli.pipeline.context import Context


class Selected:
    """The weights of a model, and the layers of its main graph that read each."""

    def __init__(self, context: Context, scopes: Scopes) -> None:
        """Raises: UsageError for a pattern that no weight matches."""
        self.weights = find_weights(context.model, scopes)
        self.selection = Selection(context.only, context.exclude)
        self.selection.check(self.weights)

    def layers(self, trace: Trace) -> dict[int, list[Layer]]:
        """Return the layers by the id of the weight that they read."""
        by_name = {w.name: w for w in self.weights if w.scope is trace.scope}
        found: dict[int, list[Layer]] = {}
        for layer in trace.layers:
            if layer.constant:
                for _, name in constants.chain(trace.scope, layer.weight):
                    if name in by_name:
                        found.setdefault(id(by_name[name]), []).append(layer)
        return found

    def freeze(self, trace: Trace) -> None:
        """Let stay what may not change, and the outputs of what is not selected."""
        layers = self.layers(trace)
        for weight in self.weights:
            if weight.locked and weight.scope is trace.scope:
                trace.freeze(weight.name, None, weight.locked)
            reason = self.selection.reason(weight)
            for layer in layers.get(id(weight), ()):
                if reason:
                    trace.labels.freeze(layer.outputs, reason)

    def reason(self, trace: Trace, weight: Weight, layers: list[Layer]) -> str:
        """Return why no output of a weight can go, "" where some can."""
        if weight.locked:
            return weight.locked
        if weight.scope is not trace.scope:
            return "is in a function" if weight.scope.is_function else "is in a graph within"
        if not layers:
            axes = [labels for k in range(len(weight.shape)) if (labels := trace.axis(weight.name, k)) is not None]
            reasons = [trace.labels.reason(labels) for labels in axes[::-1]]
            return f"its channels stay: {next(filter(None, reasons), 'no operator makes them')}"
        free = any(not trace.labels.frozen(layer.outputs).all() for layer in layers)
        return "" if free else f"its channels stay: {trace.labels.reason(layers[0].outputs)}"
