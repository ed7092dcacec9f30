"""``practicum credential``: is a certificate genuine?"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from grader.credentials.identity import holder_name
from grader.credentials.reading import MAX_BYTES
from grader.credentials.trust import read_trust_pack
from grader.credentials.verify import Verification, verify
from grader.errors import GraderError

_MARKS = {"pass": "yes", "fail": "NO", "warning": "WARNING", "unknown": "unknown"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Verify a certificate offline, and show a trust pack's fingerprint."""


@command.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the issuer's trust pack.",
)
@click.option("--pin", default="", metavar="FINGERPRINT", help="Fingerprint that the trust pack must have.")
@click.option("--person", default="", metavar="EMAIL-OR-ID", help="Ask whether it belongs to this person.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def verify_command(file: Path, trust: Path, pin: str, person: str, as_json: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Print five lines about FILE, each with its own verdict; exit 0 only if it is valid."""
    pack = read_trust_pack(trust, pin)
    verification = verify(_content(file), pack, now=datetime.now(UTC), person=person)
    if as_json:
        facts = {"file": str(file), **verification.as_json(), "trust_fingerprint": pack.fingerprint}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _show(file, verification)
    sys.exit(0 if verification.valid else 1)


@command.command("fingerprint")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def fingerprint_command(folder: Path) -> None:
    """Print the fingerprint of the trust pack in FOLDER, for pinning."""
    click.echo(read_trust_pack(folder).fingerprint)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise GraderError(str(file), f"cannot be read: {error.strerror}") from error


def _show(file: Path, verification: Verification) -> None:
    if verification.certificate:
        click.echo(f"{verification.certificate['name']}\nfor {holder_name(verification.certificate)}")
    for line in verification.lines:
        click.echo(f"  {line.title + ':':24}{_MARKS[line.verdict]:9}{line.says}")
    click.echo(f"{file}: {'valid' if verification.valid else 'NOT VALID'}")
