"""From exceptions to one line on stderr and the documented exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from lightweight_cli.errors import EXIT_BROKEN_PIPE, EXIT_BUG, EXIT_INPUT, EXIT_INTERRUPT, EXIT_OK, EXIT_USAGE, LwcError, printable


def guarded(body: Callable[[], int]) -> int:
    """Run `body`; turn what it raises into a line and a status. Returns: the exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        status = body()
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except LwcError as e:
        return complain(str(e), e.exit_code)
    except KeyboardInterrupt:
        return complain("interrupted", EXIT_INTERRUPT)
    except BrokenPipeError:
        quiet_stdout()
        return EXIT_BROKEN_PIPE
    except MemoryError:
        return complain("not enough memory", EXIT_INPUT)
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else EXIT_OK if e.code is None else EXIT_BUG
    except OSError as e:
        quiet_stdout()
        return complain(f"{printable(e.filename) + ': ' if e.filename else ''}{e.strerror or e}", 5)
    except Exception as e:
        if hasattr(e, "format_message") and hasattr(e, "exit_code"):  # typer's own: a wrong option or argument
            return complain(" ".join(e.format_message().split()) + _hint(e), EXIT_USAGE)
        if type(e).__name__ == "Exit":
            return int(getattr(e, "exit_code", 0))
        if type(e).__name__ == "Abort":
            return complain("interrupted", EXIT_INTERRUPT)
        return bug(e)


def _hint(e: Exception) -> str:
    """Return where more is told about a wrong word, and of a step that stands alone that it takes -p."""
    context = getattr(e, "ctx", None)
    if context is None:
        return ""
    step = "a step is given as -p STEP; " if context.info_name == "run" and "extra argument" in str(e) else ""
    return f" ({step}see {context.command_path} --help)"


def bug(e: Exception) -> int:
    """Say that lwc itself failed; the trace is for the report. Returns: 1."""
    import traceback

    at = traceback.extract_tb(e.__traceback__)[-1]
    if os.environ.get("LWC_TRACE"):
        traceback.print_exception(e)
    return complain(f"a bug in lwc, please report it: {type(e).__name__}: {printable(e, 200)} "
                    f"({os.path.basename(at.filename)}:{at.lineno}; LWC_TRACE=1 shows more)", EXIT_BUG)


def complain(text: str, status: int) -> int:
    """Print one error line. Returns: `status`."""
    try:
        if sys.stderr is not None:
            print(f"lwc: error: {text}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return status  # nobody listens
    return status


def quiet_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
