import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin_sandbox.entities.code import CLASSES, Code, is_valid, make_code, parse_code
from twin_sandbox.errors import TwinError

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

codes = st.builds(
    make_code,
    st.text(ALPHABET, min_size=4, max_size=4),
    st.integers(0, 99),
    st.integers(0, 99),
    st.sampled_from(sorted(CLASSES)),
    st.text(ALPHABET[10:], min_size=2, max_size=2),
    st.integers(0, 36**4 - 1),
)


@given(codes)
def test_a_made_code_is_valid_and_comes_apart_as_it_was_made(code):
    parts = parse_code(code)
    assert is_valid(code)
    assert make_code(parts.area, parts.column, parts.row, parts.letter, parts.kind, parts.serial) == code


@given(codes, st.integers(0, 15), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(code, place, character):
    mistyped = code[:place] + character + code[place + 1 :]
    assert is_valid(mistyped) == (mistyped == code)


def test_the_check_character_is_that_of_iso_7064():
    """MOD 37,36 by hand: start 36; for each character p = (p + value) mod 36 or 36, then p = 2 p mod 37.

    The check character makes p + value ≡ 1 (mod 36).
    """
    body, p = "SB010507FMH000C", 36
    for character in body:
        p = 2 * ((p + ALPHABET.index(character)) % 36 or 36) % 37
    assert make_code("SB01", 5, 7, "F", "MH", 12) == body + ALPHABET[(1 - p) % 36]


def test_the_parts_of_a_code():
    parts = parse_code(make_code("SB01", 5, 7, "B", "BD", 12))
    assert parts == Code("SB01", 5, 7, "B", "BD", 12)
    assert parts.entity_class == "building"


@pytest.mark.parametrize(
    "parts",
    [
        ("SB1", 5, 7, "F", "MH", 1),
        ("sb01", 5, 7, "F", "MH", 1),
        ("SB01", 100, 7, "F", "MH", 1),
        ("SB01", 5, 7, "X", "MH", 1),
        ("SB01", 5, 7, "F", "M1", 1),
        ("SB01", 5, 7, "F", "MH", 36**4),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts):
    with pytest.raises(TwinError, match="cannot be made"):
        make_code(*parts)


def test_a_wrong_code_is_refused_with_what_is_wrong():
    code = make_code("SB01", 5, 7, "F", "MH", 12)
    with pytest.raises(TwinError, match="has not the shape"):
        parse_code(code[:-1])
    with pytest.raises(TwinError, match=f"would be '{code[-1]}'"):
        parse_code(code[:-1] + ("A" if code[-1] != "A" else "B"))
