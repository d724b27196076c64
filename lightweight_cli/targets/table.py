"""All targets, and the one that a command line asks for."""

from __future__ import annotations

from dataclasses import replace

from lightweight_cli.errors import UsageError, did_you_mean, printable
from lightweight_cli.targets import npu, onnxruntime, openvino, ort_format, runtimes, tensorrt, web
from lightweight_cli.targets.target import Target

TARGETS = {module.TARGET.name: module.TARGET for module in (onnxruntime, ort_format, web, openvino, tensorrt, npu)}
DEFAULT = onnxruntime.TARGET


def asked(name: str | None, min_runtime: str | None = None) -> Target:
    """Return the target of this name, for onnxruntime releases from `min_runtime` on. Raises: UsageError."""
    if name is not None and name not in TARGETS:
        raise UsageError(f"--target {printable(name)}: is unknown{did_you_mean(name, TARGETS)}; known: {', '.join(TARGETS)}")
    target = TARGETS[name] if name is not None else DEFAULT
    if min_runtime is None:
        return target
    if target is not DEFAULT:
        raise UsageError(f"--min-runtime {printable(min_runtime)}: goes with --target {DEFAULT.name}, not {target.name}")
    version = runtimes.release(min_runtime)
    known = runtimes.RELEASES.get(version)
    if known is None:  # newer than all that were asked
        return replace(target, runtime=runtimes.spelled(version))
    return replace(target, runtime=runtimes.spelled(version), opset=known.opset, ir=known.ir, lacks=known.lacks,
                   refused=dict.fromkeys(known.refused, runtimes.NO_CAST))
