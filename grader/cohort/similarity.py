"""Whose code looks alike: winnowing over Python tokens, for the instructor's judgement alone, never in a score.

Source: S. Schleimer, D. S. Wilkerson, A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003.
Code becomes a row of tokens in which names, numbers and texts are told apart by their kind alone, and comments and
layout are gone; every run of ``RUN`` tokens is hashed, and of each ``WINDOW`` runs the least hash is kept. So any
common stretch of ``RUN + WINDOW - 1`` tokens is found, whatever its names are. What the release gave, and what many
students share, tells nothing of a pair and is left out. (The best kept library for this, copydetect, chooses by
Python's own ``hash``, which differs from one process to the next.)
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

RUN = 12
WINDOW = 6
LEAST_FINGERPRINTS = 8  # less code than this looks like anybody's
LEAST_SHARE = 0.5
COMMON_SHARE = 0.25  # what more of the students have is how the task is solved
_MIN_COMMON = 10  # fewer may be a ring of friends


@dataclass(frozen=True)
class Fingerprint:
    """One selected run of tokens.

    Args:
        hash: of the run.
        cell: the answer cell that it stands in.
        start: of its first character in the cell's text; ``end``, after its last.
    """

    hash: int
    cell: str
    start: int
    end: int


@dataclass(frozen=True)
class Pair:
    """Two students whose code shares much.

    Args:
        one: the student with the lesser id; ``other``, the other.
        share: of the fingerprints of whoever has fewer, those that both have; from 0 to 1.
        common: how many both have.
        marks: by student and cell, the stretches of text that both have, as (start, end).
    """

    one: str
    other: str
    share: float
    common: int
    marks: Mapping[str, Mapping[str, tuple[tuple[int, int], ...]]]


def similar_pairs(
    answers: Mapping[str, Mapping[str, str]],
    template: Mapping[str, str] | None = None,
    *,
    least_share: float = LEAST_SHARE,
) -> list[Pair]:
    """Pairs of students whose code shares at least ``least_share``, the most alike first.

    Args:
        answers: by student, Python text by answer cell.
        template: what was released, by answer cell.
        least_share: from 0 to 1.
    """
    given = {mark.hash for mark in _fingerprints(template or {})}
    marks = {student: [m for m in _fingerprints(cells) if m.hash not in given] for student, cells in answers.items()}
    holders = Counter(number for own in marks.values() for number in {mark.hash for mark in own})
    many = max(_MIN_COMMON, COMMON_SHARE * len(answers))
    own = {student: {mark.hash for mark in found if holders[mark.hash] < many} for student, found in marks.items()}
    pairs = []
    for one, other in combinations(sorted(own), 2):
        least = min(len(own[one]), len(own[other]))
        both = own[one] & own[other]
        if least >= LEAST_FINGERPRINTS and len(both) >= least_share * least:
            shown = {student: _stretches(marks[student], both) for student in (one, other)}
            pairs.append(Pair(one, other, len(both) / least, len(both), shown))
    return sorted(pairs, key=lambda pair: (-pair.share, -pair.common, pair.one, pair.other))


def _fingerprints(cells: Mapping[str, str]) -> list[Fingerprint]:
    return [mark for cell, text in sorted(cells.items()) for mark in _winnow(cell, list(_tokens(text)))]


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Kind or word of each token, and where it stands; reads any text, Python or not."""
    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Keyword, Literal, Name, Text

    last = ""
    for start, kind, word in PythonLexer(stripnl=False, ensurenl=False).get_tokens_unprocessed(text):
        if kind in Comment or kind in Text or kind in Literal.String.Doc:
            continue
        if kind in Literal.String:
            shown = "text"
        elif kind in Literal.Number:
            shown = "number"
        elif kind in Name and kind not in Name.Builtin:
            shown = "name"
        else:
            shown = word if kind in Keyword or kind in Name.Builtin else word.strip()
        if shown == "text" == last:
            continue  # the parts of one text, and texts that stand side by side
        last = shown
        yield shown, start, start + len(word)


def _winnow(cell: str, tokens: Sequence[tuple[str, int, int]]) -> Iterator[Fingerprint]:
    runs = [
        Fingerprint(_hash([word for word, _, _ in tokens[at : at + RUN]]), cell, tokens[at][1], tokens[at + RUN - 1][2])
        for at in range(len(tokens) - RUN + 1)
    ]
    chosen = -1
    for first in range(max(len(runs) - WINDOW + 1, min(len(runs), 1))):
        window = range(first, min(first + WINDOW, len(runs)))
        least = min(window, key=lambda at: (runs[at].hash, -at))  # of equals the last, as the paper has it
        if least != chosen:
            chosen = least
            yield runs[chosen]


def _hash(words: Sequence[str]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest(), "big")


def _stretches(marks: Sequence[Fingerprint], both: set[int]) -> dict[str, tuple[tuple[int, int], ...]]:
    """The text under common fingerprints, overlapping ones joined, by cell."""
    found: dict[str, list[tuple[int, int]]] = {}
    for mark in sorted(marks, key=lambda mark: (mark.cell, mark.start)):
        if mark.hash not in both:
            continue
        spans = found.setdefault(mark.cell, [])
        if spans and mark.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], mark.end))
        else:
            spans.append((mark.start, mark.end))
    return {cell: tuple(spans) for cell, spans in found.items()}
