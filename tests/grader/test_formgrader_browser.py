"""The formgrader in Chromium: nothing that a student made runs or asks anybody; rubric, pictures and tables show."""

import base64
import io
import json
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grader import gradebook
from grader.checks.verdict import Verdict
from grader.cohort import durable
from grader.cohort.course import Course, create_course, release_lab
from grader.cohort.feedback import PersonMark, feedback_page
from grader.cohort.journal import Record
from grader.cohort.marked import marked_notebook, notebook_bytes
from grader.cohort.roster import Student
from grader.cohort.submission import Finding, read_lesson
from grader.room.jupyter import Server
from tests.grader.formgrader_served import CHROMIUM, served
from tests.grader.full_course import build_course, score
from tests.grader.payloads import HTML, MARKDOWN, OUTSIDE, outputs
from tests.grader.test_cohort_safe import map_output

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not on this machine (.ci/system-packages)"),
]
LAB = "tiny_lab"
WATCH = """
window.hits = [];
window.hit = name => { window.hits.push(String(name)); document.documentElement.dataset.hit = String(name); };
"""
RUBRIC = 'id = "plain_words"\ntitle = "Plain words"\npoints = 4\n[[criterion]]\ntitle = "Says what <b>it</b> means"\n'
RUBRIC += '[[criterion.level]]\nlevel = 4.0\nsays = "In a sentence."\n'


def png() -> str:
    file = io.BytesIO()
    Image.new("RGB", (40, 20), "teal").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


LEGITIMATE = [
    {"output_type": "display_data", "data": {"image/png": png(), "text/plain": "a chart"}, "metadata": {}},
    {"output_type": "display_data", "data": {"text/html": "<table><tr><td>12.5 mm</td></tr></table>"}, "metadata": {}},
    {"output_type": "display_data", "data": {"text/html": map_output()}, "metadata": {}},
]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Any) -> Course:
    """A course in which Eve has put every payload everywhere she can, and Ada has worked."""
    root = tmp_path_factory.mktemp("formgrader")
    eve = Student("eve", "<script>hit('name')</script> \"><img src=x onerror=hit('name')>")
    course = create_course(root / "quay", [Student("ada", "Ada Ash"), eve])
    release_lab(course, tiny_lab)
    lesson = read_lesson(course.release_notebook(LAB), LAB)
    code = next(cell["id"] for cell in lesson.notebook["cells"] if cell["cell_type"] == "code")
    answer = next(cell["id"] for cell in lesson.notebook["cells"] if "total_mm = ..." in str(cell["source"]))
    for student, hostile in ((course.student("ada"), False), (eve, True)):
        words = "\n\n".join(MARKDOWN.values()) if hostile else "It rained. $x^2$"
        source = "\n".join(f"# {text}" for text in MARKDOWN.values()) if hostile else "total_mm = 12.5"
        made = outputs() if hostile else LEGITIMATE
        told = HTML["script"] if hostile else "Right."
        record = Record(
            student=student.id,
            lab=LAB,
            submission="0" * 64,
            graded_at="2026-03-02T08:00:00+00:00",
            answers={"total": source, "doubled": source, "note": words},
            blank=(),
            verdicts={
                "total": Verdict("total", 2.0, 2.0, "correct", told),
                "doubled": Verdict("doubled", 1.5, 3.0, "partly", told),
            },
            findings=(Finding("renamed", "", f"It is named {HTML['image error']!r}"),) if hostile else (),
            outputs={code: made, answer: made},
        )
        folder = course.submitted(student.id, LAB).parent
        folder.mkdir(parents=True)
        course.submitted(student.id, LAB).write_text("{}")
        durable.write(course.autograded(student.id, LAB), notebook_bytes(marked_notebook(lesson, record)))
        marks = {"note": PersonMark(3.0, HTML["script"])}
        page = feedback_page(course.lab(LAB), lesson, record, student.name, marks)
        durable.write(course.feedback(student.id, LAB), page.encode())
        scores = {"check_total": 2.0, "check_doubled": 1.5}
        comments = {"total": HTML["script"]} if hostile else {}
        grades = gradebook.Grades(student.id, scores, frozenset({"note"}), comments=comments)
        gradebook.enter_grades(course.root, LAB, [grades])
    (root / "rubrics").mkdir()
    (root / "rubrics" / "plain_words.toml").write_text(RUBRIC)
    return course


