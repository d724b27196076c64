"""A student that is trained: asked of a child process that has it, its teacher and the data open."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.calibration.conversation import Conversation
from lightweight_cli.model.output_folder import write_into

if TYPE_CHECKING:
    import numpy as np

    from lightweight_cli.calibration.settings import Settings as Data
    from lightweight_cli.distillation.settings import Settings
    from lightweight_cli.model.model import Model

TARGET = "lightweight_cli.distillation.training:Training"
INTERRUPTED = "interrupted"


class Trained(NamedTuple):
    """What came of a descent."""

    values: dict[str, np.ndarray]
    """Of the best state, by name."""
    first: float
    best: float
    """The loss on the held-back samples: as it was, and of the best state."""
    steps: int
    rate: float
    ended: str
    """Why it ended early, "": it did not."""
    nbytes: int
    """The most memory that the child took."""


class Trainer(Conversation):
    """The parent's side. Use it as a context."""

    def __init__(self, student: Model, teacher: Model, names: Sequence[str], data: Data, how: Settings) -> None:
        """`names`: values of the main graph that are trained.

        Raises: InputError for data that do not fit, UsageError for what can't be differentiated.
        """
        super().__init__(TARGET, data, student, "the training")
        with self.opening():
            folder = self.request["model"].rpartition("/")[0]
            told, _ = self._ask({**self.request, "teacher": write_into(teacher, folder, "teacher"), "names": list(names),
                                 "settings": how._asdict()})
        self.far: list[str] = told["far"]
        """Values that reach nothing that is learned."""
        self.first: float | None = told["first"]
        """The loss as it is; None: nothing can be trained."""
        self.equal: bool = told.get("equal", False)
        """Whether the student gives what the teacher gives."""
        self.samples: int = told["samples"]
        self.held: int = told["held"]
        self.of: int = told["of"]

    def __enter__(self) -> Trainer:
        return self

    def run(self, tell: Callable[[float | None, float | None, int, int], None]) -> Trained:
        """Train to the end, or until the user interrupts. `tell`: the loss, the best held-back one, steps done, and of how many.

        Raises: InputError where a model does not run.
        """
        ended = ""
        with interruptible() as interrupted:
            while not ended:
                told, _ = self._ask({"do": "go"})
                tell(told["loss"], told["best"], told["done"], told["total"])
                if told["over"]:
                    break
                ended = INTERRUPTED if interrupted() else ""
            told, values = self._ask({"do": "best"})
        return Trained(values, told["first"], told["best"], told["done"], told["rate"] or 0.0, ended or told["ended"], told["bytes"])


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Note an interrupt (Ctrl-C) instead of raising it; the second one is raised. Gives what tells whether there was one."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if mine:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(seen)
    finally:
        if mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)
