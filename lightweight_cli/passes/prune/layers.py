"""Weight after weight in the order of use, each for what it sees of the model pruned so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics import parts
from lightweight_cli.numerics.moments import centred
from lightweight_cli.passes.prune import allotment, without_data
from lightweight_cli.passes.prune.ground import Ground
from lightweight_cli.passes.prune.layer import Sparse, Way, pruned, view_of
from lightweight_cli.passes.prune.magnitude import over_all_counts
from lightweight_cli.pipeline.step_report import Calibrated
from lightweight_cli.weights.shift import carrier_of, moved
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.calibration.calibration import Calibration
    from lightweight_cli.pipeline.context import Context

Found = dict[int, "Sparse | str"]
"""Of weights by their id: new values, or why there are none."""


class Layers:
    """The weights that a step prunes, one by one."""

    def __init__(self, context: Context, way: Way, ground: Ground) -> None:
        self.context, self.way, self.ground = context, way, ground
        self.counts: dict[int, int] = {}
        """Zeros of each weight, by its id, where tensors share them out."""

    def sparse(self, weights: Sequence[Weight]) -> Found:
        """Return the values of every weight. Raises: InputError for data that do not fit."""
        way, found, calibration = self.way, Found(), self.ground.calibration
        self.context.step.expect(sum(w.size for w in weights), "calibrating" if calibration is not None else "choosing")
        if way.scope == "global":
            self.counts = over_all_counts(weights, way.goal.sparsity or 0)
        if way.scope == "lamp":
            self._share_out(weights, {id(w): _bins(w, None) for w in weights})
        if calibration is not None and weights:
            found = self._walked(calibration, weights)
        elif self.ground.synthetic is not None and weights:
            found = without_data.recovered(self.context, self.ground.synthetic, weights, self._one)
        for weight in weights:
            if id(weight) not in found:
                found[id(weight)] = self._one(weight, None)
        return found

    def _walked(self, calibration: Calibration, weights: Sequence[Weight]) -> Found:
        found: Found = {}
        with calibration.study(self.context.model, weights) as study:
            self.context.step.calibrated = Calibrated(study.samples, study.of, calibration.portion.role == "calibrate")
            if self.way.scope == "sensitivity":
                self._share_out(weights, {id(layer.weight): _bins(layer.weight, layer.statistics) for layer in study.statistics()})
            for layer in study.walk():
                found[id(layer.weight)] = new = self._one(layer.weight, layer.statistics)
                if isinstance(new, Sparse):
                    layer.replace(new.values, None if new.shift is None else moved(layer.weight, new.shift))
        return found

    def _share_out(self, weights: Sequence[Weight], bins: dict[int, np.ndarray | None]) -> None:
        known = [w for w in weights if bins.get(id(w)) is not None]
        share = self.way.goal.sparsity or 0
        most = allotment.most(share) if self.way.scope == "sensitivity" else 1.0
        counts = allotment.allot([b for w in known if (b := bins[id(w)]) is not None], round(share * sum(w.size for w in known)), most)
        self.counts = {id(w): n for w, n in zip(known, counts, strict=True)}

    def _one(self, weight: Weight, seen: Statistics | None) -> Sparse | str:
        try:
            return pruned(weight, seen, self.way, self.counts.get(id(weight)))
        except ValueError as e:
            return f"can't be pruned: {e}"
        finally:
            weight.forget()
            self.context.step.advance(weight.size)


def _bins(weight: Weight, seen: Statistics | None) -> np.ndarray | None:
    """Return the scores of a weight in bins, by LAMP where nothing is known of its inputs; None where it has NaN."""
    view, values = view_of(weight), weight.read(0, weight.size).reshape(weight.shape)
    try:
        if view is None or seen is None or seen.moments is None:
            return allotment.lamp(values)
        matrix, moments = view.of(values), seen.moments
        moments = centred(moments) if moments.mx is not None and carrier_of(weight) is not None else moments
        return allotment.sensitivity(parts.split(matrix) if len(moments.S) != len(matrix) else matrix, moments)
    except ValueError:  # it is left alone, for the same reason, when it is pruned
        return None
    finally:
        weight.forget()
