"""The list of attacks as the guide gives it: ``python -m tests.grader.attacks.published`` writes it anew."""

import textwrap
from collections.abc import Iterable
from pathlib import Path

from tests.grader.attacks.files import FILES
from tests.grader.attacks.forged import FORGED
from tests.grader.attacks.frames import FRAMES
from tests.grader.attacks.harmed import HARMED, LOOPS
from tests.grader.attacks.leaked import LEAKED
from tests.grader.attacks.test_decoder import BOMBS
from tests.grader.attacks.test_journal import TAMPERED
from tests.grader.attacks.test_warm import LEFT_BEHIND

GUIDE = Path(__file__).parents[3] / "curriculum" / "guides" / "sandbox.md"
BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"


def listed() -> str:
    """One paragraph a group."""
    groups: dict[str, list[str]] = {
        "Scores forged": _names(FORGED.values()),
        "Frames written past the grader": _names(FRAMES.values()),
        "Values that harm who reads them": list(BOMBS),
        "The machine harmed": _names([*HARMED.values(), LOOPS]),
        "Secrets sought": _names(LEAKED.values()),
        "The next student's job": _names([LEFT_BEHIND]),
        "Files in the place of a notebook": _names(FILES.values()),
        "Records of the journal": list(TAMPERED),
    }
    total = sum(map(len, groups.values()))
    lines = [f"{total} entries today; `make test` tries each.", ""]
    for group, names in groups.items():
        told = f"- **{group}** ({len(names)}): {'; '.join(names)}."
        lines += textwrap.wrap(told, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def _names(groups: Iterable[Iterable[object]]) -> list[str]:
    return [one.name for group in groups for one in group]


def page(text: str) -> str:
    """The guide's ``text`` with the list as it is today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{listed()}\n{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(page(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
