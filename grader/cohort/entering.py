"""Results from the journal into nbgrader's gradebook, in batches, beside the grading.

Importing nbgrader takes seconds, so a process of its own does it: ``python -m grader.cohort.entering COURSE LAB`` reads
names of students, one a line, and enters whoever's lines have come in since it last looked. What it cannot enter is not
lost: the journal has it, and the next run enters it.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from grader import gradebook
from grader.cohort import deadline
from grader.cohort.attempts import Attempts
from grader.cohort.course import Course, open_course
from grader.cohort.desk import Desk
from grader.cohort.feedback import PersonMark
from grader.cohort.marked import check_id
from grader.cohort.policy import Policy, read_policy
from grader.cohort.standing import Counts, Standing, standing
from grader.cohort.submission import read_lesson
from grader.errors import GraderError
from grader.workshop.lab import Lab


class Ledger:
    """What counts for each student of one lab, from the journal and the course's rules.

    Args:
        desk: the lab's.
        policy: the course's rules.
    """

    def __init__(self, desk: Desk, policy: Policy) -> None:
        self._desk, self._policy = desk, policy
        self._deadlines = deadline.deadlines(desk.course, desk.lab.id, policy)
        self._attempts = Attempts(desk.course, desk.lesson, policy)

    def standing(self, student: str, counts: Counts | None = None) -> Standing | None:
        """What counts of a student's graded attempts; None if none is graded.

        Args:
            student: whose.
            counts: another rule than the course's.
        """
        records = self._desk.journal.current(student)
        if not records:
            return None
        due, rule = self._deadlines.of(student), self._policy.late
        most = self._desk.lab.max_score
        late = {
            attempt.number: rule.lateness(attempt.submitted_at, due, most) if rule else None
            for attempt in self._attempts.of(student)
        }
        return standing(records, counts or self._policy.counts, self._policy.most, late)

    def enter(self, students: Sequence[str]) -> None:
        """Bring the gradebook and the pages of these students up to date.

        Raises:
            GraderError: the gradebook or a page cannot be written.
        """
        course, lab = self._desk.course, self._desk.lab
        deadline.note(course, lab.id, *gradebook.deadlines(course.root, lab.id))
        self._deadlines = deadline.deadlines(course, lab.id, self._policy)
        found = {name: one for name in students if (one := self.standing(name)) is not None}
        marks = person_marks(course, lab)
        gradebook.enter_grades(course.root, lab.id, [self._grades(one, marks) for one in found.values()])
        if lab.id in self._policy.due or self._policy.extension_h:
            given = {name: self._policy.extension(name, lab.id) for name in found}
            gradebook.enter_deadlines(course.root, lab.id, self._policy.due.get(lab.id), given)
        self._desk.journal.note_entered({name: one.name for name, one in found.items()})
        for name, one in found.items():
            self._desk.show(course.student(name), one, marks.get(name))

    def _grades(self, one: Standing, marks: Mapping[str, Mapping[str, PersonMark]]) -> gradebook.Grades:
        lab, record = self._desk.lab, one.record
        manual = {task.id for task in lab.tasks if task.kind == "manual"}
        scores = {check_id(task): score for task, score in one.scores.items()}
        scores |= {task: 0.0 for task in manual if task in record.blank}
        person = sum(mark.score for mark in marks.get(record.student, {}).values())
        handed_in = {attempt.number: attempt.submitted_at for attempt in self._attempts.of(record.student)}
        return gradebook.Grades(
            student=record.student,
            scores=scores,
            waiting=frozenset(task for task in manual if task not in record.blank),
            fresh=self._is_new(one),
            comments=dict.fromkeys(record.blank, "No response."),
            submitted_at=handed_in.get(record.attempt),
            late_penalty_points=one.taken(person),
        )

    def _is_new(self, one: Standing) -> bool:
        """Whether the gradebook shows another file's result, so that a person should read the text again."""
        journal, student = self._desk.journal, one.record.student
        before = journal.find(student, journal.entered().get(student, ""))
        return before is None or before.submission != one.record.submission


