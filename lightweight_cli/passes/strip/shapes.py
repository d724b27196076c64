"""Stored shapes of inner values (value_info): those of values that are gone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.strip.liveness import defined

if TYPE_CHECKING:
    from onnx import ModelProto


def drop_shapes(proto: ModelProto, removed: Counter[str]) -> None:
    """Remove the value_info of names that the graph does not define.

    All others stay: a stored shape may say more than is inferred without it, and onnxruntime fuses and folds by it.
    """
    for scope in Scopes(proto).all:
        infos = scope.graph.value_info
        names = defined(scope.graph) if infos else set()
        for i in reversed(range(len(infos))):
            if infos[i].name not in names:
                del infos[i]
                removed["stored shape"] += 1
