"""Grading an honest submission: values and calls cross, outputs are a notebook's, each task has its verdict."""

import pytest

from grader.errors import GraderError
from tests.grader.isolation_runs import LIMITS, RIGHT, a_ground, a_job, grade, kinds, scores, shown

ALL_TASKS = ("volume_m3", "level_m", "double", "step", "worker", "raises", "forges", "dies", "snoops")


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    cells = RIGHT | {
        "text": "print('a'); import sys; print('b', file=sys.stderr); print('c')\n'the value'",
        "picture": "from IPython.display import HTML, Image, display\ndisplay(HTML('<b>x</b>'))\n"
        "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n', format='png'))",
        "error": "1 / 0",
        "raw": "!echo from a command",
        "data": "print(open('data/levels.csv').read())",
    }
    job = a_job(tmp_path_factory.mktemp("honest"), cells, ALL_TASKS)
    return grade(job, LIMITS)


def test_right_answers_get_their_points(honest):
    found = scores(honest)
    assert [found[task] for task in ("volume_m3", "level_m", "double", "step", "worker")] == [2.0] * 5


def test_every_task_has_one_verdict_in_plain_floats(honest):
    assert set(honest.verdicts) == set(ALL_TASKS)
    assert all(type(verdict.score) is float for verdict in honest.verdicts.values())


@pytest.mark.parametrize("task", ["raises", "forges", "dies"])
def test_a_check_that_goes_wrong_costs_its_own_task_and_tells_the_instructor(honest, task):
    assert honest.verdicts[task].status == "could not be checked"
    assert honest.verdicts[task].score == 0.0
    assert [incident.kind for incident in honest.incidents if incident.where == task] == ["check failed"]
    assert "fault" not in honest.verdicts[task].message


def test_the_checker_sees_no_file_of_the_student(honest):
    assert honest.verdicts["snoops"].score == 2.0, honest.verdicts["snoops"].message


def test_text_is_kept_by_stream_and_the_last_value_shown(honest):
    assert honest.outputs["text"] == [
        {"output_type": "stream", "name": "stdout", "text": "a\n"},
        {"output_type": "stream", "name": "stderr", "text": "b\n"},
        {"output_type": "stream", "name": "stdout", "text": "c\n"},
        {
            "output_type": "execute_result",
            "data": {"text/plain": "'the value'"},
            "metadata": {},
            "execution_count": 5,
        },
    ]


def test_html_and_pictures_are_kept(honest):
    html, image = honest.outputs["picture"]
    assert html["data"]["text/html"] == "<b>x</b>"
    assert image["data"]["image/png"] == "iVBORw0KGgo="


def test_an_error_is_shown_as_a_notebook_shows_it(honest):
    (error,) = honest.outputs["error"]
    assert (error["output_type"], error["ename"], error["evalue"]) == (
        "error",
        "ZeroDivisionError",
        "division by zero",
    )
    assert error["traceback"]


def test_what_a_command_prints_and_the_bundle_are_there(honest):
    assert shown(honest, "raw") == "from a command\n"
    assert "0,1" in shown(honest, "data")


def test_the_processor_time_is_told_apart(honest):
    assert honest.cpu_s["student"] > 0.1
    assert honest.cpu_s["checker"] > 0.02
    assert 0.0 < honest.cpu_s["replay"] <= honest.cpu_s["checker"]


def test_an_answer_never_given_is_not_attempted(tmp_path):
    report = grade(a_job(tmp_path, {"level": "level_m = 3.0"}), LIMITS)
    assert {task: verdict.status for task, verdict in report.verdicts.items()} == {
        "volume_m3": "not attempted",
        "double": "not attempted",
    }
    assert kinds(report) == []


def test_a_missing_bundle_is_named(tmp_path):
    job = a_job(tmp_path, RIGHT)
    (job.bundle / "levels.csv").unlink()
    job.bundle.rmdir()
    with pytest.raises(GraderError, match=r"bundle .*: not found"):
        grade(job, LIMITS)


def test_an_answer_key_that_does_not_load_stops_the_run_with_its_reason(tmp_path):
    lab = tmp_path / "labs" / "broken"
    lab.mkdir(parents=True)
    (lab / "key.py").write_text("import no_such_library\n")
    job = a_job(tmp_path, RIGHT)
    with pytest.raises(GraderError, match=r"does not load .*no_such_library"):
        grade(job, LIMITS, a_ground(tmp_path, lab))
