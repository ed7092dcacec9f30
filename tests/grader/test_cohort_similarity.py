"""Code that was copied is found whatever its names are; code that was written twice, or given, is not."""

import builtins
import io
import keyword
import re
import tokenize
from pathlib import Path

import pytest

from grader.cohort import similarity
from grader.cohort.similar_page import similar_page
from grader.cohort.similarity import RUN, WINDOW, similar_pairs
from grader.workshop.bank import read_bank
from grader.workshop.lab import load_lab

STORM_NIGHT = Path(__file__).parents[2] / "labs" / "simulation" / "storm_night"


@pytest.fixture(scope="module")
def right() -> dict[str, dict[str, str]]:
    """Two right answers to the same lab, written apart from each other."""
    bank = read_bank(load_lab(STORM_NIGHT))
    return {name: dict(bank[name].answers) for name in ("right_plain", "right_steps")}


def disguised(text: str) -> str:
    """The same code with other names, other numbers, more spaces and a comment on top."""
    made = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        word = token.string
        if token.type == tokenize.NAME and not keyword.iskeyword(word) and not hasattr(builtins, word):
            word = f"my_{word}_2"
        made.append((token.type, "7.25" if token.type == tokenize.NUMBER else word))
    return "# written by me alone\n" + re.sub(r" = ", "  =  ", tokenize.untokenize(made))


def test_two_who_wrote_it_apart_are_not_flagged(right: dict[str, dict[str, str]]):
    assert similar_pairs(right, least_share=0.15) == []


def test_a_copy_with_other_names_is(right: dict[str, dict[str, str]]):
    copy = {cell: disguised(text) for cell, text in right["right_plain"].items() if cell != "night_report"}
    (pair,) = similar_pairs(right | {"copy": copy})
    assert (pair.one, pair.other) == ("copy", "right_plain")
    assert pair.share > 0.9
    assert "".join(copy["trunk_roughness"][slice(*span)] for span in pair.marks["copy"]["trunk_roughness"])


def test_a_copied_half_in_other_work_is(right: dict[str, dict[str, str]]):
    mixed = right["right_steps"] | {"faulty_sensor": right["right_plain"]["faulty_sensor"]}
    shares = {(pair.one, pair.other): pair.share for pair in similar_pairs(right | {"mixed": mixed}, least_share=0.2)}
    assert set(shares) == {("mixed", "right_plain"), ("mixed", "right_steps")}


def test_what_was_given_and_what_is_short_tells_nothing(right: dict[str, dict[str, str]]):
    given = right["right_plain"]
    assert similar_pairs({"ada": given, "ben": given}, template=given) == []
    short = {"total": "total_mm = sum(rain_mm)\nprint(total_mm)"}
    assert similar_pairs({"ada": short, "ben": short}) == []
    assert similar_pairs({}) == []


def test_what_many_have_is_how_the_task_is_solved(right: dict[str, dict[str, str]]):
    ring = {f"s{number}": right["right_plain"] for number in range(9)}
    assert len(similar_pairs(ring)) == 36  # nine friends are a ring
    assert similar_pairs({f"s{number}": right["right_plain"] for number in range(10)}) == []


def test_a_common_stretch_of_the_promised_length_is_always_found():
    """Winnowing's promise: RUN + WINDOW − 1 common tokens leave a common fingerprint, wherever they stand."""
    words = ["for", "while", "if", "else", "return", "yield", "with", "try", "raise", "del", "pass", "and", "or", "not"]
    common = " ".join(words[k % len(words)] for k in range(0, 5 * (RUN + WINDOW - 1), 5))
    for before in range(WINDOW + 3):
        texts = [{"a": " ".join([*words[:before], common])}, {"a": " ".join([common, *words[: 2 * before]])}]
        one, other = ({mark.hash for mark in similarity._fingerprints(text)} for text in texts)
        assert one & other, before


def test_fingerprints_are_the_same_in_every_process():
    assert similarity._hash(["name", "=", "number"]) == 13479017177606059023


@pytest.mark.parametrize("text", ["", "def (", "'''", "%%time\nx = 1", "\x00\ud800", "é" * 400, "(" * 5000])
def test_any_text_is_read(text: str):
    assert similar_pairs({"ada": {"a": text}, "ben": {"a": text}}) == [] or text


def test_the_page_shows_both_and_runs_nothing(right: dict[str, dict[str, str]]):
    answers = {
        "ada": right["right_plain"],
        "ben": right["right_plain"] | {"storm_depth": "# <script>alert(1)</script>"},
    }
    shown = similar_page("A <b>", similar_pairs(answers), answers, {"ada": "Ada <i>"})
    assert "<mark>" in shown
    assert "Ada &lt;i&gt; (ada)" in shown
    assert re.findall(r"<script|<i>|<b>", shown) == []
    assert "No two students" in similar_page("x", [], answers, {})
