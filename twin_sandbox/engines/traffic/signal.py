"""One junction's lights in a running SUMO simulation, as the traffic worker sets them."""

from typing import Any


class Signal:
    """The lights of one junction: its own programme, other greens, a stage that is asked for, or dark.

    Args:
        sumo: libsumo.
        name: SUMO's id.
        least_green_s: shortest green that a change of stage waits for.
    """

    def __init__(self, sumo: Any, name: str, least_green_s: int) -> None:  # noqa: ANN401 - libsumo, a module
        self.sumo, self.name, self.least_green_s = sumo, name, least_green_s
        logic = next(iter(sumo.trafficlight.getAllProgramLogics(name)))
        self.own = logic.programID
        self.phases = [(phase.duration, phase.state) for phase in logic.phases]
        self.greens = [k for k, (_, state) in enumerate(self.phases) if "g" in state.lower() and "y" not in state]
        self.next_s: int | None = None
        self.plan: list[tuple[int, str, int | None]] = []
        self.stage: int | None = None
        self.since_s = 0

    def command(self, now: int, micro: bool, powered: bool, green_s: float | None, stage: int | None) -> None:  # noqa: FBT001 - as the request names them
        """Obey what holds from now on."""
        light = self.sumo.trafficlight
        if not powered:
            self.plan, self.next_s, self.stage = [], None, None
            self.dark(micro=micro)
        elif stage is not None:
            self.ask(now, stage)
        else:
            self.plan, self.next_s, self.stage = [], None, None
            light.setProgram(self.name, self.own)
            if green_s is not None:
                self.retime(green_s)

    def dark(self, *, micro: bool) -> None:
        """Without power: first come, first served."""
        width = len(self.phases[0][1])
        if micro:
            self.sumo.trafficlight.setRedYellowGreenState(self.name, "s" * width)
            return
        # The mesoscopic model knows lights by the share and length of their green alone. These carry about 300 vehicles
        # an hour and lane after a wait of 11 s: two lanes from four sides, where all stop, carry some 1,900 together
        # in the microscopic model too.
        self.programme("dark", [(4, "G" * width), (26, "r" * width)])

    def retime(self, green_s: float) -> None:
        """Give the main stage this green and the last stage the rest of the cycle."""
        first, last = self.greens[0], self.greens[-1]
        spare = self.phases[first][0] + self.phases[last][0]
        phases = list(self.phases)
        phases[first] = (green_s, phases[first][1])
        phases[last] = (spare - green_s, phases[last][1])
        self.programme("retimed", phases)

    def programme(self, name: str, phases: list[tuple[float, str]]) -> None:
        """Show these phases, over and over."""
        sumo = self.sumo
        logic = sumo.trafficlight.Logic(name, 0, 0, [sumo.trafficlight.Phase(*phase) for phase in phases])
        sumo.trafficlight.setProgramLogic(self.name, logic)
        sumo.trafficlight.setProgram(self.name, name)

    def ask(self, now: int, stage: int) -> None:
        """Change to a stage by yellow and all red, not before the least green is over; then hold it."""
        light = self.sumo.trafficlight
        if self.stage is None:
            phase = light.getPhase(self.name)
            self.stage = max((k for k, at in enumerate(self.greens) if at <= phase), default=0)
            self.since_s = now
            light.setRedYellowGreenState(self.name, self.phases[self.greens[self.stage]][1])
        if self.plan or stage == self.stage:
            return
        at = max(now, self.since_s + self.least_green_s)
        first = self.greens[self.stage]
        ends = self.greens[self.stage + 1] if self.stage + 1 < len(self.greens) else len(self.phases)
        for duration, state in self.phases[first + 1 : ends]:
            self.plan.append((at, state, None))
            at += round(duration)
        self.plan.append((at, self.phases[self.greens[stage]][1], stage))
        self.advance(now)

    def advance(self, now: int) -> None:
        """Show what the change has come to."""
        while self.plan and self.plan[0][0] <= now:
            _, state, stage = self.plan.pop(0)
            self.sumo.trafficlight.setRedYellowGreenState(self.name, state)
            if stage is not None:
                self.stage, self.since_s = stage, now
        self.next_s = self.plan[0][0] if self.plan else None
