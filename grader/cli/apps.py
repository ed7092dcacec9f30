"""``practicum apps``: serve the public apps."""

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8866, show_default=True, help="Port to listen on.")
@click.option(
    "--ip", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 opens the apps to the network."
)
@click.option(
    "--visitors", type=click.IntRange(1, 200), default=12, show_default=True, help="Pages that may be open at once."
)
@click.option(
    "--warm", type=click.IntRange(0, 20), default=1, show_default=True, help="Kernels kept ready for the next visitor."
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser here.")
def command(port: int, ip: str, visitors: int, warm: int, no_browser: bool) -> None:  # noqa: FBT001 - click passes a flag so
    """Serve the public apps: a storm in the district, for anyone with a browser."""
    from twin_sandbox.views.apps.server import require_free, serve

    require_free(ip, port, "practicum apps")
    click.echo(f"The storm app is being made ready at http://{ip}:{port}/ (Ctrl-C ends it).")
    serve(port, ip, visitors, warm, browser=not no_browser)
