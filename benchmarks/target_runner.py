"""Runs one model in the runtime of this Python; needs numpy and onnxruntime or openvino, nothing of lwc.

    python target_runner.py MODEL FEEDS.npz OUTPUTS.npz [SECONDS]

Prints one line of JSON: the runtime, what loading took (seconds by the clock, of processor time; bytes at the peak and after it), and
the processor time of a run, median of as many as fit in SECONDS; one thread. Or "refused" and why.
"""

import json
import sys
import time

import numpy as np


def onnxruntime_opened(path):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(names, feeds), strict=True))


def openvino_opened(path):
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    request = compiled.create_infer_request()

    def run(feeds):
        found = request.infer(feeds)  # an output has several names where a Cast behind it went
        return {name: np.array(found[o]) for o in compiled.outputs for name in o.names}

    return run


def status(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))


def main():
    path, given, target = sys.argv[1:4]
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
    try:
        import onnxruntime

        runtime, opened = "onnxruntime " + onnxruntime.__version__, onnxruntime_opened
    except ImportError:
        import openvino

        runtime, opened = "OpenVINO " + openvino.__version__.split("-")[0], openvino_opened
        openvino.Core().available_devices  # noqa: B018  loads its plugins
    arrays = np.load(given)
    feeds = {name: arrays[name] for name in arrays.files}
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass
    before, wall, cpu = status("VmRSS"), time.perf_counter(), time.process_time()
    try:
        run = opened(path)
        load = {"load_s": time.perf_counter() - wall, "load_cpu_s": time.process_time() - cpu,
                "peak_bytes": status("VmHWM") - before, "after_bytes": status("VmRSS") - before}
        outputs = run(feeds)
    except Exception as error:  # each runtime has its own
        print(json.dumps({"runtime": runtime, "refused": " ".join(str(error).split())[-400:]}))
        return
    np.savez(target, **{name: value for name, value in outputs.items() if isinstance(value, np.ndarray)})
    times, since = [], time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - since < seconds and len(times) < 200):
        start = time.process_time()
        run(feeds)
        times.append(time.process_time() - start)
    print(json.dumps({"runtime": runtime, **load, "run_s": sorted(times)[len(times) // 2]}))


main()
