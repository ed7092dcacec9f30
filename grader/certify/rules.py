"""Which competencies a person's graded work proves: pure functions of framework and scores."""

from collections.abc import Mapping
from dataclasses import dataclass

from grader.certify.framework import Competency, Framework

# Scores are sums of floats; a cut that is met on paper must not be missed by the sixteenth digit.
_TINY = 1e-9

# Incidents that say somebody reached for what is not theirs, or that nothing stopped them from it.
# Slow, large or broken work ("cell timed out", "memory", "output cut" …) costs its points, no more.
DISQUALIFYING = ("attack", "escape", "forbidden", "isolation off", "tamper", "unsafe")

# Sandboxes whose every wall is tried before grading; work graded outside them proves nothing.
CERTIFIABLE_TIERS = ("bubblewrap", "namespaces")

WAITS = "waits for a person"
"""Status of an essay that nobody has read yet."""


@dataclass(frozen=True)
class TaskScore:
    """One task as graded.

    Args:
        score: points earned.
        max_score: points it is worth.
        status: the check's verdict in a word; or :data:`WAITS`.
    """

    score: float
    max_score: float
    status: str


@dataclass(frozen=True)
class Submission:
    """One graded submission, with what a certificate has to say of it.

    Args:
        lab: the lab's id.
        lab_title: in words.
        scores: by task id.
        sha256: hash of the notebook as handed in.
        commitment: hash that binds the course to the hidden reality.
        grader: name and version of the grader.
        tier: the isolation it was graded in.
        practice: graded by a local service with a throw-away key; proves nothing.
        supervised: somebody watched, by name, and it is recorded.
        incidents: kinds of what happened during grading.
    """

    lab: str
    lab_title: str
    scores: Mapping[str, TaskScore]
    sha256: str
    commitment: str
    grader: str
    tier: str
    practice: bool = False
    supervised: bool = False
    incidents: tuple[str, ...] = ()

    @property
    def conduct(self) -> str:
        """Who watched, as the certificate says it."""
        return "supervised" if self.supervised else "practice and coursework, unsupervised"

    @property
    def refusal(self) -> str:
        """Why no certificate may rest on it; empty if one may."""
        for kind in self.incidents:
            if any(word in kind.lower() for word in DISQUALIFYING):
                return f"not certifiable: {kind} was recorded while it was graded"
        if self.tier not in CERTIFIABLE_TIERS:
            return f"not certifiable: graded with the isolation {self.tier or 'off'!r}"
        if self.practice:
            return "not certifiable: graded as practice, with a throw-away key"
        return ""


@dataclass(frozen=True)
class Outcome:
    """What one person's work says of one competency.

    Args:
        competency: which.
        earned: whether the certificate may be issued.
        score: points earned in the autograded tasks.
        max_score: points those tasks are worth.
        waits: tasks that wait for a person.
        says: the reason, or what is missing, for the person.
    """

    competency: Competency
    earned: bool
    score: float
    max_score: float
    waits: tuple[str, ...]
    says: str

    @property
    def share(self) -> float:
        """Share of the autograded points, 0 to 1."""
        return self.score / self.max_score if self.max_score else 0.0


def judge(framework: Framework, submissions: Mapping[str, Submission]) -> list[Outcome]:
    """One outcome for each competency that these submissions are evidence for.

    Args:
        framework: what is certified, and the cuts.
        submissions: one person's graded work by lab id.
    """
    return [
        _outcome(competency, submissions)
        for competency in framework.competencies
        if any(part.lab in submissions for part in competency.evidence)
    ]


def _outcome(competency: Competency, submissions: Mapping[str, Submission]) -> Outcome:
    scores = {
        (part.lab, task): submissions[part.lab].scores[task]
        for part in competency.evidence
        if part.lab in submissions
        for task in part.tasks
        if task in submissions[part.lab].scores
    }
    needed = {(part.lab, task) for part in competency.evidence for task in part.tasks}
    missing = sorted(task for _, task in needed - set(scores))
    earned_points = sum(one.score for one in scores.values())
    max_score = sum(one.max_score for one in scores.values())
    waits = tuple(
        task
        for part in competency.evidence
        if part.lab in submissions
        for task in part.waits
        if _waits(submissions[part.lab].scores.get(task))
    )
    refusals = [submissions[part.lab].refusal for part in competency.evidence if part.lab in submissions]
    says = _reason(competency, earned_points, max_score, missing, next(filter(None, refusals), ""))
    unchecked = [task for (_, task), one in scores.items() if one.status == "could not be checked"]
    if says and unchecked:
        says += f"; {len(unchecked)} could not be checked ({', '.join(unchecked)}): see why, grade again"
    earned = says == ""
    if earned:
        says = f"{earned_points:g} of {max_score:g} autograded points; the cut is {competency.cut:.0%} (provisional)"
    if waits:
        says += "; the essay waits for a person" if len(waits) == 1 else f"; {len(waits)} tasks wait for a person"
    return Outcome(competency, earned, earned_points, max_score, waits, says)


def _reason(competency: Competency, points: float, max_score: float, missing: list[str], refusal: str) -> str:
    if competency.certificate == "none":
        return competency.because or "no certificate is issued for it yet"
    if missing:
        return f"not graded yet: {', '.join(missing)}"
    if points + _TINY < competency.cut * max_score:
        lacking = competency.cut * max_score - points
        return (
            f"{points:g} of {max_score:g} autograded points; "
            f"{lacking:.3g} more needed for the cut of {competency.cut:.0%} (provisional)"
        )
    return refusal


def _waits(score: TaskScore | None) -> bool:
    return score is None or score.status == WAITS
