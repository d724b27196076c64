"""The table of passes: what every pass must declare, and how wrong values are told."""

from __future__ import annotations

import json

import pytest

from lightweight_cli.cli import listing
from lightweight_cli.errors import InputError, UsageError
from lightweight_cli.pipeline import recipe, registry

PASSES = registry.all_passes()
OPTIONS = [pytest.param(p, o, id=f"{p.name}{o.flag}") for p in PASSES for o in p.parameters]


@pytest.mark.parametrize("which", PASSES, ids=lambda p: p.name)
def test_every_pass_says_what_it_does(which):
    assert 10 < len(which.summary) <= 80 and which.summary.endswith(".") and which.summary[0].isupper()
    assert "\n\n" in which.documentation and "Returns:" in which.documentation and which.unit
    assert ("Lossless" in which.documentation) != which.lossy
    assert "Returns:" not in listing.help_text(which)


@pytest.mark.parametrize(("which", "option"), OPTIONS)
def test_every_option_is_declared(which, option):
    assert option.option.help.endswith(".") and len(option.option.help) <= 120
    assert option.kind in (bool, int, float, str, list) and option.flag == "--" + option.word.replace("_", "-")
    assert option.kind is not str or option.option.choices or option.option.read
    assert option.kind is not bool or option.default is False
    if option.default is not None and option.kind is not list:
        assert option.parse(str(option.default), "x") == option.default


@pytest.mark.parametrize(("which", "option"), OPTIONS)
def test_wrong_values_are_one_line_with_what_is_allowed(which, option):
    o = option.option
    wrong: list[object] = ["wrong", "", "\x1b[0m\n"] if option.kind is not list else ["", 7, ["\x1b[0m\n", ""]]
    if option.kind in (int, float):
        wrong += [
            "nan",
            "inf",
            "-inf",
            "1e999",
            *([str(o.min - 1)] if o.min is not None else []),
            *([str(o.max + 1)] if o.max is not None else []),
        ]
    for value in wrong:
        missing = option.name == "teacher"  # a model that is not there, as one that is named first
        with pytest.raises(InputError if missing else UsageError) as caught:
            recipe.make(which.name, {option.name: value})
        text = str(caught.value)
        assert "\n" not in text and "\x1b" not in text and option.flag in text and caught.value.exit_code == (3 if missing else 2)
        assert missing or o.allowed in text and option.kind is not list or option.kind is bool or "finite" in text or "must be text" in text


@pytest.mark.parametrize(("which", "option"), OPTIONS)
def test_the_edges_of_a_range(which, option):
    o = option.option
    for edge, allowed in ((o.min, not o.open_min), (o.max, True)):
        if edge is not None and allowed and not o.choices:
            assert option.parse(str(edge), "x") == edge
        elif edge is not None:
            with pytest.raises(UsageError):
                option.parse(str(edge), "x")


def test_unknown_options_name_the_known_ones():
    for which in PASSES:
        with pytest.raises(UsageError, match="is unknown; known: "):
            recipe.make(which.name, {"no_such_option": 1})


def test_the_order_is_the_one_they_are_best_applied_in():
    names = [p.name for p in PASSES]
    assert names[0] == "strip" and names.index("prune") < names.index("quantize") and len(set(names)) == len(names)


def test_the_listings_name_everything():
    text, table, data = listing.as_text(), listing.as_markdown(), json.loads(listing.as_json())
    for which, entry in zip(PASSES, data, strict=True):
        assert entry["name"] == which.name and entry["lossy"] == which.lossy
        assert [o["name"] for o in entry["options"]] == [o.word for o in which.parameters]
        assert which.summary in text and f"`{which.name}`" in table
        for option in which.parameters:
            assert option.flag in text and f"`{option.flag}`" in table
    assert max(map(len, text.splitlines())) <= 120
