"""What libraries are told while they are imported is true, and nobody sees a difference afterwards."""

import subprocess
import sys

import pytest

BEGIN = """
import gc, importlib, os, sys
from lightweight_cli.runtime.importing import importing
"""
CASES = {
    "onnx": """
with importing():
    import onnx
    import importlib.metadata as seen
    assert not gc.isenabled()
assert gc.isenabled() and gc.get_freeze_count()
assert "importlib.metadata" not in sys.modules and "email" not in sys.modules
told = onnx.__version__
assert seen.version("numpy") == __import__("numpy").__version__  # whoever imported it meanwhile is answered by the real one
import importlib.metadata
assert told == importlib.metadata.version("onnx") and importlib.metadata is not seen""",
    "another question": """
with importing():
    import importlib.metadata
    from importlib.metadata import PackageNotFoundError, version
    import onnx
    try:
        importlib.metadata.version("no-such-package")
    except PackageNotFoundError:
        pass
    else:
        raise AssertionError
assert version("onnx") == onnx.__version__ == importlib.metadata.version("onnx")
assert importlib.metadata.__file__ == sys.modules["importlib.metadata"].__file__""",
    "asked before": """
import importlib.metadata as real
with importing():
    import onnx
assert importlib.metadata is real is sys.modules["importlib.metadata"]""",
    "an error": """
try:
    with importing():
        raise KeyError
except KeyError:
    pass
assert gc.isenabled() and "importlib.metadata" not in sys.modules""",
    "folders of several versions": """
from lightweight_cli.runtime.importing import told_by_folder
os.mkdir("p")
for name in ("p-1.0.dist-info", "q-2.0.dist-info"):
    os.mkdir(name)
sys.path.insert(0, os.getcwd())
import p
assert told_by_folder("p") == "1.0" and told_by_folder("q") is None
os.mkdir("p-1.1.dist-info")
assert told_by_folder("p") is None""",
}


@pytest.mark.parametrize("case", CASES)
def test_importing(case, tmp_path):
    subprocess.run([sys.executable, "-c", BEGIN + CASES[case]], check=True, cwd=tmp_path)
