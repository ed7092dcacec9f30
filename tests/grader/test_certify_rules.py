"""From scores to competencies: who meets the cut, who does not, and what they are told."""

import tomllib
from pathlib import Path

import pytest

from grader.certify.framework import load_framework
from grader.certify.rules import Submission, TaskScore, judge
from grader.errors import GraderError

CURRICULUM = Path(__file__).parents[2] / "curriculum"
LABS = Path(__file__).parents[2] / "labs"
FRAMEWORK = load_framework(CURRICULUM)
STORM = FRAMEWORK.competency("simulate-a-storm")
TASKS = STORM.evidence[0].tasks


def submission(score=None, **facts):
    """Every task is worth 2 points; ``score`` of them earned in each."""
    scores = {task: TaskScore(2.0 if score is None else score, 2.0, "correct") for task in TASKS}
    scores["night_report"] = TaskScore(0.0, 4.0, "waits for a person")
    fixed = {"lab": "storm_night", "lab_title": "Storm night", "sha256": "ab", "commitment": "cd", "grader": "g"}
    return Submission(**{**fixed, "scores": scores, "tier": "bubblewrap", **facts})


def storm_outcome(work):
    return next(one for one in judge(FRAMEWORK, {"storm_night": work}) if one.competency is STORM)


def test_full_marks_earn_it_while_the_essay_waits():
    outcome = storm_outcome(submission())
    assert outcome.earned
    assert outcome.share == 1
    assert outcome.waits == ("night_report",)
    assert "the essay waits for a person" in outcome.says
    assert "provisional" in outcome.says


def test_a_read_essay_no_longer_waits():
    work = submission()
    read = {**work.scores, "night_report": TaskScore(3.0, 4.0, "read")}
    outcome = storm_outcome(submission(scores=read))
    assert outcome.waits == ()
    assert outcome.max_score == 16  # the essay's points are not among them


@pytest.mark.parametrize(("score", "earned"), [(1.4, True), (1.4 - 1e-12, True), (1.39, False), (0.0, False)])
def test_the_cut_is_met_or_it_is_not(score, earned):
    """Eight tasks of 2 points: the cut of 0.7 lies at 11.2 of 16, 1.4 a task; sums of floats do not miss it."""
    assert storm_outcome(submission(score)).earned is earned


def test_whoever_misses_the_cut_hears_by_how_much():
    says = storm_outcome(submission(1.0)).says
    assert "8 of 16 autograded points" in says
    assert "3.2 more needed" in says


@pytest.mark.parametrize("kind", ["attack", "escape attempt", "isolation off", "Tampered pipe", "unsafe"])
def test_an_attack_is_not_certified(kind):
    outcome = storm_outcome(submission(incidents=("output cut", kind)))
    assert not outcome.earned
    assert kind in outcome.says


@pytest.mark.parametrize("kind", ["cell timed out", "memory", "output cut", "check failed", "leftover process"])
def test_clumsy_work_is(kind):
    assert storm_outcome(submission(incidents=(kind,))).earned


def test_work_graded_without_walls_is_not_certified():
    assert "isolation 'unsafe'" in storm_outcome(submission(tier="unsafe")).says
    assert not storm_outcome(submission(tier="")).earned


def test_practice_is_not_certified():
    outcome = storm_outcome(submission(practice=True))
    assert not outcome.earned
    assert "practice" in outcome.says


def test_conduct_is_said():
    assert "unsupervised" in submission().conduct
    assert submission(supervised=True).conduct == "supervised"


def test_a_task_that_was_not_graded_blocks():
    work = submission()
    partial = {task: score for task, score in work.scores.items() if task != TASKS[0]}
    outcome = storm_outcome(submission(scores=partial))
    assert not outcome.earned
    assert TASKS[0] in outcome.says


def test_a_task_that_could_not_be_checked_is_named():
    work = submission(1.0)
    scores = {**work.scores, TASKS[0]: TaskScore(0.0, 2.0, "could not be checked")}
    assert f"1 could not be checked ({TASKS[0]})" in storm_outcome(submission(scores=scores)).says


def test_competencies_without_a_certificate_say_why():
    for outcome in judge(FRAMEWORK, {"storm_night": submission()}):
        if outcome.competency is not STORM:
            assert not outcome.earned
            assert outcome.says.startswith(outcome.competency.because)


def test_nobody_is_judged_on_a_lab_they_did_not_hand_in():
    assert judge(FRAMEWORK, {}) == []
    assert judge(FRAMEWORK, {"another_lab": submission()}) == []


def test_labs_and_framework_say_the_same():
    """Each lab's tasks name competencies that name them back; cut scores agree."""
    named = {
        (competency.id, part.lab, task)
        for competency in FRAMEWORK.competencies
        for part in competency.evidence
        for task in (*part.tasks, *part.waits)
    }
    known = {competency.id for competency in FRAMEWORK.competencies}
    for path in LABS.glob("*/*/lab.toml"):
        lab = tomllib.loads(path.read_text(encoding="utf-8"))
        for task in lab["task"]:
            for competency in task["competency"]:
                assert competency in known, f"{path}: {competency}"
                assert (competency, lab["id"], task["id"]) in named, f"framework: {competency} lacks {task['id']}"
        tasks = {task["id"]: task["kind"] for task in lab["task"]}
        for competency in FRAMEWORK.competencies:
            for part in competency.evidence:
                if part.lab == lab["id"]:
                    assert {tasks[task] for task in part.tasks} <= {"auto"}
                    assert {tasks[task] for task in part.waits} <= {"manual"}
                    assert competency.cut == lab["cut"]
                    if competency.certificate != "none":
                        assert set(part.tasks) == {task for task, kind in tasks.items() if kind == "auto"}


def test_each_essay_has_its_rubric():
    for path in LABS.glob("*/*/lab.toml"):
        for task in tomllib.loads(path.read_text(encoding="utf-8"))["task"]:
            if task["kind"] == "manual":
                rubric = tomllib.loads((CURRICULUM / "rubrics" / f"{task['rubric']}.toml").read_text(encoding="utf-8"))
                assert rubric["points"] == task["points"]
                assert sum(max(one["level"] for one in part["level"]) for part in rubric["criterion"]) == task["points"]
                for part in rubric["criterion"]:
                    levels = [one["level"] for one in part["level"]]
                    assert levels == sorted(set(levels), reverse=True)
                    assert levels[-1] == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("cut = 0.7", "cut = 7", "More than 0, at most 1"),
        ('domain = "simulation"', 'domain = "sorcery"', "sorcery"),
        ('level = "practitioner"', 'level = "wizard"', "wizard"),
        ('certificate = "sample"', 'certificate = "gold"', "gold"),
        ('code = "SEN.P.1"', 'code = "SIM.P.1"', "a code stands twice"),
        ('title = "Digital', 'titel = "Digital', "title is missing"),
        ("[[competency]]", "[[competency", "cannot be read"),
    ],
)
def test_an_absurd_framework_is_refused(tmp_path, old, new, reason):
    text = (CURRICULUM / "framework.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "framework.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(GraderError, match=reason):
        load_framework(tmp_path)


def test_a_missing_framework_and_an_unknown_competency(tmp_path):
    with pytest.raises(GraderError, match="cannot be read"):
        load_framework(tmp_path)
    with pytest.raises(GraderError, match="no competency 'flying'"):
        FRAMEWORK.competency("flying")
