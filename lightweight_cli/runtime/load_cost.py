"""What loading a model costs: each load in a process of its own, so that nothing an earlier one left behind is counted.

Both models are loaded in turns. CPU time counts what a process does itself, so that a busy machine tells little; memory is
what the kernel reports of the process (VmHWM, VmRSS), beyond what onnxruntime itself takes before any model is loaded.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightweight_cli.errors import LwcError
from lightweight_cli.runtime.child import Child, Crash, Overrun, Progress

if TYPE_CHECKING:
    import numpy as np

ROUNDS = 3
"""Processes for each model, of which the fastest and the smallest count: what disturbs a load only adds to it."""
BUDGET = 4.0
"""Seconds after which no further round is begun."""
SMALL = 16 << 20
"""Bytes of both models together up to which one process each must do: importing onnxruntime takes longer than loading."""
REPEATS, WITHIN = 5, 0.1
"""Loads in one process, and the seconds within which they are begun: the first tells the memory, the fastest the time."""
LARGEST = 4 << 30
"""Bytes of both models together up to which they are loaded again for this."""
NOTHING = (b'\x08\x08:,\n\r\n\x01x\x12\x01y"\x03Abs:\x00\x12\x01gZ\x0b\n\x01x\x12\x06\n\x04\x08\x01\x12\x00b\x0b\n'
           b'\x01y\x12\x06\n\x04\x08\x01\x12\x00B\x04\n\x00\x10\r')
"""A model y = Abs(x), loaded first: onnxruntime's own code and pools come into memory with the first model."""


@dataclass(frozen=True)
class Load:
    """One model's load: the fastest of some, and the least memory."""

    cpu_s: float
    wall_s: float
    peak_bytes: int
    """Most that the process held while loading, beyond what it held before."""
    after_bytes: int
    """What it holds more than before when the model is loaded."""


@dataclass(frozen=True)
class LoadCost:
    """Loading of both models, measured in turns."""

    reference: Load
    candidate: Load
    rounds: int

    @property
    def time_ratio(self) -> float:
        """CPU seconds of the candidate / of the reference."""
        return self.candidate.cpu_s / max(self.reference.cpu_s, 1e-4)

    @property
    def memory_ratio(self) -> float:
        """Peak of the candidate / of the reference."""
        return self.candidate.peak_bytes / max(self.reference.peak_bytes, 1 << 16)


def measure(reference: str, candidate: str, *, threads: int, size: int, pass_fds: Sequence[int] = (), limit: float | None = None,
            progress: Progress | None = None) -> LoadCost | str:
    """Load both model files in turns, each time in a new confined process.

    `size`: bytes of both together; `limit`: seconds that one load may take.
    Returns: what it cost; or why it was not measured.
    """
    if size > LARGEST:
        return f"both models together have {size >> 20:,} MiB; up to {LARGEST >> 20:,} MiB are loaded again"
    rounds = ROUNDS if size > SMALL else 1
    started, loads = time.monotonic(), ([], [])  # type: tuple[float, tuple[list[Load], list[Load]]]
    while not loads[0] or (len(loads[0]) < rounds and time.monotonic() - started < BUDGET):
        for path, found in zip((reference, candidate), loads, strict=True):
            if progress:
                progress("load cost", len(loads[0]) + len(loads[1]), 2 * rounds)
            try:
                with Child("lightweight_cli.runtime.load_cost:Loader", pass_fds=pass_fds, limit=lambda stage: limit) as child:
                    found.append(Load(**child.ask({"path": path, "threads": threads})[0]))
            except (Crash, Overrun, LwcError) as e:
                return f"loading again failed: {e}"
    return LoadCost(best(loads[0]), best(loads[1]), len(loads[0]))


def best(loads: Sequence[Load]) -> Load:
    """Return the least of each figure."""
    return Load(min(x.cpu_s for x in loads), min(x.wall_s for x in loads), min(x.peak_bytes for x in loads),
                min(x.after_bytes for x in loads))


class Loader:
    """The child's side: loads one model in its own process."""

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Answer the one request of `measure`."""
        from lightweight_cli.runtime.sessions import open_session

        open_session(NOTHING, threads=request["threads"])
        gc.collect()
        times: list[tuple[float, float]] = []
        before, peak, after = since(), 0, 0
        while not times or (len(times) < REPEATS and sum(wall for wall, _ in times) < WITHIN):
            wall, cpu = time.perf_counter(), time.process_time()
            session = open_session(request["path"], threads=request["threads"])
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
            if len(times) == 1:
                peak, after = status("VmHWM") - before, status("VmRSS") - before
            del session
        return {"cpu_s": min(cpu for _, cpu in times), "wall_s": min(wall for wall, _ in times),
                "peak_bytes": max(0, peak), "after_bytes": max(0, after)}, {}


def since() -> int:
    """Let the kernel's record of the peak start anew where it can. Returns: resident bytes now."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:  # not on this kernel: then the peak so far stays, which importing has hardly raised above what stays
        return status("VmHWM")
    return status("VmRSS")


def status(field: str) -> int:
    """Return a number of bytes that the kernel knows of this process. Raises: OSError where there is no such record."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise OSError(f"the kernel does not report {field}")
