"""Recipes: text and TOML become the same steps, a step prints back, and errors name what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightweight_cli.errors import InputError, UsageError
from lightweight_cli.pipeline import recipe, registry
from lightweight_cli.pipeline.recipe import Step


def values(parameter: registry.Parameter) -> st.SearchStrategy:
    """Return valid values of a parameter."""
    o = parameter.option
    if o.choices:
        return st.sampled_from(o.choices)
    if parameter.kind is bool:
        return st.booleans()
    if parameter.kind is int:
        return st.integers(int(o.min or 0), int(o.max if o.max is not None else 1 << 40))
    if parameter.kind is float:
        return st.floats(o.min, o.max, exclude_min=o.open_min, allow_nan=False, allow_infinity=False)
    if parameter.kind is list:
        return st.lists(st.sampled_from(("a*", "op:Gemm", "x.weight")), min_size=1, max_size=3)
    if parameter.name == "target_size":
        return st.sampled_from(("1MB", "50%", "1234"))
    if parameter.name == "pattern":
        return st.sampled_from(("2:4", "4x1"))
    if parameter.name == "load_memory":
        return st.sampled_from(("1GB", "1.5", "300 MiB"))
    raise AssertionError(f"{parameter.name}: a type without a strategy")


@st.composite
def steps(draw: st.DrawFn) -> Step:
    which = draw(st.sampled_from(registry.all_passes()))
    some = draw(st.lists(st.sampled_from(which.parameters), unique=True)) if which.parameters else []
    some = [p for p in some if not p.option.recorded]  # in recipes only
    return recipe.make(which.name, {p.name: draw(values(p)) for p in some})


@given(steps())
def test_a_step_prints_back_as_the_text_it_is_read_from(step):
    assert recipe.parse(str(step)) == step
    assert str(recipe.parse(str(step))) == str(step)


@pytest.mark.parametrize(
    ("text", "step", "printed"),
    [
        ("strip", Step("strip", {}), "strip"),
        ("prune:threshold=0.01", Step("prune", {"threshold": 0.01}), "prune:threshold=0.01"),
        ("prune:threshold=1e-2", Step("prune", {"threshold": 0.01}), "prune:threshold=0.01"),
        ("prune:scope=global,sparsity=.5", Step("prune", {"sparsity": 0.5, "scope": "global"}), "prune:sparsity=0.5,scope=global"),
        ("quantize:bits=8", Step("quantize", {"bits": 8}), "quantize:bits=8"),
        ("quantize:bits=4,block-size=64", Step("quantize", {"bits": 4, "block_size": 64}), "quantize:bits=4,block_size=64"),
        ("quantize:asymmetric", Step("quantize", {"asymmetric": True}), "quantize:asymmetric=true"),
        ("quantize:asymmetric=no", Step("quantize", {}), "quantize"),
        ("prune:sparsity=0.123456789", Step("prune", {"sparsity": 0.123456789}), "prune:sparsity=0.123456789"),
        ("strip:", Step("strip", {}), "strip"),
    ],
)
def test_text(text, step, printed):
    assert recipe.parse(text) == step and str(step) == printed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("prun", "pass 'prun' is unknown (did you mean prune?); known: strip,"),
        ("", "pass '' is unknown"),
        ("prune:sparsity=0.5,sparsity=0.6", "sparsity is given twice"),
        ("prune:sparseness=0.5", "option 'sparseness' is unknown; known: threshold, relative, sparsity, keep_top, l1"),
        ("prune:sparsity=1.5", "--sparsity 1.5: must be more than 0 and at most 1"),
        ("prune:sparsity=0", "--sparsity 0: must be more than 0"),
        ("prune:sparsity=nan", "--sparsity nan: must be"),
        ("prune:threshold=inf", "--threshold inf: must be"),
        ("prune:sparsity=much", "--sparsity much: must be a number, more than 0 and at most 1"),
        ("prune:sparsity=", "--sparsity : must be a number"),
        ("prune:scope=layer", "--scope layer: must be tensor, global, lamp or sensitivity"),
        ("quantize:bits=7", "--bits 7: must be "),
        ("quantize:bits=8.0", "--bits 8.0: must be a whole number"),
        ("quantize:asymmetric=maybe", "--asymmetric maybe: must be true or false"),
        ("dedupe:x=1", "option 'x' is unknown; known: none"),
        ("prune:\x1b[31m=1", "\\x1b[31m"),
    ],
)
def test_errors(text, why):
    with pytest.raises(UsageError) as caught:
        recipe.parse(text)
    assert why in str(caught.value) and "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


def read(tmp_path, text: str) -> list[Step]:
    (tmp_path / "r.toml").write_text(text)
    return recipe.read(str(tmp_path / "r.toml")).steps


def test_toml_gives_the_steps_that_text_gives(tmp_path):
    found = read(
        tmp_path,
        """
        [[step]]
        pass = "strip"
        [[step]]
        pass = "prune"
        threshold = 0.01
        [[step]]
        pass = "quantize"
        bits = 4
        asymmetric = true
        block-size = 64
    """,
    )
    assert found == [recipe.parse(t) for t in ("strip", "prune:threshold=0.01", "quantize:bits=4,asymmetric=true,block_size=64")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "step = 3",
        "[step]\npass = 'strip'",
        "[[step]]\nbits = 8",
        "steps = []",
        "[[step]]\npass = 'strip'\n[more]\n",
        "step = []",
        "step = [1]",
    ],
)
def test_what_is_no_recipe(tmp_path, text):
    with pytest.raises(UsageError, match="a recipe is one or more"):
        read(tmp_path, text)


@pytest.mark.parametrize("value", ["true", "[8]", "{ a = 1 }", "8.5", "'eight'", "1979-05-27", "inf"])
def test_a_value_of_another_type(tmp_path, value):
    with pytest.raises(UsageError, match="step 1: --bits"):
        read(tmp_path, f"[[step]]\npass = 'quantize'\nbits = {value}")


def test_a_number_is_no_switch_and_a_switch_no_number(tmp_path):
    for option in ("sparsity = true", "sparsity = [0.5]", "scope = 3"):
        with pytest.raises(UsageError, match="step 1: --s"):
            read(tmp_path, f"[[step]]\npass = 'prune'\n{option}")


def test_unreadable_recipes(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        recipe.read(str(tmp_path / "missing.toml"))
    for content in (b"\xff\xfe", b"[[step", b"\x08\x08:\x00"):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(InputError, match="not a TOML file"):
            recipe.read(str(tmp_path / "bad.toml"))
    with pytest.raises(InputError, match="directory"):
        recipe.read(str(tmp_path))
