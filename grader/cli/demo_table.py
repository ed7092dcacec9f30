"""The demo's one table: who did what, what they deserve, and what they got."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from grader.cohort.grading import Summary
from grader.cohort.roster import Student
from grader.cohort.verdict_box import points
from grader.workshop.bank import Entry
from grader.workshop.lab import Lab


@dataclass(frozen=True)
class Sample:
    """One student of the sample cohort.

    Args:
        student: marked as a sample.
        entry: the bank's file that they hand in.
        earns: whether the score that they deserve meets the cut.
    """

    student: Student
    entry: Entry
    earns: bool


def rows_of(
    lab: Lab, cohort: list[Sample], summary: Summary, credentials: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What each sample student did, deserved and got; ``credentials`` by student, with whether they verify."""
    rows = []
    for sample in cohort:
        outcome = summary.outcomes.get(sample.student.id)
        score = outcome.record.score if outcome else None
        credential = credentials.get(sample.student.id)
        right_score = score is not None and abs(score - sample.entry.score) < 1e-6
        right_credential = bool(credential and credential["verified"]) if sample.earns else credential is None
        essay = outcome is not None and any(
            task.kind == "manual" and task.id not in outcome.record.blank for task in lab.tasks
        )
        rows.append(
            {
                "id": sample.student.id,
                "kind": sample.entry.kind,
                "what": sample.entry.says,
                "expected": sample.entry.score,
                "score": score,
                "max_score": lab.max_auto_score,
                "essay": "waits for a person" if essay else "blank",
                "credential": credential["file"] if credential else None,
                "verdict": "as deserved" if right_score and right_credential else "NOT as deserved",
                "why": summary.failed.get(sample.student.id, ""),
            }
        )
    return rows


def show_table(lab: Lab, rows: list[dict[str, Any]], credentials: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the rows."""
    most = points(lab.max_auto_score)
    click.echo(
        f"\n{'sample student':<15} {'what they did':<44} {'expected':>8} {'score':>8}  {'essay':<19} "
        f"{'certificate':<12} verified"
    )
    for row in rows:
        credential = credentials.get(row["id"])
        score = f"{points(row['score'])}/{most}" if row["score"] is not None else "none"
        click.echo(
            f"{row['id']:<15} {row['what']:<44} {points(row['expected']):>8} {score:>8}  {row['essay']:<19} "
            f"{'issued' if credential else '-':<12} {_yes(credential)}"
            + ("" if row["verdict"] == "as deserved" else f"   ← {row['verdict']} {row['why']}")
        )


def _yes(credential: Mapping[str, Any] | None) -> str:
    if credential is None:
        return "-"
    return "yes" if credential["verified"] else "NO"
