"""The certificate as a page: marked, escaped, self-contained, without points."""

import re
from datetime import UTC, datetime

import pytest

from grader.credentials.identity import Person
from grader.credentials.openbadge import Achievement, Evidence, credential
from grader.credentials.page import certificate_page

ISSUED = datetime(2026, 11, 21, tzinfo=UTC)


def page(name="Ada Sample", *, sample=True):
    achievement = Achievement("f/1", "Framework", "SIM.P.1", "Carry a district", "What it is.", "How.", 70.0, sample)
    document = credential(
        achievement,
        Person("ada", name, "ada@example.org"),
        [Evidence("ab" * 32, "cd" * 32, "practicum", "practice, unsupervised", "Storm night")],
        percent=86.4,
        issuer_id="did:key:z6Mk",
        issuer_name="Gulls' Quay",
        issued=ISSUED,
    )
    return certificate_page(document, "storm.json")


def test_it_says_who_what_and_until_when():
    text = page()
    for words in ("Ada Sample", "Carry a district", "21 November 2026", "21 November 2029", "实训能力证书"):
        assert words in text
    assert "practicum credential verify storm.json" in text
    assert "practice, unsupervised" in text
    assert "provisional" in text


def test_a_sample_is_marked_and_another_is_not():
    assert "SAMPLE" in page()
    assert "certifies nobody" in page()
    assert "SAMPLE" not in page(sample=False)


def test_no_points_and_no_address():
    assert "86.4" not in page()
    assert "example.org" not in page()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'Ada " onload="x', "A & B", "$issuer ${code}"])
def test_a_name_is_only_a_name(name):
    text = page(name)
    assert "<script" not in text
    assert 'onload="x' not in text
    assert text.count("Gulls&#x27; Quay") == page().count("Gulls&#x27; Quay")


def test_it_loads_nothing():
    text = page()
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href|url\()\s*=?\s*[\"']?https?:", text)
    assert "<link" not in text
    assert "$" not in text
