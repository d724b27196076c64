"""Which forms may be tried for which kinds of layers, as the options say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.compute import dynamic, nbits, operators, recurrent, static
from lightweight_cli.compute.apply import FORMS
from lightweight_cli.compute.choice import kinds
from lightweight_cli.compute.layer import Layer
from lightweight_cli.targets.target import Target

Menu = dict[str, list[tuple[str, list[Layer]]]]


class Asked(NamedTuple):
    """What the options say of forms."""

    activations: str | None = None
    """none, dynamic or static; None: what suits each kind."""
    format: str = "qdq"
    bits: int = 8
    calibrated: bool = False
    """Whether there are data by which ranges of activations can be found."""
    own: bool = True
    """Whether the place where the model goes has the operators of onnxruntime's own that forms are written in by themselves."""
    linear: bool = True
    """Whether it has operators on integers, QLinearConv and others, with a scale for each output."""
    symmetric: bool = False
    """Whether zero must have the code 0 there, in activations too."""

    def at(self, place: Target | None) -> Asked:
        """Return the same for a place where the model goes; None: onnxruntime here."""
        if place is None:
            return self
        return self._replace(own=place.domains is None and recurrent.OPERATOR not in place.lacks,
                             linear="qoperator" not in place.formats, symmetric=place.symmetric)

    def forms(self, kind: str, opset: int = static.OPSET) -> Sequence[str]:
        """Return the forms that may be tried for a kind of layers."""
        if kind == "LSTM":
            return () if not self.own or self.activations not in (None, "dynamic") else (recurrent.NAME,)
        if self.format == "nbits" and kind in ("MatMul", "Gemm"):
            return (nbits.NAMES[self.bits],)
        ways = (self.activations,) if self.activations is not None else ("static",) if kind.endswith("Conv") else ("dynamic",)
        found = [dynamic.NAME] if "dynamic" in ways and not kind.endswith("Conv") else []
        old = operators.OPSET <= opset < static.OPSET and self.linear  # no scale for each output there but in operators on integers
        name = static.SYMMETRIC if self.symmetric else static.OPERATORS if self.format == "qoperator" or old else static.NAME
        return (*found, name) if "static" in ways and self.calibrated else found


def menu(layers: Sequence[Layer], asked: Asked) -> tuple[Menu, Mapping[int, str]]:
    """Return for each kind its forms with the layers that fit them; and by the weights' ids why others fit none."""
    found: Menu = {}
    reasons = {id(layer.weight): "weights are not finite" for layer in layers
               if not all(np.isfinite(part).all() for weight, _ in layer.parts for part in weight.chunks())}
    for kind, some in kinds([layer for layer in layers if id(layer.weight) not in reasons]).items():
        forms = asked.forms(kind, some[0].weight.scope.opset)
        for name in forms:
            why = {id(layer): unfit(name, layer) for layer in some}
            fit = [layer for layer in some if not why[id(layer)]]
            if fit:
                found.setdefault(kind, []).append((name, fit))
            reasons |= {id(layer.weight): f"{name}: {why[id(layer)]}" for layer in some if why[id(layer)]}
    fits = {id(layer.weight) for forms in found.values() for _, some in forms for layer in some}
    return found, {i: why for i, why in reasons.items() if i not in fits}


def unfit(name: str, layer: Layer) -> str:
    """Return why a layer can't have a form, or nothing."""
    form, opset = FORMS[name], layer.weight.scope.opset
    return form.unfit(layer) if opset >= form.opset else f"opset {opset}: it needs {form.opset}"
