"""The public apps' own server: Voila alone, closed on every side that a visitor does not need.

A visitor of a standalone Voila can move widgets and nothing else: requests to execute code are dropped. The same app
served inside a Jupyter server would run a visitor's code, so it never is.
"""

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler

from twin_sandbox.errors import TwinError
from twin_sandbox.views.web import handlers

SHARE = Path(__file__).parent / "share"
APPS = {"flood": "twin_sandbox.views.apps.flood:FloodApp"}

# Widgets arrive as scripts of our own server and of the page; maps import deck.gl from it or from a blob.
POLICY = "; ".join(  # noqa: FLY002 - one directive a line is read, one long string is not
    [
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: blob: data:",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    ]
)
IDLE_S = 180
"""A kernel whose page is closed goes after so many seconds. Below 120 pages that are only slow lose theirs."""


class _Page(TornadoVoilaHandler):  # type: ignore[misc] # voila is not typed
    """An app's page, as long as there is room."""

    async def get(self, path: str | None = None) -> None:
        """The page; or, kindly, that every place is taken."""
        if (
            len(self.kernel_manager.list_kernel_ids())
            >= self.settings["practicum_visitors"] + self.settings["practicum_warm"]
        ):
            self.set_status(503)
            self.set_header("Retry-After", "30")
            self.finish((SHARE / "voila/templates/practicum/full.html").read_text(encoding="utf-8"))
            return
        await super().get(path)


class AppServer(Voila):  # type: ignore[misc] # voila is not typed
    """Voila with the static file of our maps and a limit on visitors."""

    def init_handlers(self) -> list[Any]:
        """Voila's routes, ours before them."""
        theirs = [
            (route[0], _Page, *route[2:]) if len(route) > 1 and route[1] is TornadoVoilaHandler else route
            for route in super().init_handlers()
        ]
        return [*handlers(self.server_url), *theirs]


def write_notebook(app: str, folder: Path) -> Path:
    """The one-cell notebook that Voila serves for an app."""
    module, name = APPS[app].split(":")
    notebook = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call] # nbformat is typed in part
        cells=[nbformat.v4.new_code_cell(f"from {module} import {name}\n\n{name}().page", id="app")],  # type: ignore[no-untyped-call] # likewise
        metadata={
            "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
            "title": "Gulls' Quay",
        },
    )
    path = folder / f"{app}.ipynb"
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call] # likewise
    return path


def settings(port: int, ip: str, visitors: int, warm: int, *, browser: bool) -> Config:
    """Everything that the server is told."""
    config = Config()
    config.Voila.port, config.Voila.ip, config.Voila.port_retries = port, ip, 0
    config.Voila.open_browser = browser
    config.Voila.tornado_settings = {
        "disable_check_xsrf": True,  # else the page's last word ("I am closed") is refused and its kernel stays
        "headers": {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
        "practicum_visitors": visitors,
        "practicum_warm": warm,
    }
    voila = config.VoilaConfiguration
    voila.template, voila.theme = "practicum", "light"
    voila.allow_template_override = voila.allow_theme_override = "NO"
    voila.extension_allowlist = [
        "@jupyter-widgets/jupyterlab-manager",
        "@voila-dashboards/widgets-manager8",
        "anywidget",
    ]
    voila.file_allowlist, voila.file_denylist = [r"a^"], [r".*"]
    voila.show_tracebacks = False
    voila.preheat_kernel, voila.default_pool_size = warm > 0, max(warm, 1)
    config.MappingKernelManager.cull_idle_timeout = IDLE_S
    config.MappingKernelManager.cull_interval = 30
    return config


def require_free(ip: str, port: int, command: str) -> None:
    """Refuse a port on which somebody listens.

    Raises:
        TwinError: it is taken, or may not be opened.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as reason:
            raise TwinError(
                f"port {port}",
                f"cannot be opened on {ip} ({reason.strerror})",
                then=f"End the program that holds it, or choose another port: {command} --port {port + 1}",
            ) from None


def serve(port: int, ip: str = "127.0.0.1", visitors: int = 12, warm: int = 1, *, browser: bool = True) -> None:
    """Serve the flood app until Ctrl-C.

    Args:
        port: to listen on.
        ip: address to listen on; 0.0.0.0 opens the apps to the network.
        visitors: pages that may be open at once.
        warm: kernels that wait with the app ready.
        browser: open the page on this machine.

    Raises:
        TwinError: the port is taken.
    """
    require_free(ip, port, "practicum apps")
    paths = [str(SHARE), *filter(None, os.environ.get("JUPYTER_PATH", "").split(os.pathsep))]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(paths)
    with tempfile.TemporaryDirectory(prefix="practicum-apps-") as folder:
        app = AppServer(config=settings(port, ip, visitors, warm, browser=browser))
        app.config_file_paths = []  # a visitor's safety hangs on no file in anyone's home
        app.initialize([str(write_notebook("flood", Path(folder)))])
        app.start()


if __name__ == "__main__":
    serve(int(sys.argv[1]), browser=False)