def person_marks(course: Course, lab: Lab) -> dict[str, dict[str, PersonMark]]:
    """What persons have given, by student and task.

    Raises:
        GraderError: the gradebook cannot be read.
    """
    manual = {task.id for task in lab.tasks if task.kind == "manual"}
    found = {}
    for line in gradebook.lines(course.root, lab.id):
        marks = {
            cell: PersonMark(score, line.comments.get(cell, ""))
            for cell, score in line.by_person.items()
            if cell in manual
        }
        if marks:
            found[line.student] = marks
    return found


class Clerk:
    """Enters students as they are named; the process for it is started with the first.

    Args:
        desk: the lab's.
        lock: the run's lock, which the process holds too, so that whoever comes next waits for its end.
    """

    def __init__(self, desk: Desk, lock: int | None = None) -> None:
        self._desk, self._lock = desk, lock
        self._process: subprocess.Popen[bytes] | None = None
        self._named: list[str] = []
        # where nbgrader is loaded already, another process would only load it once more
        self._aside = "nbgrader" not in sys.modules

    def add(self, student: str) -> None:
        """Have a student's result entered."""
        self._named.append(student)
        if not self._aside:
            return
        if self._process is None or self._process.poll() is not None:
            self._collect()
            self._start()
        else:
            self._send([student])

    def finish(self) -> None:
        """Wait until everyone is entered.

        Raises:
            GraderError: the gradebook cannot be written.
        """
        students, self._named = list(dict.fromkeys(self._named)), []
        if self._process is not None:
            answer = self._collect()
            if answer.get("refused"):
                raise GraderError(*answer["refused"])
            if answer.get("ok"):
                return
        if students:  # no process, or it was killed: entering twice changes nothing
            Ledger(self._desk, read_policy(self._desk.course)).enter(students)

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._desk.course.root), self._desk.lab.id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=() if self._lock is None else (self._lock,),
            start_new_session=True,  # Ctrl-C is for the run; this process ends when its standard input does
        )
        self._send(dict.fromkeys(self._named))  # all, in case one before it was stopped by a database that was away

    def _send(self, students: Iterable[str]) -> None:
        assert self._process is not None  # noqa: S101 - started above
        assert self._process.stdin is not None  # noqa: S101 - made with pipes above
        with suppress(BrokenPipeError):  # it has ended: the next call sees that
            self._process.stdin.write("".join(f"{student}\n" for student in students).encode())
            self._process.stdin.flush()

    def _collect(self) -> dict[str, Any]:
        """What the process says at its end."""
        if self._process is None:
            return {}
        said, _ = self._process.communicate()
        self._process = None
        try:
            answer: dict[str, Any] = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError):
            return {}
        return answer


def _batch(descriptor: int) -> list[str]:
    """Names that have come in: waits for the first, then takes all there are; empty at the end."""
    text = b""
    while piece := os.read(descriptor, 1 << 16):
        text += piece
        if text.endswith(b"\n") and not select.select([descriptor], [], [], 0.2)[0]:
            break
    return text.decode().split()


def main(root: Path, lab_id: str) -> None:
    """Enter students named on standard input until it ends; one line on standard output says how it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        course = open_course(root)
        lesson = read_lesson(course.release_notebook(lab_id), lab_id)
        desk = Desk(course, course.lab(lab_id), lesson)
        ledger = Ledger(desk, read_policy(course))
        while names := _batch(sys.stdin.fileno()):
            ledger.enter(list(dict.fromkeys(names)))
        answer: dict[str, object] = {"ok": True}
    except GraderError as refused:
        answer = {"refused": [refused.where, refused.found, refused.allowed, refused.then]}
    with suppress(BrokenPipeError):  # nobody is left to hear it
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