@pytest.fixture(scope="module")
def server(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(course.root, tmp_path_factory.mktemp("state")) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page whose alarms are counted: scripts that ran, dialogs, requests that are not the page's own."""

    def __init__(self, browser: Any, *, bypass_csp: bool = False) -> None:
        self.context = browser.new_context(bypass_csp=bypass_csp, viewport={"width": 1280, "height": 900})
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.dialogs: list[str] = []
        self.page.add_init_script(WATCH)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", self._dismiss)
        self.outside: list[str] = []  # what the browser would really have sent; a policy's refusals never come here
        self.page.route(f"{OUTSIDE}/**", self._refuse)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _refuse(self, route: Any) -> None:
        self.outside.append(route.request.url)
        route.abort()

    def open(self, address: str) -> Any:
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle")
        # what waits for a person's hand
        self.page.evaluate("""() => document.querySelectorAll("#notebook *, main *").forEach(one => {
            one.dispatchEvent(new MouseEvent("mouseover")); one.dispatchEvent(new Event("toggle"));
            if (one.href && /^(javascript|data|vbscript)/i.test(one.protocol)) window.hit(one.href);
        })""")
        self.page.wait_for_timeout(200)
        return self.page

    def alarms(self, base: str) -> list[str]:
        own = ("/static/", "/formgrader/static/", "/formgrader/practicum/", "/formgrader/submissions/")
        api = [
            f"/formgrader/api/{name}" for name in ("grades?", "comments?", "submi", "student", "assign", "notebooks")
        ]
        known = tuple(base + path for path in (*own, *api, "/formgrader/m", "/formgrader/g", "/formgrader?", "/login"))
        strange = [url for url in self.asked if not url.startswith((*known, "data:", "about:blank", "file:"))]
        strange += [url for url in self.asked if "own-" in url or url.endswith(("/x", "/1"))]
        return [*self.page.evaluate("window.hits"), *self.dialogs, *strange]


def address(server: Server, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def submission(page: Any, server: Server, student: str) -> str:
    """The address of a student's page."""
    page.goto(server.url)
    page.goto(address(server, f"/formgrader/gradebook/{LAB}/{LAB}"))
    page.wait_for_function("models && models.loaded")
    found = page.evaluate("models.map(one => [one.get('student'), one.get('id')])")
    return address(server, f"/formgrader/submissions/{dict(found)[student]}/?index=0")


@pytest.mark.parametrize("bypass_csp", [True, False], ids=["cleaned alone", "with the page's policy"])
def test_nothing_of_a_student_runs_in_the_formgrader(server: Server, browser: Any, *, bypass_csp: bool):
    watched = Watched(browser, bypass_csp=bypass_csp)
    page = watched.open(submission(watched.page, server, "eve"))
    assert page.locator(".nbgrader_cell").count() >= 3
    odd = "#notebook-container :is(script:not([type^='math/tex']), iframe, svg, object, embed, form, link, meta, base)"
    assert (
        page.evaluate("odd => [...document.querySelectorAll(odd)].map(one => one.outerHTML.slice(0, 200))", odd) == []
    )
    for path in ("manage_students", f"manage_submissions/{LAB}", f"gradebook/{LAB}/{LAB}", "manage_students/eve"):
        watched.open(address(server, f"/formgrader/{path}"))
    assert watched.alarms(address(server, "")) == []
    watched.context.close()


def test_the_policy_alone_stops_a_notebook_that_nobody_cleaned(
    course: Course, browser: Any, tmp_path_factory: pytest.TempPathFactory
):
    """A stock course may bring raw notebooks: even then nothing runs and nothing is asked outside.

    The same page without its policy is the proof that these payloads do run where nothing stops them.
    """
    root = tmp_path_factory.mktemp("raw") / "quay"
    shutil.copytree(course.root, root)
    path = root / "autograded" / "eve" / LAB / f"{LAB}.ipynb"
    raw = json.loads(path.read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = outputs(leaving=False)
    path.write_text(json.dumps(raw), encoding="utf-8")
    hits = {}
    with served(root, tmp_path_factory.mktemp("state")) as server:
        for bypass_csp in (True, False):
            watched = Watched(browser, bypass_csp=bypass_csp)
            address_of_eve = submission(watched.page, server, "eve")
            watched.page.goto(address_of_eve, wait_until="domcontentloaded")
            watched.page.wait_for_timeout(1500)
            hits[bypass_csp] = [*watched.page.evaluate("window.hits"), *watched.dialogs, *watched.outside]
            watched.context.close()
    assert len(hits[True]) > 10
    assert hits[False] == []


def test_what_students_rightly_show_is_there_and_the_rubric_beside_it(server: Server, browser: Any):
    watched = Watched(browser)
    page = watched.open(submission(watched.page, server, "ada"))
    shown = page.evaluate("[...document.querySelectorAll('#notebook img')].map(one => one.src.slice(0, 15))")
    assert shown.count("data:image/png;") == 2
    assert shown.count("data:image/webp") == 4
    assert page.evaluate("document.querySelector('#notebook img').naturalWidth") == 40
    assert page.locator("#notebook td", has_text="12.5 mm").count() == 2
    rubric = page.locator(".practicum-rubric")
    assert "Plain words (4 points)" in rubric.inner_text()
    assert "Says what <b>it</b> means" in rubric.inner_text()
    assert "Partly correct" in page.locator("#notebook").first.inner_text()
    page.wait_for_function("typeof MathJax !== 'undefined' && MathJax.Hub.queue.pending === 0")
    assert page.locator("#notebook .MathJax").count() > 0
    assert watched.alarms(address(server, "")) == []
    watched.context.close()


def test_the_rubric_is_in_no_release_and_no_feedback(course: Course):
    files = [path for folder in ("release", "feedback", "autograded") for path in (course.root / folder).rglob("*.*")]
    assert files
    assert [path for path in files if path.is_file() and b"Plain words" in path.read_bytes()] == []


def test_points_that_are_none_are_refused_where_a_person_types_them(server: Server, browser: Any, course: Course):
    watched = Watched(browser)
    page = watched.open(submission(watched.page, server, "ada"))
    typed = """value => { const one = formgrader.grades.find(one => one.get('name') === 'note');
        return new Promise(done => one.save({manual_score: value, extra_credit: null},
            {success: () => done('kept'), error: (_, answer) => done(answer.status + ' ' + answer.responseText)})) }"""
    page.wait_for_function("formgrader.grades && formgrader.grades.loaded")
    for value in ("-1", "4.5", "1e999", "NaN", "x", True, [1]):
        assert page.evaluate(typed, value).startswith("400 "), value
    assert "points are a number from 0 to 4" in page.locator("#practicum-refusal").inner_text()
    assert page.evaluate(typed, "3.5") == "kept"
    line = next(line for line in gradebook.lines(course.root, LAB) if line.student == "ada")
    assert (line.by_person, line.score) == ({"note": 3.5}, 7.0)
    watched.context.close()


def test_an_address_cannot_carry_code_into_a_page(server: Server, browser: Any):
    watched = Watched(browser)
    watched.page.goto(server.url)
    for code in ('";hit(1)//', "<script>hit(2)</script>", "x\\", "a'b", "a&b"):
        for path in ("manage_submissions/{0}", "gradebook/{0}", "gradebook/{0}/{0}", "manage_students/{0}"):
            answer = watched.page.goto(address(server, "/formgrader/" + path.format(urllib.parse.quote(code, safe=""))))
            assert answer.status == 404, (code, path)
            assert watched.page.evaluate("window.hits") == []
    watched.page.goto(address(server, f"/formgrader?path={course_elsewhere()}"))
    assert watched.page.url.endswith("/formgrader/manage_assignments")
    watched.context.close()


def course_elsewhere() -> str:
    return "/tmp"  # noqa: S108 - an address, nothing is written there


def test_nothing_of_a_student_runs_in_feedback(course: Course, browser: Any):
    for student in ("eve", "ada"):
        watched = Watched(browser, bypass_csp=True)
        page = watched.open(course.feedback(student, LAB).as_uri())
        assert page.locator("main").count() == 1
        assert watched.alarms("nothing:") == []
        watched.context.close()


def test_nbgraders_own_feedback_is_as_harmless_and_asks_nobody(
    course: Course, browser: Any, tmp_path_factory: pytest.TempPathFactory
):
    root = tmp_path_factory.mktemp("feedback") / "quay"
    shutil.copytree(course.root, root)
    shutil.rmtree(root / "feedback")
    call = "import sys; from nbgrader.apps.nbgraderapp import main; sys.argv = sys.argv[:1] + sys.argv[2:]; main()"
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", call, "", "generate_feedback", LAB],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    for student in ("eve", "ada"):
        watched = Watched(browser, bypass_csp=True)
        page = watched.open((root / "feedback" / student / LAB / f"{LAB}.html").as_uri())
        assert "Plain words" not in page.content()
        assert watched.alarms("nothing:") == []
        watched.context.close()


def test_every_page_shows_every_row_of_a_full_course(tmp_path: Path, browser: Any):
    students, labs = 120, 3
    root = build_course(tmp_path / "full", students, labs)
    with served(root, tmp_path / "state") as server:
        watched = Watched(browser)
        watched.page.goto(server.url)
        rows = {
            "manage_assignments": labs,
            "manage_submissions/lab_01": students,
            "gradebook/lab_01/lab_01": students,
            "manage_students": students,
            "manage_students/sample-0007": labs,
        }
        for path, expected in rows.items():
            page = watched.page
            page.goto(address(server, f"/formgrader/{path}"))
            page.wait_for_function("models && models.loaded")
            assert page.locator("#main-table tr:visible").count() == expected, path
        page.goto(address(server, "/formgrader/manage_submissions/lab_01"))
        page.wait_for_function("models && models.loaded")
        assert (
            page.locator("#main-table tr", has_text="sample-0007").inner_text().split("\t")[4]
            == f"{score(7, 1):g} / 20"
        )
        assert watched.alarms(address(server, "")) == []
        watched.context.close()
