"""The marks that nbgrader knows in a cell's text: hidden tests and solutions, and what a student gets instead."""

import re

_STUBS = {"python": "# YOUR CODE HERE\nraise NotImplementedError()", "text": "YOUR ANSWER HERE"}


def hidden_lines(source: str) -> frozenset[int]:
    """Numbers, from 1, of the lines from ``BEGIN HIDDEN TESTS`` to ``END HIDDEN TESTS``, the marks included."""
    found, within = set(), False
    for number, line in enumerate(source.split("\n"), 1):
        starts, ends = "BEGIN HIDDEN TESTS" in line, "END HIDDEN TESTS" in line
        within = within or starts
        if within:
            found.add(number)
        if ends:
            within = False
    return frozenset(found)


def without_hidden(source: str) -> str:
    """A test cell as students are given it."""
    hidden = hidden_lines(source)
    return "\n".join(line for number, line in enumerate(source.split("\n"), 1) if number not in hidden)


def without_solution(source: str, *, code: bool) -> str:
    """A solution cell as students are given it, with nbgrader's own stubs."""
    stub = _STUBS["python" if code else "text"].split("\n")
    kept: list[str] = []
    within = replaced = False
    for line in source.split("\n"):
        if "BEGIN SOLUTION" in line:
            within = replaced = True
            indent = re.match(r"\s*", line)
            kept += [f"{indent[0] if indent else ''}{part}" for part in stub]
        elif "END SOLUTION" in line:
            within = False
        elif not within:
            kept.append(line)
    return "\n".join(kept) if replaced else "\n".join(stub)
