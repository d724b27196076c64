"""Decisions in a file, so that a build can be done again without measuring: the form of each layer, and what they rest on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lightweight_cli.compute.apply import FORMS
from lightweight_cli.compute.seen import Seen
from lightweight_cli.errors import InputError, OutputError, UsageError, printable
from lightweight_cli.weights.weight import Key

VERSION = 1


class Plan(NamedTuple):
    """The form of each layer that computes in integers, and whether weights keep to 7 bits."""

    forms: dict[Key, str]
    reduced: bool
    seen: Seen
    rounded: bool = False
    """Whether codes are by second order, on calibration data, which a build must have again."""


def read(path: str) -> Plan | None:
    """Return the decisions of a file; None: there is no such file yet. Raises: InputError."""
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        if told["plan"] != VERSION:
            raise InputError(f"{printable(path)}: plan {told['plan']}: this version reads {VERSION}")
        forms = {_key(name): str(form) for name, form in told["forms"].items()}
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in told["ranges"].items()}
        balance = {str(name): np.array(factors, np.float64) for name, factors in told.get("balance", {}).items()}
        divided = {str(name): (float(low), float(high)) for name, (low, high) in told.get("divided", {}).items()}
        plan = Plan(forms, bool(told["reduced"]), Seen(ranges, balance, divided), bool(told.get("rounded")))
    except OSError as e:
        raise InputError(f"{printable(path)}: {e.strerror}") from e
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise InputError(f"{printable(path)}: not a plan of quantize") from e
    unknown = next((form for form in plan.forms.values() if form not in FORMS), None)
    if unknown is not None:
        raise InputError(f"{printable(path)}: form {printable(unknown)} is unknown; known: {', '.join(FORMS)}")
    return plan


def write(path: str, plan: Plan) -> None:
    """Write decisions to a file, whole or not at all. Raises: OutputError."""
    told = {"plan": VERSION, "reduced": plan.reduced, "rounded": plan.rounded,
            "forms": {_name(key): form for key, form in plan.forms.items()},
            "ranges": plan.seen.ranges, "divided": plan.seen.divided,
            "balance": {name: factors.tolist() for name, factors in plan.seen.balance.items()}}
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps(told, indent=1) + "\n")
        os.replace(temporary, path)
    except OSError as e:
        raise OutputError(f"{printable(path)}: {e.strerror}") from e


def refuse_missing(plan: Plan, fits: Mapping[Key, Any], values: Sequence[str], path: str) -> None:
    """Refuse decisions about layers that a model has not, or without the ranges of the `values` they need. Raises: UsageError."""
    missing = next((key for key in plan.forms if key not in fits), None)
    if missing is not None:
        raise UsageError(f"--plan {printable(path)}: {printable(missing[1])} is no layer of this model that can be computed so")
    unknown = next((value for value in values if value not in plan.seen.ranges), None)
    if unknown is not None:
        raise UsageError(f"--plan {printable(path)}: has no range of {printable(unknown)}, which static int8 needs")


def _name(key: Key) -> str:
    """A weight of the main graph goes by its name, one of a graph within by the graph's number too."""
    return f"{key[0]}/{key[1]}" if key[0] else f"/{key[1]}"


def _key(name: str) -> Key:
    number, _, rest = name.partition("/")
    return int(number or 0), rest
