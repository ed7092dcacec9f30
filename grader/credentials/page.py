"""A certificate as a page to look at and to print: one file, nothing loaded, no points shown.

The page proves nothing and says so: the signed JSON file beside it does.
"""

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from grader.credentials.identity import holder_name
from grader.credentials.openbadge import SAMPLE_NAME, SAMPLE_SENTENCE, moment

_TEMPLATE = Path(__file__).with_name("certificate.html")
_RIBBON = '<div class="sample" aria-hidden="true">SAMPLE</div>'


def certificate_page(document: Mapping[str, Any], file_name: str) -> str:
    """The HTML page of a credential that :func:`grader.credentials.openbadge.credential` made.

    Args:
        document: the credential, signed or not.
        file_name: the signed file's name, for the reader who wants to check it.
    """
    achievement = document["credentialSubject"]["achievement"]
    aligned = achievement["alignment"][0]
    sample = achievement["name"].startswith(SAMPLE_NAME)
    holder = holder_name(document)
    described = achievement["resultDescription"][0]
    words = {
        "title": f"{document['name']} – {holder}",
        "issuer": document["issuer"]["name"],
        "framework": aligned["targetFramework"],
        "code": aligned["targetCode"],
        "holder": holder,
        "achieved": achievement["name"].removeprefix(SAMPLE_NAME),
        "text": achievement["description"].removeprefix(SAMPLE_SENTENCE).strip(),
        "issued": _day(document["validFrom"]),
        "until": _day(document["validUntil"]),
        "conduct": ", ".join(dict.fromkeys(entry["genre"] for entry in document["evidence"])),
        "cut": f"{described['requiredValue']} % of the autograded points, provisional",
        "file": file_name,
        "id": document["id"],
        "did": document["issuer"]["id"],
    }
    marks = {
        "marked": "marked" if sample else "",
        "ribbon": _RIBBON if sample else "",
        "note": f'<p class="samplenote">{html.escape(SAMPLE_SENTENCE)}</p>' if sample else "",
    }
    escaped = {name: html.escape(str(word)) for name, word in words.items()}
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(escaped, **marks)


def _day(text: str) -> str:
    day = moment(text, "date")
    return f"{day.day} {day:%B %Y}"
