"""The quick way in: a well-formed command line is read here, without typer.

Importing typer and preparing its validators takes as long as compressing a small model. What is not plainly right
(help, an unknown option, a value that is none) is typer's to answer: `read` then returns None.
"""

from __future__ import annotations

from lightweight_cli.cli.commands import Command, all_commands
from lightweight_cli.jobs.flag import Flag, Given


def read(words: list[str]) -> tuple[Command, Given] | None:
    """Return the command that `words` call, with all its arguments and options, or None."""
    command = next((c for c in all_commands(words[:1]) if words and c.name == words[0]), None)
    if command is None or command.name == "inspect":
        return None
    given: Given = {f.name: f.default for f in command.flags} | {a.name: None for a in command.arguments}
    known = {name: flag for flag in command.flags for name in flag.flags}
    rest, places = list(words[1:]), list(command.arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            if not places:
                return None
            if places[0].many:
                given[places[0].name] = [*(given[places[0].name] or []), word]
            else:
                given[places.pop(0).name] = word
            continue
        name, sign, value = word.partition("=")
        flag = known.get(name)
        if flag is None or (flag.kind is bool and sign) or (flag.kind is not bool and not sign and not rest):
            return None
        if not _set(given, flag, True if flag.kind is bool else value if sign else rest.pop(0)):
            return None
    return None if any(a.required and given[a.name] is None for a in command.arguments) else (command, given)


def _set(given: Given, flag: Flag, value: str | bool) -> bool:
    """Note an option's value; say whether it is one."""
    if flag.kind is list:
        given[flag.name] = [*given[flag.name], value]
        return True
    try:
        given[flag.name] = flag.kind(value)
    except ValueError:
        return False
    return True
