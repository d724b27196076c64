"""onnxruntime-web on a page in headless Chromium: a small server on this machine hands out the models and takes the outputs back."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent / "targets_web"
TYPES = {".mjs": "text/javascript", ".html": "text/html", ".wasm": "application/wasm", ".json": "application/json"}
LIMIT = 600.0
"""Seconds for all models of a page."""


def pages(chromium: str, dist: Path, entries: Sequence[dict[str, Any]], models: Mapping[str, Path]) -> tuple[str, list[dict[str, Any]]]:
    """Return the browser's version, and what the page found for each entry. Raises: TimeoutError, RuntimeError."""
    found: list[dict[str, Any]] = []
    done = threading.Event()
    with server(dist, entries, models, found, done) as port, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={profile}", f"http://127.0.0.1:{port}/page.html"]
        browser = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not done.wait(LIMIT):
                raise TimeoutError(f"the page was not done after {LIMIT:g} s; it told of {len(found)} models")
        finally:
            browser.terminate()
            browser.wait()
    last = found.pop()
    if "error" in last:
        raise RuntimeError(last["error"])
    return last["agent"].partition("Chrome/")[2].partition(".")[0], found


@contextlib.contextmanager
def server(dist: Path, entries: Sequence[dict[str, Any]], models: Mapping[str, Path], found: list[dict[str, Any]],
           done: threading.Event) -> Iterator[int]:
    """Serve a page, onnxruntime-web and the models to this machine alone; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place, _, name = self.path[1:].rpartition("/")
            if self.path == "/entries.json":
                self.answer(json.dumps({"entries": entries}).encode(), ".json")
            elif place == "model" and name in models:
                self.answer(models[name].read_bytes(), "")
            elif place in ("web", "dist", ""):
                file = (dist if place == "dist" else HERE) / name
                if file.is_file():
                    self.answer(file.read_bytes(), file.suffix)
                else:
                    self.send_error(404)
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.append(told)
            self.answer(b"{}", ".json")
            if told.get("done"):
                done.set()

        def answer(self, body: bytes, suffix: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", TYPES.get(suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")  # for memory that threads may share
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield http.server_address[1]
        finally:
            http.shutdown()
