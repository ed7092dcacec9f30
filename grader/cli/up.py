"""``practicum up``: a student's room on the sample district, or an instructor's formgrader."""

import signal
from pathlib import Path

import click

from grader.errors import GraderError


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on. Default: the first free one from 8888 on."
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser; the address is printed.")
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    help="Folder for your work. Default: $PRACTICUM_HOME, else ~/practicum.",
)
@click.option(
    "--instructor", "course", type=click.Path(path_type=Path), help="Open formgrader on this course folder instead."
)
def command(port: int | None, no_browser: bool, workspace: Path | None, course: Path | None) -> None:  # noqa: FBT001 - click passes a flag so
    """Open a student's JupyterLab on the sample district."""
    # A service manager ends us with SIGTERM: what we started ends as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if course is not None:
        _instructor(course, port, browser=not no_browser)
    else:
        _student(workspace, port, browser=not no_browser)


def _student(workspace: Path | None, port: int | None, *, browser: bool) -> None:
    from grader.cohort.practice import STUDENT, start_service
    from grader.room.jupyter import FIRST_PORT, Server, choose_port
    from grader.room.open import run_room
    from grader.room.workspace import TOURS, make_workspace, put_tour, state_folder, workspace_folder
    from twin_sandbox.data import data_folder
    from twin_sandbox.engines.drainage.compiled import compile_kernels
    from twin_sandbox.world.twin import open_district

    chosen = choose_port(port)
    if port is None and chosen != FIRST_PORT:
        click.echo(f"Port {FIRST_PORT} is taken by another program: using {chosen}.")
    folder = make_workspace(workspace or workspace_folder())
    state = state_folder()
    labs = data_folder("labs")
    for tour in TOURS:
        put_tour(folder, data_folder("curriculum") / "tour" / f"{tour}.py")
    click.echo("Opening the sample district and the practice course (the first time takes a minute) …")
    district = open_district().district.folder
    compile_kernels()
    try:
        service = start_service(state, folder, labs, data_folder("datasets"), district)
    except KeyboardInterrupt:
        return
    try:
        server = Server(
            root=folder,
            state=state / "room",
            port=chosen,
            page="/practicum",
            extensions=("grader.room.landing", "twin_sandbox.views.web"),
            facts={
                "workspace": str(folder),
                "labs": str(labs),
                "practice": str(state / "practice"),
                "student": STUDENT,
                "live": True,
            },
        )

        def announce() -> None:
            click.echo(f"Your room is open: {server.url}")
            click.echo(f"Your work lies in {folder}. Ctrl-C closes the room; nothing is lost.")

        run_room(server, announce, browser=browser, cwd=folder, PRACTICUM_COURSE=str(service.socket))
    finally:
        service.close()
    click.echo("The room is closed.")


def _instructor(course: Path, port: int | None, *, browser: bool) -> None:
    from grader.room.jupyter import Server, choose_port
    from grader.room.open import run_room
    from grader.room.workspace import state_folder
    from twin_sandbox.data import data_folder

    root = course.expanduser().absolute()
    if not (root / "nbgrader_config.py").is_file():
        raise GraderError(
            str(root),
            "is no course folder",
            "A folder with course.toml and nbgrader_config.py.",
            "Make one: practicum cohort init",
        )
    server = Server(
        root=root,
        state=state_folder() / "instructor",
        port=choose_port(port),
        page="/formgrader",
        facts={"rubrics": str(data_folder("curriculum") / "rubrics")},
        instructor=True,
    )
    run_room(
        server, lambda: click.echo(f"Formgrader is open: {server.url} (Ctrl-C closes it)."), browser=browser, cwd=root
    )
