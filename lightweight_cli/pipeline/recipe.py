"""Steps as text: "prune:threshold=0.01", or a TOML file: [[step]] tables, [check], [gates], [target]. A step prints back as text."""

from __future__ import annotations

from typing import Any, NamedTuple

from lightweight_cli.errors import InputError, UsageError, did_you_mean, printable
from lightweight_cli.pipeline import registry


class Step(NamedTuple):
    """A pass with its options; only those that differ from their default."""

    name: str
    options: dict[str, Any]

    def __str__(self) -> str:
        told = {p.name: p.word for p in registry.get(self.name).parameters if not p.option.recorded}
        given = {told[k]: v for k, v in self.options.items() if k in told}
        items = ((k, v) for k, value in given.items() for v in (value if isinstance(value, tuple) else (value,)))
        text = ",".join(f"{k}={_text(v)}" for k, v in items)
        return f"{self.name}:{text}" if text else self.name


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.replace(",", "?")  # in a glob, any character: a comma would end the option
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def make(name: str, given: dict[str, Any], where: str | None = None) -> Step:
    """Check a pass's options and return the step, options in the order of their declaration. Raises: UsageError."""
    which = registry.get(name)
    known = {p.word: p for p in which.parameters}
    parsed = {}
    for key, value in given.items():
        parameter = known.get(key.replace("-", "_").rstrip("_"))
        if parameter is None:
            raise UsageError(f"{where or name}: option {printable(key)!r} is unknown{did_you_mean(key, known)}; "
                             f"known: {', '.join(known) or 'none'}")
        parsed[parameter.name] = parameter.parse(value, where or name)
    return Step(name, {p.name: parsed[p.name] for p in which.parameters if p.name in parsed and parsed[p.name] != p.default})


def parse(text: str) -> Step:
    """Read "name" or "name:option=value,option=value". Raises: UsageError."""
    name, _, rest = text.partition(":")
    given: dict[str, Any] = {}
    repeatable = {p.name for p in registry.get(name.strip()).parameters if p.kind is list}
    for item in filter(None, rest.split(",")):
        key, sign, value = item.partition("=")
        if key in repeatable and sign:
            given.setdefault(key, []).append(value)
        elif key in given:
            raise UsageError(f"step {printable(text)!r}: {printable(key)} is given twice")
        else:
            given[key] = value if sign else True
    return make(name.strip(), given, f"step {printable(text)!r}")


class Recipe(NamedTuple):
    """What a TOML file says: its steps, and options of the check, the gates and the target as they stand there."""

    steps: list[Step]
    check: dict[str, Any]
    gates: dict[str, Any]
    target: dict[str, Any]


TABLES = ("check", "gates", "target")


def read(path: str) -> Recipe:
    """Read a TOML recipe: one [[step]] table a step, `pass` and its options; and the tables [check], [gates] and [target].

    Raises: InputError when the file can't be read, UsageError for what a step must not be.
    """
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        try:
            import tomli as tomllib  # type: ignore[no-redef]
        except ModuleNotFoundError:
            raise UsageError(f"{printable(path)}: reading TOML needs Python 3.11, or: pip install tomli") from None
    try:
        with open(path, "rb") as f:
            table = tomllib.load(f)
    except OSError as e:
        raise InputError(f"{printable(path)}: {'no such file' if isinstance(e, FileNotFoundError) else e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise InputError(f"{printable(path)}: not a TOML file: {printable(e)}") from e
    steps, tables = table.get("step", []), [table.get(name, {}) for name in TABLES]
    unknown = next((key for key in table if key not in ("step", *TABLES)), None)
    if unknown is not None:
        raise UsageError(f"{printable(path)}: {printable(unknown)!r} is unknown{did_you_mean(unknown, ('step', *TABLES))}; "
                         "a recipe is one or more [[step]] tables, and may have [check], [gates] and [target]")
    if not isinstance(steps, list) or not steps or not all(isinstance(s, dict) and "pass" in s for s in steps):
        raise UsageError(f"{printable(path)}: a recipe is one or more [[step]] tables, each with pass = \"NAME\" and its options")
    for name, found in zip(TABLES, tables, strict=True):
        if not isinstance(found, dict):
            raise UsageError(f"{printable(path)}: {name} must be a table: [{name}]")
    return Recipe([make(str(s["pass"]), {k: v for k, v in s.items() if k != "pass"}, f"{printable(path)}, step {i}")
                   for i, s in enumerate(steps, 1)], *tables)
