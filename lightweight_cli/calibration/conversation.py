"""The parent's side of a child that has a model and calibration data open: how it starts, is asked, and ends."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

from lightweight_cli.errors import InputError, LwcError
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.runtime.child import Child, Crash, Overrun

if TYPE_CHECKING:
    import numpy as np

    from lightweight_cli.calibration.settings import Settings
    from lightweight_cli.model.model import Model

BYTES_A_SECOND = 10e6
"""A stage may take a second longer for each so many bytes of the model."""


class Conversation:
    """A child process with a copy of a model. Use it as a context, which ends the child."""

    def __init__(self, target: str, settings: Settings, model: Model, what: str) -> None:
        """`what`: the work in words, for errors."""
        self.model, self.what = model, what
        self.end = contextlib.ExitStack()
        with self.opening():
            folder = self.end.enter_context(tempfile.TemporaryDirectory(prefix="lwc-"))
            self.request = {"do": "open", **asdict(settings), "seed": settings.portion.seed, "model": write_into(model, folder, "model")}
            """What opens the model and the data, in plain words."""
            size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))

            def limit(stage: str) -> float | None:
                return None if settings.time_limit is None or stage == "data" else settings.time_limit + size // BYTES_A_SECOND

            chatter = any(":" in path for path in settings.portion.paths)
            self.child = self.end.enter_context(Child(target, limit=limit, chatter=chatter, what=what))

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """End the child where what is done in the block fails."""
        try:
            yield
        except BaseException:
            self.end.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.end.close()

    def _ask(self, request: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> tuple[Any, dict[str, np.ndarray]]:
        """Ask the child, and wait for what it says. Raises: InputError."""
        try:
            return self.child.ask(request, arrays)
        except Overrun as e:
            raise InputError(f"{self.model.shown}: {self.what}: still running after {e.limit:g} s") from e
        except Crash as e:
            self._crashed(e)

    def _crashed(self, crash: Crash) -> NoReturn:
        """Raise for a child that ended without an answer."""
        if crash.code >= 0:
            raise LwcError(f"{self.model.shown}: {self.what} ended with exit code {crash.code} and without an answer") from crash
        name = signal.Signals(-crash.code).name
        how = "was killed (SIGKILL), probably for lack of memory," if name == "SIGKILL" else f"crashed ({name})"
        raise InputError(f"{self.model.shown}: onnxruntime {how} during {self.what}") from crash
