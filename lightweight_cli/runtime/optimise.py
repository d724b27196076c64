"""onnxruntime's optimiser in a process of its own: on a hostile model it may crash, hang or fill the memory."""

from __future__ import annotations

import os
import sys

from lightweight_cli.runtime.confined import confine
from lightweight_cli.runtime.once import run_once

TIME_LIMIT = 20.0
"""Seconds for one run of the optimiser, and beyond them the time it takes to read and write the weights."""
BYTES_A_SECOND = 50e6
DATA = "weights"
"""Name of the data file beside the optimised model, for payloads of APART bytes or more."""
APART = 1024
BOOT = ("import sys; sys.path[:] = sys.argv[4:]; "
        "from lightweight_cli.runtime.optimise import main; main(*sys.argv[1:4])")


def optimise(source: str, target: str, disabled: str, size: int = 0) -> str | None:
    """Write the model file `source`, optimised without the optimisers named in `disabled`, to `target`.

    `size`: bytes of the model, by which large ones are given more time.

    Returns: None, or why there is no result, in one line.
    """
    ended = run_once(BOOT, [source, target, disabled], "optimising", TIME_LIMIT + size / BYTES_A_SECOND)
    return ended.failed or ended.said or (f"exit code {ended.code}" if ended.code else None)


def main(source: str, target: str, disabled: str) -> None:
    """Optimise in this process, which then ends; print why that failed, if it did."""
    confine()
    said = sys.stdout
    said.write(optimise_here(source, target, disabled) or "")
    said.flush()
    os._exit(0)


def optimise_here(source: str, target: str, disabled: str, size: int = 0) -> str | None:
    """Do what `optimise` does, in this process and without a time limit."""
    import onnxruntime as ort

    from lightweight_cli.runtime.sessions import reason

    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = target
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", DATA)
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", str(APART))
    try:
        ort.InferenceSession(source, options, providers=["CPUExecutionProvider"],
                             disabled_optimizers=disabled.split(",") if disabled else None)
    except Exception as error:  # onnxruntime's exceptions have no common base
        return reason(error)
    return None
