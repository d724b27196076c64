"""The options that commands share, each declared once; a recipe's [check], [gates] and [target] hold the same."""

from __future__ import annotations

from lightweight_cli.jobs.flag import Flag
from lightweight_cli.runtime.threads import THREADS

COMMON = (
    Flag("output", ("-o", "--output"), str, "Where the result goes; -: standard output. Not given: standard output, at a terminal "
         "MODEL.COMMAND.onnx.", "FILE"),
    Flag("force", ("-f", "--force"), bool, "Replace an existing file, the input too."),
)
REPORT = (
    Flag("quiet", ("-q", "--quiet"), bool, "Print nothing but errors."),
    Flag("report", ("--report",), list, "Write the report to a .json, .md or .html file, or json:FILE, md:FILE, html:FILE; "
         "-: JSON on standard output; repeatable.", "FILE"),
)
CHECK = (
    Flag("data", ("--data",), list, "Evaluation data: .npz keyed by input names (labels under labels), .npy, "
         "a test_data_set_N folder, FILE.py:reader; repeatable.", "FILE"),
    Flag("labels", ("--labels",), str, "Labels of the data, where they are apart: .npy or .npz.", "FILE"),
    Flag("metric", ("--metric",), str, "Metric on the labels: top1, top5, f1, rmse, mae, pearson, spearman, edit or ctc; "
         "not given: chosen from the labels.", "NAME"),
    Flag("no_labels", ("--no-labels",), bool, "Ignore what the data has under labels, label or y."),
    Flag("samples", ("--samples",), int, "Use at most so many samples of the data.", "INTEGER"),
    Flag("seed", ("--seed",), int, "Seed of what is drawn: synthetic inputs, samples of the data (default 0).", "INTEGER", 0),
    Flag("batch_size", ("--batch-size",), int, "Samples of the data run at once (default 32, or what the model fixes).", "INTEGER"),
    Flag("threads", ("--threads",), int, f"Threads that onnxruntime runs the models with (default {THREADS}).", "INTEGER"),
    Flag("check_time", ("--check-time",), float, "Seconds that the check may take, about (default 60): as much of the data is run, "
         "spread over all of it, as fits.", "SECONDS"),
)
"""Also the keys of a recipe's [check]."""
GATES = (
    Flag("max_drop", ("--max-drop",), float, "Gate: largest drop of the metric, as in 0.01.", "NUMBER"),
    Flag("confident", ("--confident",), bool, "--max-drop holds for the upper end of the drop's paired 95 % interval."),
    Flag("min_sqnr", ("--min-sqnr",), float, "Gate: smallest SQNR of an output, in dB, as in 30.", "NUMBER"),
    Flag("min_agreement", ("--min-agreement",), float, "Gate: smallest top-1 agreement, from 0 to 1.", "NUMBER"),
    Flag("max_size", ("--max-size",), str, "Gate: largest file, as in 300KB, 5MB.", "SIZE"),
    Flag("max_slowdown", ("--max-slowdown",), float, "Gate: largest latency ratio, as in 1.1.", "NUMBER"),
    Flag("max_load_time", ("--max-load-time",), str, "Gate: most CPU time to load the result: a ratio to the original's, as in 1.5, "
         "or a time, as in 500ms, 2s.", "LIMIT"),
    Flag("max_load_memory", ("--max-load-memory",), str, "Gate: most memory while loading the result: a ratio to the original's, as in "
         "1.5, or a size, as in 800MB.", "LIMIT"),
)
"""Also the keys of a recipe's [gates]."""
CALIBRATION = (
    Flag("calibrate", ("--calibrate",), list, "Calibration data, which choose values where --data judge them: same forms, labels "
         "ignored; not given: a third of --data, at most 256 samples.", "FILE"),
    Flag("calibration_memory", ("--calibration-memory",), str, "Memory for what grows with the calibration samples, as in 1GB; beyond, it "
         "goes to the disk (default 256MiB).", "SIZE"),
)
RESULT = (
    Flag("against", ("--against",), str, "Compare with this model instead of MODEL: in a pipe, the first one.", "MODEL"),
    Flag("best_effort", ("--best-effort",), bool, "Write the result where a gate fails, too."),
    Flag("save_recipe", ("--save-recipe",), str, "Write the steps to a TOML file for --recipe, what a search chose included.", "FILE"),
    Flag("no_check", ("--no-check",), bool, "Write the result without running the models."),
)
TARGET = (
    Flag("target", ("--target",), str, "Where the model goes: onnxruntime, ort-format, web, openvino, tensorrt or npu. What it does not "
         "take is not written; lwc targets lists it.", "NAME"),
    Flag("min_runtime", ("--min-runtime",), str, "The oldest onnxruntime that is to load the result, as in 1.17.", "VERSION"),
)
"""Also the keys of a recipe's [target]."""
COMPRESSING = (*COMMON, *TARGET, *REPORT, *CHECK, *CALIBRATION, *GATES, *RESULT)
NEED_CHECK = {"data", "labels", "metric", "no_labels", "batch_size", "threads", "check_time", "max_drop", "confident", "min_sqnr",
              "min_agreement", "max_slowdown", "max_load_time", "max_load_memory", "against"}
"""Options that mean nothing without the check."""
STEPS = (
    Flag("step", ("-p", "--step"), list, "A pass with its options, as prune:threshold=0.01; repeatable.", "STEP"),
    Flag("recipe", ("--recipe",), str, "A TOML file of [[step]] tables: pass = NAME and its options.", "FILE"),
)
SENSITIVITY = (
    Flag("calibrate", ("--calibrate",), list, "Data to run on, as --data of other commands takes them; labels ignored. Not given: "
         "synthetic inputs.", "FILE"),
    Flag("bits", ("--bits",), int, "Bits by which weights are ranked and the list of those to leave out is made (default 4).", "INTEGER"),
    Flag("only", ("--only",), list, "Try only weights that match: a glob on tensor or node names, or op:Gemm; repeatable.", "GLOB"),
    Flag("exclude", ("--exclude",), list, "Leave weights that match, written as for --only; repeatable.", "GLOB"),
    Flag("samples", ("--samples",), int, "Samples of the data (default 16).", "INTEGER"),
    *(f for f in CHECK if f.name in ("seed", "batch_size", "threads")),
    Flag("time_limit", ("--time-limit",), float, "Seconds after which fewer changes are tried of each weight (default 120, and 10 more for "
         "each million weights).", "SECONDS"),
)
JSON = (Flag("json", ("--json",), bool, "Print it as JSON on standard output."),)
