"""The console entry: what must hold before anything heavy is imported."""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from typing import NoReturn

from lightweight_cli.cli.guard import guarded
from lightweight_cli.runtime.import_path import home, working_directory


def main() -> None:
    """Run `lwc` and exit with its status."""
    for fd in (0, 1, 2):  # a closed one would be given to the first file that is opened
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if fd == 0 else os.O_WRONLY)
    if sys.stderr is None:
        sys.stderr = open(2, "w")  # noqa: SIM115  for as long as the process lives
    if sys.path and sys.path[0] in ("", working_directory()) and home() != working_directory():
        del sys.path[0]  # `python -m` puts the working directory first: nothing is imported from there
    # Its threads spin: a solver's layer of 1,024 x 1,024 took 0.6 s of processor time with one, 2.0 s with two, on a busy machine
    # three times the time by the clock too.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # typer's; looking for them takes longer than a small model
    warnings.simplefilter("ignore")  # what numpy or onnx warn of is either an error of ours, or of no use to a user
    if sys.argv[1:2] == ["inspect"]:
        from lightweight_cli.inspect.command import main as inspect_main

        leave(guarded(lambda: inspect_main(sys.argv[2:])))
    leave(guarded(run))


def leave(status: int) -> NoReturn:
    """End the process with a status, as sys.exit would, but without taking apart what was imported: .07 to .1 s, a fifth of a small job.

    Where a thread still runs, or a stream can't be written any more, the interpreter ends as it is used to.
    """
    threads = sys.modules.get("threading")
    if threads is not None and threads.active_count() > 1:
        sys.exit(status)
    atexit._run_exitfuncs()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):
        sys.exit(status)
    os._exit(status)


def run() -> int:
    """Run the command that the words name. Returns: the exit status."""
    from lightweight_cli.runtime.importing import importing

    with importing():
        from lightweight_cli.cli.quick import read

    found = read(sys.argv[1:])
    if found is None:
        from lightweight_cli.cli.app import run

        return run()
    command, given = found
    command.body(given)
    return 0


if __name__ == "__main__":
    main()
