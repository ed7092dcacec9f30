"""Hand-ins from nbgrader's exchange into ``submitted/``: the newest of each student, as ``nbgrader collect`` does it.

The exchange's folder is open to all, and what lies there says whose it is by its name alone. So its owner must be that
student's account, or the one that runs this.
"""

import os
import pwd
import re
from contextlib import suppress
from pathlib import Path

from grader.cohort import durable
from grader.cohort.course import Course
from grader.cohort.submission import read_handed_in, read_timestamp

# student+assignment+time, then a random part that newer versions add
_NAME = re.compile(r"(?P<student>[^+]+)\+(?P<lab>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(\+.*)?")


def collect(course: Course, lab_id: str) -> list[str]:
    """Copy what is newer than what lies in ``submitted/``; gives the students whose hand-in it is.

    Raises:
        GraderError: it cannot be written.
    """
    inbound = course.root / "exchange" / course.id / "inbound"
    newest: dict[str, tuple[str, Path]] = {}
    with suppress(FileNotFoundError):
        for folder in inbound.iterdir():
            said = _NAME.fullmatch(folder.name)
            if said and said["lab"] == lab_id and _is_theirs(folder, said["student"]):
                newest[said["student"]] = max(newest.get(said["student"], ("", folder)), (said["time"], folder))
    known = {student.id for student in course.students()} if newest else set()
    return [
        student
        for student, (_, folder) in sorted(newest.items())
        if student in known and _take(course, lab_id, student, folder)
    ]


def _take(course: Course, lab_id: str, student: str, folder: Path) -> bool:
    target = course.submitted(student, lab_id)
    time, before = read_timestamp(course.root, folder), read_timestamp(course.root, target.parent)
    if time is None or (before is not None and time <= before):
        return False
    handed_in = read_handed_in(course.root, folder / target.name)
    stamp = read_handed_in(course.root, folder / "timestamp.txt")
    if handed_in.content is None or stamp.content is None:
        return False  # not whole yet, or nothing that may be read
    durable.write(target, handed_in.content)
    # the time last: until it is there this hand-in counts as newer, and is taken again
    durable.write(target.parent / "timestamp.txt", stamp.content)
    return True


def _is_theirs(folder: Path, student: str) -> bool:
    with suppress(OSError, KeyError):
        owner = folder.lstat().st_uid
        return owner == os.geteuid() or pwd.getpwuid(owner).pw_name == student
    return False
