"""Worker processes: one that dies or hangs costs a verdict, not the run."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from corpus.recipes import Recipe
from corpus.verdicts import Outcome, Verdict

TIME_LIMIT = 120.0
"""Seconds for one recipe."""
START_LIMIT = 120.0
READY = "ready"
"""What a worker says when it can be asked."""
SERVED = 400
"""Models after which a worker is replaced: libraries leak."""


class Worker:
    """One worker process, started again when it is gone."""

    def __init__(self, serve: Callable[[Connection], None], time_limit: float) -> None:
        self.serve, self.time_limit = serve, time_limit
        self.process: BaseProcess | None = None
        self.pipe: Connection
        self.served = 0

    def run(self, path: str, recipes: Sequence[Recipe]) -> dict[Recipe, Outcome]:
        """Take a model through recipes."""
        found: dict[Recipe, Outcome] = {}
        while missing := [r for r in recipes if r not in found]:
            self._start()
            try:
                self.pipe.send((path, missing))
                for _ in missing:
                    if not self.pipe.poll(self.time_limit):
                        raise TimeoutError
                    recipe, outcome = self.pipe.recv()
                    found[recipe] = outcome
            except TimeoutError:
                found[self._next(missing, found)] = Outcome(Verdict.TIMEOUT, f"more than {self.time_limit:g} s")
                self.stop()
            except (EOFError, OSError):
                found[self._next(missing, found)] = Outcome(Verdict.CRASH, self._died())
                self.stop()
        self.served += 1
        if self.served % SERVED == 0:
            self.stop()
        return found

    @staticmethod
    def _next(missing: Sequence[Recipe], found: dict[Recipe, Outcome]) -> Recipe:
        """Return the recipe that was at work: answers come in order."""
        return next(r for r in missing if r not in found)

    def _start(self) -> None:
        if self.process is None or not self.process.is_alive():
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=self.serve, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
            if not self.pipe.poll(START_LIMIT) or self.pipe.recv() != READY:
                raise RuntimeError("a worker does not start")

    def _died(self) -> str:
        assert self.process is not None
        self.process.join(10)
        code = self.process.exitcode or 0
        return f"the process died of {signal.Signals(-code).name}" if code < 0 else f"the process ended with {code}"

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


Results = dict[Path, dict[Recipe, Outcome]]


def run_all(
    serve: Callable[[Connection], None],
    models: Iterable[Path],
    recipes: Sequence[Recipe],
    jobs: int = 2,
    time_limit: float = TIME_LIMIT,
    progress: Callable[[int], None] = lambda done: None,
) -> Results:
    """Take every model through every recipe, in `jobs` processes."""
    models, local, workers, done = list(models), threading.local(), [], []

    def task(path: Path) -> tuple[Path, dict[Recipe, Outcome]]:
        if not hasattr(local, "worker"):
            local.worker = Worker(serve, time_limit)
            workers.append(local.worker)
        found = local.worker.run(str(path), recipes)
        done.append(path)
        progress(len(done))
        return path, found

    try:
        with ThreadPoolExecutor(jobs) as threads:
            return dict(threads.map(task, models))
    finally:
        for worker in workers:
            worker.stop()
