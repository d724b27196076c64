"""The document as text for people: aligned columns, sizes in KB and MB, restrained colour."""

from __future__ import annotations

from lightweight_cli.errors import printable
from lightweight_cli.inspect.formatting import GAP, Style, columns, count, percent, shape, shortened, size, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Document: TypeAlias = dict[str, Any]

TOP = 12
"""Tensors listed without --all."""
NEGLIGIBLE = 0.0005
"""The share of the bytes below which an operator without MACs is listed only with --all."""
NAME_WIDTH = (16, 60)
HANG = 14
"""The indent of the facts above the tables."""
ALIGN = {"SHAPE": "<", "SIZE": ">", "SHARE": ">", "BITS": ">", "ENCODING": "<", "DECODED BY": "<", "ZEROS": ">", "VALUES": ">",
         "USED BY": "<", "STORED AS": "<"}  # fmt: skip
"""The columns after the name, and their sides."""
EXPENDABLE = ("DECODED BY", "SHARE", "STORED AS", "BITS", "VALUES", "SHAPE")
"""Columns that a narrow terminal goes without, the first first."""


def render(document: Document, width: int, style: Style, everything: bool = False) -> str:
    """Draw the whole document for a terminal of `width` columns."""
    blocks = [_head(document, width, style), _tensors(document, width, style, everything), _by_op(document, style, everything)]
    blocks += [_sums(document, style), _savings(document, width, style), _target(document["target"], width, style)]
    if document["notes"]:
        blocks.append([style.warn(f"note: {printable(note, 160)}") for note in document["notes"]])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _head(document: Document, width: int, style: Style) -> list[str]:
    model, nbytes, macs = document["model"], document["bytes"], document["macs"]
    opsets = ", ".join(f"{printable(domain) or 'ai.onnx'} {version}" for domain, version in model["opsets"].items())
    producer = printable(f"{model['producer']} {model['producer_version']}".strip() or "unknown producer")
    facts = [("file", f"{size(nbytes['file'])}, IR {model['ir_version']}, opset {opsets or 'none'}, by {producer}")]
    if document["external"]:
        files = f"{len(document['external'])} file{'s' * (len(document['external']) > 1)}"
        facts.append(("external", f"{size(nbytes['external'])} in {files}: {size(nbytes['total'])} in all"))
    facts.append(("stored", f"{size(nbytes['tensors'])} in {len(document['tensors'])} tensors "
                            f"({percent(nbytes['tensors'], nbytes['total'])}), {size(nbytes['rest'])} graph and text"))
    functions = f", {model['functions']} model functions" if model["functions"] else ""
    facts.append(("graph", f"{model['nodes']} node{'s' * (model['nodes'] != 1)}{functions}"))
    for side in ("inputs", "outputs"):
        ports = [f"{printable(p['name'], 40)} {p['dtype'] or '?'} {shape(p['shape'])}" for p in model[side]]
        facts.append((side, ", ".join(ports[:4]) + f", and {len(ports) - 4} more" * (len(ports) > 4)))
    steps = model["metadata"].get("lwc.recipe", "").splitlines()
    if steps:
        facts.append(("recipe", ", ".join(printable(step, 80) for step in steps)))
    facts.append(("parameters", count(document["parameters"])))
    facts.append(("MACs", _macs(macs)))
    facts.append(("sparsity", _sparsity(document["sparsity"])))
    facts.append(("duplicates", _duplicates(document["duplicates"])))
    title = style.bold(printable(model["path"], 120))
    lines = [title]
    for name, fact in facts:
        first, *others = wrapped(fact, width - HANG)
        lines += [f"  {style.dim(name.ljust(HANG - 4))}  {first}", *(" " * HANG + other for other in others)]
    return lines


def _macs(macs: Document) -> str:
    if not macs["nodes"]:
        return "none: no Conv, MatMul or the like"
    given = ", ".join(f"{printable(name, 24)}={value}" for name, value in macs["sizes"].items())
    text = count(macs["total"]) + f" with {given}" * bool(given)
    if macs["unknown"] == macs["nodes"]:
        text = f"unknown for all {macs['nodes']} nodes"
    elif macs["unknown"]:
        text += f"; unknown for {macs['unknown']} of {macs['nodes']} nodes"
    return text + " (the file has no shapes for them: --deep)" * bool(macs["unknown"] and not macs["inferred"])


def _sparsity(sparsity: Document | None) -> str:
    if sparsity is None:
        return "not computed (--deep)"
    return f"{100 * sparsity['share']:.2f} % of {count(sparsity['elements'])} plain floats are zero"


def _duplicates(duplicates: Document) -> str:
    equal, candidates = duplicates["equal"], duplicates["candidates"]
    if equal is not None:
        return f"{size(equal['bytes'])}: {equal['tensors']} tensors have equal ones" if equal["tensors"] else "none"
    if not candidates["tensors"]:
        return "none"
    return f"not compared; at most {size(candidates['bytes'])} by type and shape (--deep)"


