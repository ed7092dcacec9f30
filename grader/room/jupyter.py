"""JupyterLab for a room: bound to this machine, asking no other, with our pages beside it."""

import json
import os
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.errors import GraderError

IP = "127.0.0.1"
FIRST_PORT = 8888
_SETTINGS = Path(__file__).parent / "lab_settings"
_DATA = Path(__file__).parent / "jupyter_data"
"""Holds the one template that nbconvert finds before its own: formulas in formgrader ask no other host."""

FORMGRADER = "grader.gradebook.formgrader"
"""nbgrader's formgrader with our guard in front; nbgrader's own is off."""

_STUDENT_OFF = ("formgrader", "assignment_list", "course_list", "validate_assignment")


@dataclass(frozen=True)
class Server:
    """How one JupyterLab is started.

    Args:
        root: folder that it shows.
        state: folder for its settings and configuration.
        port: to listen on.
        page: where it opens, below the base URL, e.g. ``"/practicum"``.
        extensions: our server extensions, by module.
        facts: handed to the extensions as the setting ``practicum_room``.
        instructor: nbgrader's pages are there.
        token: what the browser must know; made up here.
    """

    root: Path
    state: Path
    port: int
    page: str
    extensions: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    instructor: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(24))

    @property
    def url(self) -> str:
        """What to open in a browser."""
        return f"http://{IP}:{self.port}{self.page}?token={self.token}"

    def configuration(self) -> dict[str, Any]:
        """Jupyter's settings."""
        extensions = dict.fromkeys(self.extensions, True) | {"voila.server_extension": False}
        if not self.instructor:
            extensions |= dict.fromkeys((f"nbgrader.server_extensions.{name}" for name in _STUDENT_OFF), False)
        if self.instructor:
            extensions |= {
                "jupyter_server_mathjax": True,
                FORMGRADER: True,
                "nbgrader.server_extensions.formgrader": False,
            }
        return {
            "ServerApp": {
                "ip": IP,
                "port": self.port,
                "port_retries": 0,
                "root_dir": str(self.root),
                "open_browser": False,
                "allow_root": True,  # in a container the only user is often root
                "jpserver_extensions": extensions,
                "tornado_settings": {"practicum_room": self.facts},
            },
            "IdentityProvider": {"token": self.token},
            "LabApp": {
                "default_url": self.page,
                "app_settings_dir": str(self.state / "app" / "settings"),
                "extension_manager": "readonly",  # the other one asks a package index
                "news_url": None,
                "collaborative": False,
            },
        }

    def write(self) -> Path:
        """Write settings and configuration; gives the configuration's folder.

        Raises:
            GraderError: the state folder cannot be written.
        """
        folder, settings = self.state / "jupyter", self.state / "app" / "settings"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            settings.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            for source in _SETTINGS.iterdir():
                if not (self.instructor and source.name == "page_config.json"):
                    shutil.copyfile(source, settings / source.name)
            if self.instructor:
                off = {
                    "@jupyterlab/apputils-extension:announcements": True,
                    "@jupyterlab/extensionmanager-extension": True,
                }
                (settings / "page_config.json").write_text(json.dumps({"disabledExtensions": off}), encoding="utf-8")
            file = folder / "jupyter_server_config.json"
            file.touch(0o600)
            file.write_text(json.dumps(self.configuration(), indent=1), encoding="utf-8")
        except OSError as reason:
            raise GraderError(
                str(self.state),
                f"cannot be written ({reason.strerror})",
                then="Point XDG_STATE_HOME at a folder that can.",
            ) from None
        return folder

    def command(self) -> list[str]:
        """What is started."""
        return [sys.executable, "-m", "jupyterlab"]

    def environment(self, **more: str) -> dict[str, str]:
        """Its environment: settings of its own, not those of other JupyterLabs of the same user."""
        return os.environ | {
            "JUPYTER_CONFIG_DIR": str(self.state / "jupyter"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.state / "lab" / "user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.state / "lab" / "workspaces"),
            "JUPYTER_PATH": os.pathsep.join(filter(None, [str(_DATA), os.environ.get("JUPYTER_PATH")])),
            **more,
        }


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((IP, port))
        except OSError:
            return False
    return True


def choose_port(asked: int | None) -> int:
    """The port that was asked for, or the first free one from 8888 on.

    Raises:
        GraderError: the port asked for is taken; or all that are tried are.
    """
    if asked is not None:
        if not is_free(asked):
            raise GraderError(
                f"port {asked}",
                "is taken by another program",
                then=f"End that program, or choose another port: practicum up --port {asked + 1}",
            )
        return asked
    for port in range(FIRST_PORT, FIRST_PORT + 50):
        if is_free(port):
            return port
    raise GraderError(
        f"ports {FIRST_PORT} to {FIRST_PORT + 49}", "are all taken", then="Name a free one: practicum up --port PORT"
    )
