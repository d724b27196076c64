"""A model as the child reads it, and its weights by what names them in every copy."""

from __future__ import annotations

from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.weight import Key, Weight


def open_model(path: str) -> tuple[Model, dict[Key, Weight]]:
    """Read a model and its weights; functions are inlined, after which only weights of the main graph keep their names."""
    model, inlined = opened(path)
    return model, named(model, inlined)


def opened(path: str) -> tuple[Model, bool]:
    """Read a model. Returns: it without functions, and whether it had some."""
    model = load(path)
    if not model.proto.functions:
        return model, False
    from onnx import inliner

    model.proto.CopyFrom(inliner.inline_local_functions(model.proto))
    return model, True


def named(model: Model, inlined: bool) -> dict[Key, Weight]:
    """Return the weights that have the names of the model as it came."""
    return {w.key: w for w in find_weights(model, Scopes(model.proto)) if not inlined or w.scope.number == 0}
