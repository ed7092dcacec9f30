"""``practicum certify``: certificates for those who meet the cut."""

import json
import os
import sys
from pathlib import Path

import click

from grader.certify.framework import load_framework
from grader.certify.issuing import Issued, issue_for
from grader.certify.work import graded_work
from grader.cohort.course import open_course
from grader.errors import GraderError
from twin_sandbox.data import data_folder

PASSPHRASE = "PRACTICUM_SIGNING_PASSPHRASE"  # noqa: S105 - the setting's name


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--course",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The course's folder.",
)
@click.option("--issuer", default="", metavar="NAME", help="Who issues, in words; the course's name if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print every decision as JSON.")
def command(folder: Path, issuer: str, as_json: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Issue certificates to whoever meets the cut and has none yet.

    The signing key is encrypted; its passphrase is asked for, or taken from PRACTICUM_SIGNING_PASSPHRASE.
    A course without a key gets a new one.
    """
    course = open_course(folder)
    framework = load_framework(data_folder("curriculum"))
    students = graded_work(course)
    passphrase = _passphrase(new=not (course.root / "keys" / "signing.key").exists())
    with click.progressbar(students, label="Certifying", file=sys.stderr) as each:
        issued = issue_for(course.root, each, framework, issuer_name=issuer or course.name, passphrase=passphrase)
    if as_json:
        click.echo(json.dumps(_facts(issued), indent=2, ensure_ascii=False))
    else:
        _show(issued)


def _passphrase(*, new: bool) -> str:
    # Taken out of the environment, so that no process started from here inherits it.
    given = os.environ.pop(PASSPHRASE, "")
    if given:
        return given
    if not sys.stdin.isatty():
        raise GraderError("signing passphrase", "not given", then=f"Set {PASSPHRASE}, or run this in a terminal.")
    label = "New passphrase for the signing key" if new else "Passphrase of the signing key"
    return str(click.prompt(label, hide_input=True, confirmation_prompt=new, err=True))


def _facts(issued: Issued) -> dict[str, object]:
    return {
        "decisions": [decision.as_json() for decision in issued.decisions],
        "trust": str(issued.trust),
        "fingerprint": issued.fingerprint,
    }


def _show(issued: Issued) -> None:
    width = max((len(decision.student) for decision in issued.decisions), default=0)
    for decision in issued.decisions:
        if decision.outcome.competency.certificate == "none":
            continue
        state = "issued" if decision.new else ("has it" if decision.file else "no")
        click.echo(
            f"  {decision.student:{width}}  {state:7} {decision.outcome.competency.code:8} {decision.outcome.says}"
        )
    new = sum(decision.new for decision in issued.decisions)
    click.echo(f"{new} certificate{'' if new == 1 else 's'} issued.")
    click.echo(f"Trust pack: {issued.trust}")
    click.echo(f"Fingerprint for pinning: {issued.fingerprint}")
