"""lwc: make ONNX models smaller, and say exactly what it cost.

    import lightweight_cli as lwc

    result = lwc.run("model.onnx", ["prune:sparsity=0.5", "quantize:bits=8"])
    report = result.save("small.onnx", data="val.npz", max_drop=0.01)     # checked; nothing is written where a gate fails
    print(report.status, report.accuracy)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightweight_cli.errors import BrokenPromise, DataError, GateError, InputError, LwcError, OutputError, UsageError
from lightweight_cli.jobs.version import __version__ as __version__

__all__ = ["Accuracy", "BrokenPromise", "DataError", "GateError", "InputError", "LwcError", "OutputError", "Report", "Result",
           "UsageError", "run", "verify"]

if TYPE_CHECKING:
    from lightweight_cli.api import Result, run, verify
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.report.model import Report


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line must start without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    home = {"Accuracy": "checking.accuracy", "Report": "report.model"}.get(name, "api")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
