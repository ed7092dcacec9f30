"""The ``practicum`` command: one module a subcommand, imported when it is asked for."""

import importlib
import io
import sys

import click

from grader.errors import GraderError
from twin_sandbox.errors import TwinError

COMMANDS = {
    "up": "Open a student's JupyterLab on the sample district.",
    "demo": "Run the main job, from district to verified certificate, with a sample cohort.",
    "doctor": "Say what this machine can do and what it lacks.",
    "district": "Build, check, show, export and compare districts.",
    "twin": "Run scenarios in the living district, check its figures, measure what it costs.",
    "lab": "Build, verify and release labs.",
    "cohort": "Set up a course and its students' bundles.",
    "grade": "Grade what students have submitted.",
    "regrade": "Grade again after a change, and see what would change first.",
    "certify": "Issue certificates to those who meet the cut.",
    "credential": "Verify a certificate offline.",
    "apps": "Serve the public apps.",
}


class Practicum(click.Group):
    """Lists every subcommand, loads one: ``practicum --help`` answers in a blink."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The subcommand's own module holds it as ``command``."""
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"grader.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Help lines from the table above, without importing the modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Practicum, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="practicum")
def practicum() -> None:
    """A practicum for digital-twin cities: labs on a living district, graded, certified."""


def main() -> None:
    """Run the command; a user's mistake ends in one message, never in a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may hold bytes that are no text
    try:
        practicum()
    except OSError as reason:  # what the machine refuses, e.g. a name that is too long
        found = f"{reason.filename}: {reason.strerror}" if reason.filename else str(reason)
        click.echo(f"Error: {found}", err=True)
        sys.exit(1)
    except (GraderError, TwinError) as refusal:
        click.echo(f"Error: {refusal.where}: {refusal.found}", err=True)
        for line in (refusal.allowed, refusal.then):
            if line:
                click.echo(f"  {line}", err=True)
        sys.exit(1)
