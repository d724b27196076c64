"""Coverage-guided fuzzing of all that reads and rewrites models: `python -m fuzz.guided FOLDER [libFuzzer's options]`.

FOLDER holds the inputs that reached new code; models are put there at first. atheris (on libFuzzer) instruments lwc's modules,
and stops at the first finding, which it leaves as a file. `python -m fuzz.guided FILE` repeats a finding.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import sys
from pathlib import Path


def main() -> None:
    """Fuzz until a limit (-max_total_time=, -runs=) is reached; exits with libFuzzer's status."""
    import atheris

    with atheris.instrument_imports(include=["lightweight_cli"]):
        import lightweight_cli

        for module in pkgutil.walk_packages(lightweight_cli.__path__, "lightweight_cli."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)  # now, as those imported inside functions are instrumented only here
    from fuzz.damage import seeds, withstand
    from fuzz.mutate import changed, readable

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        """Change messages three times of four, bytes else."""
        if seed % 4 and readable(data):
            return changed(data, random.Random(seed))[:most]
        return bytes(atheris.Mutate(data, most))

    folder = Path(sys.argv[1])
    if not folder.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for i, data in enumerate(seeds()):
            (folder / f"seed{i}").write_bytes(data)
    options = ["-timeout=60", "-rss_limit_mb=6000", "-len_control=0", "-max_len=40000"]
    atheris.Setup([*sys.argv, *options], withstand, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
