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
        super().__init__(". ".join(part for part in (f"{where}: {found}", allowed, then) if part))
