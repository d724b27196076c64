"""Where a result was made: what another run needs to give the same."""

from __future__ import annotations

from typing import Any

PACKAGES = ("onnxruntime", "onnx", "numpy")


def here() -> dict[str, Any]:
    """Return versions, platform and the number of processors this process may use."""
    import os
    import platform

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES},
            "platform": platform.platform(), "machine": platform.machine(), "cpus": cpus}


def version_of(package: str) -> str | None:
    """Return the version of a package without importing it, or None where it is not installed under that name."""
    import sys
    from importlib import metadata

    if package in sys.modules:
        return str(getattr(sys.modules[package], "__version__", None) or "") or None
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
