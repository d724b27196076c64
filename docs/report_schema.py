"""The JSON Schema of reports, made from the records that they are written from: docs/generate.py writes it."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from dataclasses import is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import GateResult
from lightweight_cli.pipeline.step_report import Changed, Left
from lightweight_cli.report.as_json import SCHEMA
from lightweight_cli.report.model import STATUS

NOT_FINITE = ["inf", "-inf", "nan"]
SHA256 = {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"}


def schema() -> dict[str, Any]:
    """Return the schema of `as_json.document`."""
    step = whole({
        "step": _text("The step as text: a pass and the options that differ from their default."),
        "pass": _text("The pass."),
        "options": {"type": "object", "description": "Every option of the pass with the value that took effect, defaults too.",
                    "additionalProperties": {"type": ["number", "string", "boolean", "array", "null"]}},
        "changed": {"type": "integer", "minimum": 0, "description": "How many things the pass changed."},
        "unit": _text("What it counts."),
        "notes": _texts("What else it has to say."),
        "calibrated": {**whole({"samples": {"type": "integer"}, "of": {"type": "integer"}, "shared": {"type": "boolean"}}),
                       "type": ["object", "null"], "description": "The calibration samples it used, of how many the files hold, and "
                       "whether the others judge; null: none."},
        "front": {"type": "array", "description": "Of a search: the candidates that were built and measured, in order.", "items": whole({
            "nbytes": {"type": "integer", "description": "Of the file, forecast from its codes."},
            "loss": {"type": ["number", "string"], "description": "Squared error of the worst output over its power, of scores before "
                     "the softmax."},
            "holds": {"type": "boolean", "description": "Whether it keeps the goal."},
            "sentence": _text("What the rows that judge show of it."), "kept": {"type": "boolean", "description": "It is the result."},
            "firm": {"type": "boolean", "description": "It was built with less trust in the rows that fit."},
            "nearest": {"type": "boolean", "description": "It was rounded to nearest, without the rows that fit."}})},
        "weights": {"type": "array", "items": record(Changed), "description": "The weights it stored anew."},
        "left_alone": {"type": "array", "items": record(Left), "description": "The weights it did not change."},
    })
    one = whole({
        "schema": {"const": SCHEMA, "description": "The version of this layout."},
        "status": {"enum": list(STATUS), "description": "written: the result has its name; unchanged: the input's bytes went through; "
                   "verified: two models were compared, and the gates hold; rejected: a gate failed, and no model was written, "
                   "or the candidate of verify could not be compared (check_skipped)."},
        "command": _text("The command: a pass, run or verify."),
        "version": _text("Of lwc."),
        "source": _text("The model read (verify: the reference): a path, or \"standard input\"."),
        "source_sha256": {**SHA256, "description": "Of the model file, without external data."},
        "output": _text("The model made (verify: the candidate): a path, or \"standard output\"."),
        "output_sha256": {**SHA256, "description": "Of the model file; of a rejected one, as it would have been."},
        "bytes_before": {"type": "integer", "minimum": 0, "description": "Bytes of the source, external data included."},
        "bytes_after": {"type": "integer", "minimum": 0, "description": "Bytes of the output, external data included."},
        "ratio": {"type": ["number", "null"], "description": "bytes_before / bytes_after: above 1 is smaller."},
        "gates": {"type": "array", "items": record(GateResult), "description": "Every gate that was asked for."},
        "hint": _text("What to try next, where the result is rejected or poor.", null=True),
        "steps": {"type": "array", "items": step, "description": "One entry a step; none in verify."},
        "check": {**record(Check), "type": ["object", "null"], "description": "How the models were compared; null: they were not."},
        "check_skipped": _text("Why they were not: \"--no-check\".", null=True),
        "reference": _text("What the output was compared with, where that is not the source (--against).", null=True),
        "accuracy": {**record(Accuracy), "type": ["object", "null"], "description": "What the change cost; null: not checked."},
        "passthrough": _text("Why the input's bytes went through unchanged.", null=True),
        "target": _text("Where the result goes (--target), with the oldest onnxruntime that is to load it.", null=True),
        "notes": _texts("What else there is to say."),
        "environment": environment(),
        "seconds": {"type": "number", "minimum": 0, "description": "Time of the whole command."},
    })
    several = whole({"schema": {"const": SCHEMA}, "command": {"const": "verify"},
                       "candidates": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/report"}}})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of lwc",
        "description": "What `lwc COMMAND --report FILE.json` writes: a report, or those of several candidates of `lwc verify`. "
                       "A new key does not raise `schema`; one that goes or changes does.",
        "if": {"required": ["candidates"]}, "then": {"$ref": "#/$defs/several"}, "else": {"$ref": "#/$defs/report"},
        "$defs": {"report": one, "several": several},
    }


def environment() -> dict[str, Any]:
    """Return the schema of where a result was made."""
    return whole({
        **{name: _text(f"Version of {name}.", null=True) for name in ("python", "onnxruntime", "onnx", "numpy")},
        "platform": _text("Operating system."), "machine": _text("Processor architecture."),
        "cpus": {"type": ["integer", "null"], "description": "Processors that the process may use."}})


def record(kind: type) -> dict[str, Any]:
    """Return the schema of a record; the strings below its fields are the descriptions."""
    hints, said = get_type_hints(kind), descriptions(kind)
    return whole({name: {**_of(hint), **({"description": said[name]} if name in said else {})} for name, hint in hints.items()})


def descriptions(kind: type) -> dict[str, str]:
    """Return the strings that stand below the fields of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    return {a.target.id: " ".join(b.value.value.split()) for a, b in zip(body, body[1:], strict=False)
            if isinstance(a, ast.AnnAssign) and isinstance(a.target, ast.Name)
            and isinstance(b, ast.Expr) and isinstance(b.value, ast.Constant) and isinstance(b.value.value, str)}


def _of(hint: Any) -> dict[str, Any]:
    """Return the schema of a type."""
    if get_origin(hint) in (Union, types.UnionType):
        found = [_of(a) for a in get_args(hint)]
        plain = all(set(f) == {"type"} for f in found)
        return {"type": [f["type"] for f in found]} if plain else {"anyOf": found}
    if get_origin(hint) in (tuple, list):
        return {"type": "array", "items": _of(get_args(hint)[0])}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if is_dataclass(hint) or hasattr(hint, "_fields"):
        return record(hint)  # type: ignore[arg-type]
    if hint is float:
        return {"anyOf": [{"type": "number"}, {"enum": NOT_FINITE}]}
    return {"type": {str: "string", int: "integer", bool: "boolean", type(None): "null"}[hint]}


def whole(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all these keys and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _text(said: str, null: bool = False) -> dict[str, Any]:
    return {"type": ["string", "null"] if null else "string", "description": said}


def _texts(said: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": said}
