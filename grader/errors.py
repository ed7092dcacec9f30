"""What the grader refuses, in words a person can act on."""


class GraderError(Exception):
    """A refusal that names the place, what was found, what is allowed and what to do next.

    Args:
        where: file, cell, task or setting, e.g. ``"course/submitted/ada/storm_night.ipynb, cell 4"``.
        found: what was found there.
        allowed: what would have been accepted; empty if ``found`` says it all.
        then: what the reader can do next; empty if nothing.
    """

    def __init__(self, where: str, found: str, allowed: str = "", then: str = "") -> None:
        self.where, self.found, self.allowed, self.then = where, found, allowed, then
        super().__init__(_sentences(f"{where}: {found}", allowed, then))


def _sentences(*parts: str) -> str:
    """The parts that are not empty, a full stop between two unless the first brings its own."""
    text = ""
    for part in filter(None, parts):
        gap = "" if not text else " " if text.endswith((".", "!", "?", "…")) else ". "
        text += gap + part
    return text
