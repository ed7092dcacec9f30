"""What a course's journal and gradebook say of each student, as issuing needs it.

The journal's sealed records decide: a score changed by hand in the gradebook changes no certificate. The
gradebook alone knows whether a person has read the essay. Of several attempts the last or the mean counts, never the
best; lateness costs points in a course, not competence.
"""

from importlib.metadata import version

from grader import gradebook
from grader.certify.issuing import Student
from grader.certify.rules import WAITS, Submission, TaskScore
from grader.cohort.course import Course
from grader.cohort.custody import commitment
from grader.cohort.journal import Journal, grader_digest
from grader.cohort.policy import read_policy
from grader.cohort.standing import FOR_CERTIFICATE, Standing, standing
from grader.credentials.identity import Person
from grader.workshop.lab import Lab


def graded_work(course: Course) -> list[Student]:
    """Every student of the roster with the submissions that the gradebook shows.

    Raises:
        GraderError: the course is damaged.
    """
    work: dict[str, dict[str, Submission]] = {}
    for lab_id in course.released():
        lab = course.lab(lab_id)
        journal = Journal(course.journal(lab_id), course.journal_key)
        waiting = {line.student: line.waits for line in gradebook.lines(course.root, lab_id)}
        counts = FOR_CERTIFICATE[read_policy(course).counts]
        for student in journal.entered():
            records = journal.current(student)
            if records:
                work.setdefault(student, {})[lab_id] = _submission(
                    course, lab, standing(records, counts), waits=waiting.get(student, True)
                )
    return [
        Student(Person(one.id, one.name, one.email, sample=one.sample), work.get(one.id, {}))
        for one in course.students()
    ]


def _submission(course: Course, lab: Lab, found: Standing, *, waits: bool) -> Submission:
    record = found.record
    scores = {
        task: TaskScore(found.scores[task], verdict.max_score, verdict.status)
        for task, verdict in record.verdicts.items()
    }
    for task in lab.tasks:
        if task.kind == "manual":
            # Its points are not looked at: no certificate of this version rests on them.
            scores[task.id] = TaskScore(0.0, task.points, WAITS if waits else "read")
    return Submission(
        lab=lab.id,
        lab_title=lab.title,
        scores=scores,
        sha256=record.submission,
        commitment=commitment(course.bundle(record.student, lab.id)),
        grader=f"practicum {version('practicum')} (program {grader_digest()[:16]})",
        tier=record.tier,
        practice=record.practice or course.practice,
        incidents=tuple(incident.kind for incident in record.incidents),
    )
