"""lwc: make ONNX models smaller, and say exactly what it cost.

    import lightweight_cli as lwc

    result = lwc.run("model.onnx", ["strip", "prune:threshold=0.01", "quantize:bits=8"])
    result.save("small.onnx")
    print(lwc.verify("model.onnx", "small.onnx").sqnr)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Accuracy", "Result", "run", "verify"]

if TYPE_CHECKING:
    from lightweight_cli.api import Result, run
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.checking.verify import verify


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line must start without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    home = {"Accuracy": "checking.accuracy", "verify": "checking.verify"}.get(name, "api")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
