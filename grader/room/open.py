"""Run a room until it is closed: what it started ends with it."""

import subprocess
import time
import urllib.request
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from grader.errors import GraderError
from grader.room.jupyter import IP, Server

_START_S = 90.0
_END_S = 10.0


def run_room(server: Server, announce: Callable[[], None], *, browser: bool, cwd: Path, **environment: str) -> None:
    """Start JupyterLab, say where it is, wait for its end or Ctrl-C.

    Args:
        server: how it is started.
        announce: called when pages answer.
        browser: open the page on this machine.
        cwd: folder in which it runs.
        environment: more for its environment.

    Raises:
        GraderError: it does not start.
    """
    server.write()
    log = server.state / "jupyter.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            server.command(),
            cwd=cwd,
            env=server.environment(**environment),
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C comes to us: we end it, once, in order
        )
    try:
        _wait_until_ready(server, process, log)
        announce()
        if browser:
            with suppress(webbrowser.Error):
                webbrowser.open(server.url)
        process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        _end(process)


def _wait_until_ready(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"http://{IP}:{server.port}/api", timeout=2):
            return
        time.sleep(0.2)
    raise GraderError(
        "JupyterLab",
        "did not start" if process.poll() is not None else f"did not answer within {_START_S:.0f} s",
        then=f"Its own words are in {log}.",
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
