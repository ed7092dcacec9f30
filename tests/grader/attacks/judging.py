"""Whether an attack met what it should."""

from grader.isolation import Report
from tests.grader.attacks.conftest import BOUND_S, Room
from tests.grader.attacks.entry import Attack


def as_deserved(room: Room, attack: Attack) -> Report:
    """Grade ``attack`` among honest neighbours: points, report and time must be as the entry says."""
    report = room.grade(attack)
    shown = text(report)
    assert "LEAK" not in shown, shown
    assert shown.count("held ") >= attack.attempts, shown
    assert {task: verdict.score for task, verdict in report.verdicts.items()} == dict(attack.deserves), (
        report.verdicts,
        shown,
        report.incidents,
    )
    kinds = {incident.kind for incident in report.incidents}
    assert set(attack.reports) <= kinds <= {*attack.reports, *attack.maybe}, report.incidents
    assert report.wall_s < BOUND_S
    return report


def text(report: Report) -> str:
    """All that the notebook showed."""
    return "\n".join(
        str(output.get("text") or output.get("data") or output.get("evalue"))
        for outputs in report.outputs.values()
        for output in outputs
    )
