"""A course's formgrader, as ``practicum up --instructor`` starts it."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grader.room.jupyter import Server

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def served(root: Path, state: Path, kind: type[Server] = Server) -> Iterator[Server]:
    """Serve the course in ``root``; rubrics are looked for beside it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    facts = {"rubrics": str(root.parent / "rubrics")}
    server = kind(root=root, state=state, port=port, page="/formgrader", facts=facts, instructor=True)
    server.write()
    with (state / "log").open("wb") as log:
        process = subprocess.Popen(
            server.command(), cwd=root, env=server.environment(), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(600):
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=1):
                    break
                time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)
