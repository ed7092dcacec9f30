"""The guide on the sandbox says what the suite tries and what the limits are."""

import re

from grader.cohort.submission import MAX_ANSWER_CHARS, MAX_FILE_BYTES
from grader.isolation import Limits
from grader.isolation.kinds import MAX_BYTES, MAX_DEPTH, MAX_NODES
from grader.isolation.tiers import ALWAYS, NAMES, WALLS
from tests.grader.attacks.published import GUIDE, page


def words():
    return " ".join(GUIDE.read_text(encoding="utf-8").split())


def test_the_guide_lists_the_attacks_of_the_suite():
    text = GUIDE.read_text(encoding="utf-8")
    assert page(text) == text, "run: python -m tests.grader.attacks.published"


def test_the_guide_gives_the_limits_as_they_are():
    limits = Limits()
    for shown in (
        f"{limits.cell_s:g} s a cell",
        f"{limits.run_s:g} s all cells",
        f"{limits.call_s:g} s a call",
        f"{limits.check_s:g} s all checks",
        f"{limits.cpu_s} s of processor",
        f"{limits.memory_bytes >> 30} GiB",
        f"{limits.address_bytes >> 30} GiB of addresses",
        f"{limits.processes} processes",
        f"{limits.open_files} open files",
        f"{limits.file_bytes >> 20} MiB a file",
        f"{limits.scratch_bytes >> 20} MiB",
        f"{limits.scratch_files:,} files",
        f"{limits.output_bytes >> 20} MiB of output",
        f"{limits.repeats} times",
        f"{MAX_BYTES >> 20} MiB a value",
        f"{MAX_NODES:,} parts",
        f"{MAX_DEPTH} deep",
        f"{MAX_FILE_BYTES >> 20} MiB a notebook",
        f"{MAX_ANSWER_CHARS:,} characters an answer",
    ):
        assert shown in words(), shown


def test_the_guide_names_every_wall_and_tier():
    for phrase in (*WALLS.values(), *ALWAYS, *NAMES):
        assert phrase in words(), phrase


def test_the_guide_is_one_page_and_names_no_class():
    prose = re.sub(r"<!-- attacks: begin -->.*<!-- attacks: end -->", "", GUIDE.read_text(), flags=re.DOTALL)
    assert len(prose.split()) < 1_100
