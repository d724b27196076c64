"""What a person meets on the command line: help, listings, and errors found before any work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightweight_cli.cli.commands import all_commands
from lightweight_cli.errors import one_of

MODEL = Path(__file__).resolve().parents[2] / "sample_models/cancer_mlp/model.onnx"


def text_of(*words: str, columns: int = 80) -> str:
    """Return what `lwc` prints on standard output in so many columns."""
    return subprocess.run([sys.executable, "-m", "lightweight_cli", *words], check=True, capture_output=True, text=True,
                          env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1"}).stdout


@pytest.mark.parametrize("words", [["--help"], ["passes"], ["inspect", str(MODEL)], ["inspect", "--deep", str(MODEL)], ["run", "--help"]],
                         ids=" ".join)
@pytest.mark.parametrize("columns", [60, 80])
def test_lines_keep_to_the_width(words, columns):
    own = str(MODEL)
    assert all(len(line) <= columns for line in text_of(*words, columns=columns).splitlines() if line != own)


def test_summaries_take_one_line_of_80_columns():
    told = text_of("--help").splitlines()
    for command in all_commands():
        assert any(line.split(maxsplit=1) == [command.name, command.summary] for line in told), command.name


@pytest.mark.parametrize("command", [c for c in all_commands() if c.flags], ids=lambda c: c.name)
def test_the_help_names_every_option(command):
    told = text_of(command.name, "--help")
    assert all(flag in told for f in command.flags for flag in f.flags)


@pytest.mark.parametrize(("words", "status", "said"), [
    (["--data", "gone.npz"], 3, "gone.npz: no such file or folder"),
    (["--data", "gone.py:reader"], 3, "gone.py: no such file or folder"),
    (["--labels", "labels.npy"], 2, "--labels labels.npy: needs --data"),
    (["--metric", "top1"], 2, "--metric top1: needs --data"),
    (["--min-agreement", "99"], 2, "--min-agreement 99: must be from 0 to 1"),
    (["--metric", "beauty"], 2, 'metric "beauty" is unknown; it can be top1, '),
])
def test_what_can_not_be_evaluated_is_told_before_any_work(call, words, status, said):
    got, out, error = call("prune", "no-such-model.onnx", "--sparsity", "0.5", "-o", "out.onnx", *words)
    assert (got, out) == (status, b"") and error.startswith(f"lwc: error: {said}") and error.count("\n") == 1


def test_a_step_without_its_flag_is_told_of_it(call):
    got, _, error = call("run", str(MODEL), "strip", "-o", "out.onnx")
    assert got == 2 and "extra argument(s) (strip) (a step is given as -p STEP; see " in error and error.count("\n") == 1
    assert "-p STEP" not in call("strip", str(MODEL), "fold", "-o", "out.onnx")[2]


def test_a_missing_teacher_is_a_missing_model(call):
    said = "--teacher gone.onnx: no such file\n"
    assert call("distill", "gone.onnx", str(MODEL), "-o", "out.onnx")[::2] == (3, f"lwc: error: distill: {said}")
    got, _, error = call("run", str(MODEL), "-p", "distill:teacher=gone.onnx", "-o", "out.onnx")
    assert got == 3 and error.endswith(said)


def test_an_option_without_its_value(call):
    got, _, error = call("run", str(MODEL), "-p", "prune:sparsity", "-o", "out.onnx")
    assert (got, error) == (2, "lwc: error: step 'prune:sparsity': --sparsity needs a value: more than 0 and at most 1\n")


def test_choices_are_told_as_a_list():
    assert [one_of("a"), one_of("ab"), one_of([1, 2, 3])] == ["a", "a or b", "1, 2 or 3"]


def test_a_candidate_with_another_interface_is_no_bug_of_lwc(call):
    other = MODEL.parent.parent / "fashion_cnn/model.onnx"
    status, _, error = call("verify", MODEL, other)
    assert status == 3 and f"{other.name}: has another interface: inputs lost " in error and error.count("\n") == 1


RECIPE = """
[[step]]
pass = "quantize"

[check]
data = "eval.npz"

[gates]
max_drop = 0.5
max-size = "1MB"
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/eval.npz").symlink_to(MODEL.parent / "eval.npz")

    def write(text: str) -> str:
        (tmp_path / "folder/recipe.toml").write_text(text)
        return "folder/recipe.toml"

    return write


def test_a_recipe_holds_the_check_and_the_gates(call, recipe):
    words = ("run", MODEL, "--recipe", recipe(RECIPE), "-o", "out.onnx", "-f", "-q")
    assert call(*words) == (0, b"", "")
    status, _, error = call(*words, "--max-size", "1KB")
    assert status == 4 and error.startswith("lwc: error: max-size 1,000 bytes: "), "the command line wins"
    status, _, error = call("run", MODEL, "--recipe", recipe(RECIPE.replace("0.5", "-0.5")), "-o", "out.onnx", "-f", "-q")
    assert status == 4 and error.startswith("lwc: error: max-drop -0.5: ")


@pytest.mark.parametrize(("old", "new", "said"), [
    ("max_drop", "max_dorp", "folder/recipe.toml, [gates]: 'max_dorp' is unknown (did you mean max_drop?); known: max_drop, "),
    ("[gates]", "[gate]", "folder/recipe.toml: 'gate' is unknown (did you mean gates?)"),
    ("[check]", "[[check]]", "folder/recipe.toml: check must be a table: [check]"),
    ("data =", "date =", "folder/recipe.toml, [check]: 'date' is unknown (did you mean data?)"),
    ('"eval.npz"', "3", "folder/recipe.toml, [check]: data 3: must be text, or a list of texts"),
    ('"1MB"', "true", "folder/recipe.toml, [gates]: max-size True: must be text"),
    ("0.5", "true", "folder/recipe.toml, [gates]: max_drop True: must be a number"),
    ("0.5", '"a"', "folder/recipe.toml, [gates]: max_drop a: must be a number"),
    ('"eval.npz"', '"gone.npz"', "folder/gone.npz: no such file"),
    ('"1MB"', '"big"', 'size "big" is not understood'),
    ("quantize", "qantize", "pass 'qantize' is unknown (did you mean quantize?)"),
])
def test_errors_of_a_recipe_name_the_table_and_the_key(call, recipe, old, new, said):
    status, _, error = call("run", MODEL, "--recipe", recipe(RECIPE.replace(old, new)), "-o", "out.onnx")
    assert status in (2, 3) and error.startswith(f"lwc: error: {said}") and error.count("\n") == 1


@pytest.mark.parametrize("thread", [False, True])
def test_the_process_ends_with_its_status_and_all_that_was_said(thread):
    later = "import threading; threading.Timer(.1, print, ['thread']).start()" if thread else ""
    code = f"import atexit; from lightweight_cli.__main__ import leave; atexit.register(print, 'end'); {later}\n" \
        "print('said', end=' ')\nleave(3)"
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=buffered)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "said thread\nend\n" if thread else "said end\n", "")


def test_the_help_of_all_commands_starts_without_what_only_commands_need():
    code = "import sys, lightweight_cli.cli.commands as c; c.all_commands([]); " \
        "print(*{'numpy', 'subprocess', 'tempfile', 'json'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "\n"
    uncalled = {c.name: c for c in all_commands([])}
    assert all(c.summary == uncalled[c.name].summary for c in all_commands()) and not uncalled["quantize"].flags
