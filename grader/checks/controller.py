"""A student's controller, which drives the hidden twin step by step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grader.checks.skill import Steps, earned, skill
from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers, Branch, CallFailed

Truth = Mapping[str, Any]

CALL_TIMEOUT_S = 0.2


class World(Protocol):
    """One hidden run that a controller can drive; the lab's key builds it on the twin."""

    @property
    def done(self) -> bool:
        """Whether the horizon is reached."""
        ...

    def measurements(self) -> dict[str, Any]:
        """What the controller may see at this step: plain values, units in the names."""
        ...

    def safe(self, settings: object) -> dict[str, float] | None:
        """The settings as plain floats if they are allowed, else nothing."""
        ...

    def step(self, settings: dict[str, float]) -> None:
        """Act and go on to the next step."""
        ...

    def cost(self) -> float:
        """What the night has cost, lower is better."""
        ...

    def close(self) -> None:
        """Free the engine."""
        ...


@dataclass(frozen=True)
class Controller:
    """Judges a controller; see :func:`controller`."""

    name: str
    quantity: str
    worlds: Callable[[Truth], Sequence[Callable[[], World]]]
    baseline_costs: Callable[[Truth], Sequence[float]]
    oracle_costs: Callable[[Truth], Sequence[float]]
    first_settings: Mapping[str, float]
    steps: Steps
    look_at: str

    def judge(self, task: str, answers: Answers, truth: Truth, max_score: float) -> Verdict:
        """Points by the mean skill over the hidden runs; a call that fails keeps the last safe action."""
        skills: list[float] = []
        failures: list[str] = []
        for open_world, baseline, oracle in zip(
            self.worlds(truth), self.baseline_costs(truth), self.oracle_costs(truth), strict=True
        ):
            world = open_world()
            try:
                with answers.branch() as branch:
                    failures += self._drive(branch, world)
                skills.append(skill(world.cost(), baseline, oracle))
            finally:
                world.close()
        mean = sum(skills) / len(skills)
        score = earned(mean, self.steps, max_score)
        full = next(at for at, points in self.steps if points == 1.0)
        told = f"{self.quantity}: over {len(skills)} hidden nights your controller's skill is {mean:.1f}"
        told += f" (0 as good as the standing rules, 1 as the best known; full points from {full:g})."
        if failures:
            told += f" At {len(failures)} steps it gave no usable action and the last one was kept: {failures[0]}"
        if score == max_score:
            return Verdict(task, score, max_score, "correct", told)
        return Verdict(task, score, max_score, "partly" if score else "incorrect", f"{told} {self.look_at}")

    def _drive(self, branch: Branch, world: World) -> list[str]:
        settings = dict(self.first_settings)
        failures: list[str] = []
        while not world.done:
            # A function that keeps failing isn't asked for ever: its timeouts would add up.
            if len(failures) < 5:
                try:
                    wanted = branch.call(self.name, world.measurements(), timeout_s=CALL_TIMEOUT_S)
                except CallFailed as failed:
                    failures.append(str(failed))
                else:
                    safe = world.safe(wanted)
                    if safe is None:
                        failures.append("it returned settings that are not allowed.")
                    settings = safe or settings
            world.step(settings)
        return failures


def controller(
    name: str,
    *,
    quantity: str,
    worlds: Callable[[Truth], Sequence[Callable[[], World]]],
    baseline_costs: Callable[[Truth], Sequence[float]],
    oracle_costs: Callable[[Truth], Sequence[float]],
    first_settings: Mapping[str, float],
    steps: Steps,
    look_at: str,
) -> Controller:
    """A check for a controller: a function of the measurements that returns settings.

    Args:
        name: the function's name.
        quantity: what it is to achieve, in words.
        worlds: takes the student's reality, gives a function a hidden run that opens it.
        baseline_costs: what doing nothing new costs in each run, computed at release.
        oracle_costs: what the best known policy costs in each run, computed at release.
        first_settings: the action in force until the controller gives a first safe one.
        steps: (skill, share of points) pairs.
        look_at: where to look when it does badly.
    """
    return Controller(name, quantity, worlds, baseline_costs, oracle_costs, first_settings, steps, look_at)