def _tensors(document: Document, width: int, style: Style, everything: bool) -> list[str]:
    rows = document["tensors"] if everything else document["tensors"][:TOP]
    if not rows:
        return []
    cells = [_tensor(row, document["bytes"]["total"]) for row in rows]
    titles = [title for title in ALIGN if any(title in line for line in cells)]
    widths = {title: max(len(title), *(len(line.get(title, "-")) for line in cells)) + len(GAP) for title in titles}
    for title in EXPENDABLE:
        if title in titles and sum(widths[t] for t in titles) + NAME_WIDTH[0] > width:
            titles.remove(title)
    room = min(max(width - sum(widths[t] for t in titles), NAME_WIDTH[0]), NAME_WIDTH[1])
    lines = columns(["TENSOR", *titles], [
        [shortened(row["name"] or "(no name)", room), *(line.get(title, "-") for title in titles)]
        for row, line in zip(rows, cells, strict=True)
    ], "<" + "".join(ALIGN[title] for title in titles), style)  # fmt: skip
    rest = document["tensors"][len(rows) :]
    if rest:
        left = sum(row["bytes"] for row in rest)
        lines.append(style.dim(f"and {len(rest)} more, {size(left)} in all (--all)"))
    return lines


def _tensor(row: Document, total: int) -> dict[str, str]:
    bits = row["bits_per_element"]
    kind = row["kind"] + (", external" if row["external"] is not None else "")
    cells = {
        "SHAPE": shape(row["shape"]),
        "SIZE": size(row["bytes"]),
        "SHARE": percent(row["bytes"], total),
        "BITS": "?" if bits is None else f"{bits:.3g}",
        "ENCODING": printable(row["encoding"], 60),
        "USED BY": printable(" + ".join(row["used_by"]), 32),
        "STORED AS": kind + (f" in {shortened(row['scope'], 32)}" if row["scope"] else ""),
    }
    if row["decoded_by"]:
        cells["DECODED BY"] = printable(" > ".join(row["decoded_by"]), 40)
    if "zeros" in row:
        cells["ZEROS"] = f"{100 * row['sparsity']:.1f} %"
        cells["VALUES"] = "many" if row["distinct"] is None else str(row["distinct"])
    return cells


def _by_op(document: Document, style: Style, everything: bool) -> list[str]:
    total, macs = document["bytes"]["total"], document["macs"]["total"]
    groups = [group for group in document["by_op"]
              if everything or group["bytes"] >= NEGLIGIBLE * total or group["macs"]]  # fmt: skip
    rows = [[printable(group["op"], 48), str(group["tensors"]), size(group["bytes"]), percent(group["bytes"], total),
             count(group["macs"]) if group["macs"] else "-", percent(group["macs"], macs) if group["macs"] else "-"]
            for group in groups]  # fmt: skip
    if not rows:
        return []
    lines = columns(["BY OPERATOR", "TENSORS", "SIZE", "SHARE", "MACS", "SHARE"], rows, "<>>>>>", style)
    left = len(document["by_op"]) - len(groups)
    return [*lines, style.dim(f"and {left} more, each under {100 * NEGLIGIBLE:g} % (--all)")] if left else lines


def _sums(document: Document, style: Style) -> list[str]:
    total = document["bytes"]["total"]
    lines = []
    same = document["by_encoding"] == document["by_dtype"]  # everything is stored as it is
    for title, key in (("BY TYPE", "by_dtype"), ("BY ENCODING", "by_encoding"))[: 1 if same else 2]:
        rows = [[printable(group["name"], 48), str(group["tensors"]), size(group["bytes"]),
                 percent(group["bytes"], total)] for group in document[key]]  # fmt: skip
        if rows:
            lines += ["", *columns([title, "TENSORS", "SIZE", "SHARE"], rows, "<>>>", style)]
    return lines[1:]


def _target(target: Document | None, width: int, style: Style) -> list[str]:
    if target is None:
        return []
    name = f"{target['name']} {target['min_runtime'] or ''}".strip()
    said = [(text, style.warn) for text in target["file"]] or [("takes the file as it is", style.dim)]
    said += [(f"must not get {text}", style.dim) for text in target["must_not_get"]]
    instead: dict[str, list[str]] = {}
    for text in target["passes"]:
        instead.setdefault(text.rpartition("; ")[2], []).append(text.partition(":")[0])
    said += [(f"{', '.join(names)} {'gain' if len(names) > 1 else 'gains'} nothing there: {take}", style.dim)
             for take, names in instead.items()]
    known = "run here" if target["evidence"] == "run" else "from documents, not run here"
    lines = [style.bold(f"FOR {printable(name)}") + f" ({known}: {target['source']})"]
    return [*lines, *(paint(part) for text, paint in said for part in wrapped(f"  {text}", width))]


def _savings(document: Document, width: int, style: Style) -> list[str]:
    total = document["bytes"]["total"]
    rows = [[f"lwc {saving['pass']}", size(saving["bytes"]), percent(saving["bytes"], total), saving["how"]]
            for saving in document["savings"] if saving["bytes"]]  # fmt: skip
    if not rows:
        return []
    titles, shown = ["COULD SAVE (estimate)", "SIZE", "SHARE", "EACH ALONE"], 4
    if sum(max(map(len, column)) for column in zip(titles, *rows, strict=True)) + 3 * len(GAP) > width:
        shown = 3  # without how it was reckoned
    lines = columns(titles[:shown], [row[:shown] for row in rows], "<>><"[:shown], style)
    return [*lines, *(style.dim(part) for part in wrapped(document["storage"] or "", width) if part)]
