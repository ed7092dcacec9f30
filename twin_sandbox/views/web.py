"""What our servers serve for maps: deck.gl at ``practicum/static/deck.js``.

As a Jupyter server extension also the live district, at ``practicum/district``.
"""

from typing import Any

from tornado import web

from twin_sandbox.views.deck_library import library_version, map_script, packed_library


class _Script(web.RequestHandler):
    """A script that never changes while the server runs."""

    def initialize(self, *, packed: bool) -> None:
        self.packed = packed

    def check_etag_header(self) -> bool:
        """A browser that has this version needs no other."""
        return bool(self.request.headers.get("If-None-Match") == f'"{library_version()}"')

    def get(self) -> None:
        """The script, compressed as it is kept."""
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        if not self.packed:
            self.set_header("Cache-Control", "no-cache")
            self.finish(map_script())
            return
        self.set_header("Cache-Control", "no-cache")
        self.set_header("ETag", f'"{library_version()}"')
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
            return
        self.set_header("Content-Encoding", "gzip")
        self.finish(packed_library())

    def head(self) -> None:
        """Whether it is here."""
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.finish()


def handlers(base_url: str) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """Routes under a server's base URL."""
    base = base_url.rstrip("/") + "/practicum/static"
    return [(f"{base}/deck\\.js", _Script, {"packed": True}), (f"{base}/map\\.js", _Script, {"packed": False})]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "twin_sandbox.views.web"}]


def _load_jupyter_server_extension(server: Any) -> None:  # noqa: ANN401 - jupyter_server is not typed
    from twin_sandbox.views.live import LivePage

    base = server.web_app.settings["base_url"]
    server.web_app.add_handlers(".*$", [*handlers(base), (base.rstrip("/") + "/practicum/district", LivePage)])
