"""Models as quantize makes them for size, speed and memory, with calibration data: what speed.py and memory.py measure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def made(folder: Path, form: str, work: Path, anew: bool = False) -> str | None:
    """Return the file of a model in a form, which `work` may have from before; None: it could not be made."""
    source = str(folder / "model.onnx")
    if form == "float":
        return source
    path = work / f"{folder.name}.{form}.onnx"
    if path.exists() and not anew:
        return str(path)
    words = ["quantize", source, "--for", form, "-o", str(path), "-f", "--no-labels", "--report", f"{path}.json", "--samples", "64",
             "--check-time", "10", "--calibrate", str(folder / "calib_feeds.npz")]
    run = subprocess.run([sys.executable, "-m", "lightweight_cli", *words], stdout=sys.stderr)
    return str(path) if run.returncode == 0 else None
