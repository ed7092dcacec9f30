"""The student's room without a browser: folders, ports, settings, and what the landing page says."""

import hashlib
import json
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.checks.verdict import Verdict
from grader.cli.up import command
from grader.cohort.course import create_course, release_lab
from grader.cohort.journal import Journal, Record
from grader.cohort.roster import Student
from grader.errors import GraderError
from grader.room.jupyter import FIRST_PORT, Server, choose_port
from grader.room.landing import WORDS, landing_page
from grader.room.path import HANDED_IN, NEW, UNDER_WAY, Step, continue_with, path_of
from grader.room.workspace import TOURS, make_workspace, put_tour, state_folder, tour_path, workspace_folder
from twin_sandbox.data import data_folder


@pytest.fixture
def step(tiny_lab):
    """The tiny lab, not begun; changes make other steps of it."""

    def make(**changes) -> Step:
        first = Step(tiny_lab, f"{tiny_lab.id}/{tiny_lab.id}.ipynb", NEW, None, 4.0)
        return replace(first, **changes)

    return make


def page(steps, language="en", **changes) -> str:
    given = {"live": True, "base_url": "/", "workspace": "/home/ada/practicum"} | changes
    return landing_page(steps, given["workspace"], given["base_url"], language, live=given["live"])


def test_the_workspace_is_made_and_never_emptied(tmp_path):
    folder = tmp_path / "deep" / "practicum"
    assert make_workspace(folder) == folder
    (folder / "mine.txt").write_text("work")
    make_workspace(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_a_file_in_place_of_the_workspace_is_refused(tmp_path):
    (tmp_path / "practicum").write_text("")
    with pytest.raises(GraderError, match="is a file"):
        make_workspace(tmp_path / "practicum")


def test_a_folder_that_cannot_be_written_is_refused_with_what_to_do():
    with pytest.raises(GraderError, match="practicum up --workspace DIR"):
        make_workspace(Path("/proc/practicum"))


def test_folders_follow_the_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "work"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert workspace_folder() == tmp_path / "work"
    assert state_folder() == tmp_path / "state" / "practicum"


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_that_was_asked_for_is_refused_by_number(taken_port):
    with pytest.raises(GraderError, match=f"port {taken_port}.*practicum up --port {taken_port + 1}"):
        choose_port(taken_port)


def test_up_refuses_a_taken_port_before_it_starts_anything(taken_port, tmp_path):
    outcome = CliRunner().invoke(
        command, ["--no-browser", "--port", str(taken_port), "--workspace", str(tmp_path / "w")]
    )
    assert isinstance(outcome.exception, GraderError)
    assert not (tmp_path / "w").exists()


def test_without_a_wish_the_next_free_port_is_used(monkeypatch):
    monkeypatch.setattr("grader.room.jupyter.is_free", lambda port: port == FIRST_PORT + 2)
    assert choose_port(None) == FIRST_PORT + 2
    monkeypatch.setattr("grader.room.jupyter.is_free", lambda _: False)
    with pytest.raises(GraderError, match="all taken"):
        choose_port(None)


def test_a_folder_that_is_no_course_is_refused(tmp_path):
    outcome = CliRunner().invoke(command, ["--no-browser", "--instructor", str(tmp_path)])
    assert isinstance(outcome.exception, GraderError)
    assert "practicum cohort init" in outcome.exception.then


def test_jupyterlab_listens_to_this_machine_and_asks_no_other(tmp_path):
    server = Server(
        root=tmp_path, state=tmp_path / "state", port=8888, page="/practicum", extensions=("grader.room.landing",)
    )
    folder = server.write()
    told = json.loads((folder / "jupyter_server_config.json").read_text())
    assert (folder / "jupyter_server_config.json").stat().st_mode & 0o077 == 0
    assert told["ServerApp"]["ip"] == "127.0.0.1"
    assert told["LabApp"]["extension_manager"] == "readonly"
    assert told["LabApp"]["news_url"] is None
    loaded = told["ServerApp"]["jpserver_extensions"]
    assert loaded["grader.room.landing"]
    assert not any(on for name, on in loaded.items() if name.startswith(("nbgrader", "voila")))
    settings = tmp_path / "state" / "app" / "settings"
    assert json.loads((settings / "overrides.json").read_text())["@jupyterlab/apputils-extension:notification"] == {
        "checkForUpdates": False,
        "fetchNews": "false",
    }
    assert json.loads((settings / "page_config.json").read_text())["disabledExtensions"]["@jupyter/nbgrader:formgrader"]


def test_an_instructor_has_nbgraders_pages(tmp_path):
    server = Server(root=tmp_path, state=tmp_path / "state", port=8888, page="/formgrader", instructor=True)
    folder = server.write()
    told = json.loads((folder / "jupyter_server_config.json").read_text())
    loaded = told["ServerApp"]["jpserver_extensions"]
    assert (loaded["grader.gradebook.formgrader"], loaded["nbgrader.server_extensions.formgrader"]) == (True, False)
    off = json.loads((tmp_path / "state" / "app" / "settings" / "page_config.json").read_text())["disabledExtensions"]
    assert not any("nbgrader" in name for name in off)


def test_formulas_in_formgrader_ask_no_other_host(tmp_path):
    """nbconvert's own macro names a CDN; the page that formgrader makes must name this server's MathJax alone."""
    server = Server(root=tmp_path, state=tmp_path / "state", port=8888, page="/formgrader", instructor=True)
    told = json.loads((server.write() / "jupyter_server_config.json").read_text())
    assert told["ServerApp"]["jpserver_extensions"]["jupyter_server_mathjax"]
    code = (
        "from nbconvert.exporters import HTMLExporter; from nbgrader.server_extensions.formgrader import handlers;"
        "made = HTMLExporter(template_name='formgrade', extra_template_basedirs=[handlers.template_path]);"
        "print(made.environment.get_template('mathjax.html.j2').module.mathjax())"
    )
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=server.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert 'src="/static/jupyter_server_mathjax/MathJax.js' in shown
    assert "https:" not in shown


TOUR_TEXT = '# %% [markdown] id="hello"\n# Hello.\n\n# %% id="one"\n1 + 1\n'


def test_the_tour_lies_in_the_room_and_what_a_student_wrote_in_it_stays(tmp_path):
    source, other = tmp_path / "tour.py", tmp_path / "living.py"
    source.write_text(TOUR_TEXT)
    other.write_text(TOUR_TEXT)
    path = put_tour(tmp_path / "room", source)
    assert path == tmp_path / "room" / tour_path("tour")
    assert [cell["id"] for cell in json.loads(path.read_text())["cells"]] == ["hello", "one"]
    source.write_text(TOUR_TEXT.replace("1 + 1", "2 + 2"))
    assert "2 + 2" in put_tour(tmp_path / "room", source).read_text()  # a newer edition replaces an untouched one
    path.write_text(path.read_text().replace("2 + 2", "my own"))
    assert "my own" in put_tour(tmp_path / "room", source).read_text()
    assert "1 + 1" in put_tour(tmp_path / "room", other).read_text()
    other.write_text(TOUR_TEXT.replace("1 + 1", "3 + 3"))
    assert "3 + 3" in put_tour(tmp_path / "room", other).read_text()  # each tour is renewed or left for itself


def test_a_tour_with_a_graded_cell_is_refused(tmp_path):
    source = tmp_path / "tour.py"
    source.write_text('# %% check="sum" points=1\n')
    with pytest.raises(GraderError, match=r"check_sum.* is graded"):
        put_tour(tmp_path, source)


@pytest.mark.parametrize("tour", TOURS)
def test_the_landing_page_offers_each_tour_when_it_is_there(tmp_path, step, tour):
    (tmp_path / "tour").mkdir()
    (tmp_path / tour_path(tour)).write_text("{}")
    for language in WORDS:
        page = landing_page([step()], tmp_path, "/", language, live=False)
        for name in TOURS:
            assert (f'href="/lab/tree/{tour_path(name)}"' in page) == (name == tour)
            assert (WORDS[language][name] in page) == (name == tour)
            assert (WORDS[language][f"{name}_note"] in page) == (name == tour)


def test_every_tour_has_its_text():
    assert {path.stem for path in (data_folder("curriculum") / "tour").glob("*.py")} == set(TOURS)


def test_each_room_has_a_token_of_its_own(tmp_path):
    one, two = (Server(root=tmp_path, state=tmp_path, port=8888, page="/practicum") for _ in range(2))
    assert one.token != two.token
    assert one.url == f"http://127.0.0.1:8888/practicum?token={one.token}"


def test_what_is_under_way_comes_before_what_is_new(step):
    new, begun, done = step(), step(status=UNDER_WAY), step(status=HANDED_IN, score=1.0)
    assert continue_with([done, new, begun]) is begun
    assert continue_with([done, new]) is new
    better = step(status=HANDED_IN, score=3.0)
    assert continue_with([better, done]) is done
    assert continue_with([]) is None


def test_a_path_without_a_course_is_all_new(tmp_path, own_tiny_lab):
    (found,) = path_of(tmp_path, own_tiny_lab.folder.parent.parent, tmp_path / "no course", "me")
    assert found.status == NEW
    assert found.score is None


def test_the_page_says_what_to_open(step):
    text = page([step()])
    assert 'href="/lab/tree/tiny_lab/tiny_lab.ipynb"' in text
    assert "Start the lab" in text
    assert "Feedback appears here after you hand in." in text
    assert 'src="/practicum/district?lang=en"' in text


def test_the_page_shows_points_feedback_and_what_is_missing(step):
    handed_in = step(
        status=HANDED_IN, score=1.0, graded_at="2026-09-01T20:15:00+08:00", feedback="tiny_lab/feedback.html"
    )
    text = page([handed_in])
    assert "1 of 4 points" in text
    assert f"{datetime.fromisoformat(handed_in.graded_at).astimezone():%Y-%m-%d %H:%M}" in text
    assert 'href="/files/tiny_lab/feedback.html"' in text
    assert "points short of that" in text
    assert "would reach that" in page([step(status=HANDED_IN, score=4.0)])


def test_the_page_speaks_chinese_and_says_the_same_things(step):
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert WORDS["en"]["steps"].count("|") == WORDS["zh"]["steps"].count("|")
    text = page([step()], "zh")
    assert '<html lang="zh">' in text
    assert "开始实验" in text


def test_the_page_asks_nobody_and_escapes_names(step):
    text = page([step()], workspace="/home/<b>ada")
    assert "http" not in text
    assert "<b>ada" not in text


def test_an_empty_path_gives_a_reason():
    text = page([])
    assert "no lab here yet" in text
    assert "Start the lab" not in text


def test_behind_a_prefix_every_address_has_it(step):
    text = page([step()], base_url="/user/ada/")
    assert 'href="/user/ada/lab/tree/' in text
    assert 'href="/lab' not in text


def test_the_last_hand_in_gives_the_points(tmp_path, own_tiny_lab):
    lab = own_tiny_lab
    course = create_course(tmp_path / "practice", [Student("me", "Me")], course_id="p", practice=True)
    release_lab(course, lab)
    journal = Journal(course.journal(lab.id), course.journal_key)
    for name, notebook, score, hour in (("a" * 64, b"first", 1.0, 9), ("b" * 64, b"second", 2.0, 8)):
        verdict = Verdict("mean", score, 2.0, "partly", "")
        record = Record(
            student="me",
            lab=lab.id,
            submission=hashlib.sha256(notebook).hexdigest(),
            graded_at=f"2026-09-01T0{hour}:00:00+00:00",
            answers={},
            blank=(),
            verdicts={"mean": verdict},
        )
        journal.keep(name, record)

    def status() -> tuple[str, float | None]:
        (found,) = path_of(tmp_path / "work", lab.folder.parent.parent, course.root, "me")
        return found.status, found.score

    assert status() == (NEW, None)
    course.submitted("me", lab.id).parent.mkdir(parents=True)
    course.submitted("me", lab.id).write_bytes(b"second")
    assert status() == (HANDED_IN, 2.0)
    notebook = tmp_path / "work" / lab.id / f"{lab.id}.ipynb"
    notebook.parent.mkdir(parents=True)
    course.submitted("me", lab.id).unlink()
    notebook.write_bytes(course.release_notebook(lab.id).read_bytes())
    assert status() == (NEW, None)
    notebook.write_bytes(b"changed")
    assert status() == (UNDER_WAY, None)
