"""Where everyone is, minute by minute, and the water that their being there draws.

No library does this; the engine is bookkeeping over stays: someone is at a place from a second until another. Presence
is counted by difference and running sum, so a day of 14,000 people costs some hundredths of a second. Water follows
what people do where they are; the model (`twin_sandbox.world.models.people`) brings what one person's doing draws.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE_S = 60
WHEREABOUTS = ("at_home", "elsewhere", "on_the_way", "outside")
"""Everyone is in one of these: at home, elsewhere in the district, between two places, beyond its gates."""
SHELTER_L_PER_DAY = 20.0
"""Water of a person in a shelter, drinking and washing [L/(person·day)]: GB 51143-2015, order of magnitude."""
STANDING_OF_MOST = 0.5
"""What a building does without people, in people, by the most that it holds on an ordinary day: rule of this project,
from a house's load at night, about a third of its peak."""


@dataclass(frozen=True)
class Stays:
    """Stays of people at places, n of them.

    Args:
        place: index of the place: a building, or beyond the last building any other place of the district; −1 outside.
        begin_s, end_s: from when until when [s since the start of the run]; may reach beyond the run on both sides.
        at_home: whether the place is where the person lives.
    """

    place: Ints
    begin_s: Ints
    end_s: Ints
    at_home: NDArray[np.bool_]


@dataclass(frozen=True)
class Doing:
    """What draws water: spans of doing something at a building, n of them.

    Args:
        place: index of the building.
        begin_s, end_s: from when until when [s since the start of the run].
        litres_h: what such a person draws by norm [L/h]; negative spans lower another one's.
    """

    place: Ints
    begin_s: Ints
    end_s: Ints
    litres_h: Floats


@dataclass(frozen=True)
class Model:
    """People and their days, ready to run; b buildings.

    Args:
        buildings: their codes.
        modes: names of the ways to travel.
        horizon_s: length of the run [s].
        start_hour: hour of the day at which the run starts, with its fraction.
        people: how many there are.
        stays: where they are.
        doing: what they do that draws water.
        depart_s: when each trip of the run departs [s].
        mode: its way to travel, index into ``modes``.
        standing_m3s: shape (b,), what flows whether anybody is there or not [m³/s].
        rate: shape (24, b), real draught ÷ the norms' litres [1] at half past each hour; between, linear.
        floor_l_h: shape (b,), doing without anybody, such as cleaning, cooling, patients who stay [L/h].
        water_factor: one for each hour of the run, the last included: heat.
        ordinary: shape (1440, b), people in each building in each minute of an ordinary working day.
        shelter: shape (b,), index of the building to which those of a building are taken.
    """

    buildings: tuple[str, ...]
    modes: tuple[str, ...]
    horizon_s: int
    start_hour: float
    people: int
    stays: Stays
    doing: Doing
    depart_s: Ints
    mode: Ints
    standing_m3s: Floats
    rate: Floats
    floor_l_h: Floats
    water_factor: Floats
    ordinary: Floats
    shelter: Ints


def presence(place: Ints, begin_s: Ints, end_s: Ints, weight: Floats, places: int, minutes: int) -> Floats:
    """Sum of weights at each place in each minute: shape (minutes, places).

    A span counts at minute k if it began at or before 60 k seconds and had not ended by then.

    Args:
        place: shape (n,), index of the place; others than 0 … places − 1 are left out.
        begin_s: shape (n,) [s].
        end_s: shape (n,) [s].
        weight: shape (n,); 1 counts people.
        places: number of places.
        minutes: number of minutes, from second 0 on.
    """
    first = np.clip(-(-begin_s // MINUTE_S), 0, minutes)
    last = np.clip(-(-end_s // MINUTE_S), 0, minutes)
    kept = (place >= 0) & (place < places) & (last > first)
    cells = np.concatenate([first[kept] * places + place[kept], last[kept] * places + place[kept]])
    change = np.bincount(cells, np.concatenate([weight[kept], -weight[kept]]), (minutes + 1) * places)
    running = np.cumsum(change.reshape(minutes + 1, places)[:minutes], axis=0)
    return np.asarray(running, dtype=np.float64)


def at_hours(rate: Floats, hour: Floats) -> Floats:
    """Rates known at half past each hour of the day, shape (24, b), at any hours, shape (n,): linear, (n, b)."""
    since = hour - 0.5
    before = np.floor(since).astype(np.int64)
    share = (since - before)[:, None]
    return np.asarray((1.0 - share) * rate[before % 24] + share * rate[(before + 1) % 24], dtype=np.float64)


class People:
    """Residents and commuters of a district through their days.

    Takes ``evacuated``: the share of a building's people that is taken to its shelter. Gives people by building, the
    water that they draw, how busy a building is by an ordinary working day's standard, where everyone is, and the
    trips that departed since the moment before.

    Args:
        model: people and their days.

    Raises:
        TwinError: the horizon is not whole minutes.
    """

    step_s = MINUTE_S

    def __init__(self, model: Model) -> None:
        if model.horizon_s <= 0 or model.horizon_s % MINUTE_S:
            raise TwinError("People, horizon_s", f"{model.horizon_s} s", "Whole minutes.")
        self.model = model
        self.takes: Mapping[str, Port] = {
            "evacuated": Port(
                model.buildings, "1", "share of the people of a building who are taken to its shelter", 0.0, 1.0
            ),
        }
        self.gives: Mapping[str, Port] = {
            "occupants": Port(model.buildings, "1", "people in the building"),
            "water_m3s": Port(model.buildings, "m³/s", "water that the building wants, leakage not counted"),
            "activity_factor": Port(
                model.buildings, "1", "activity of the building by that of an ordinary working day"
            ),
            "whereabouts": Port(WHEREABOUTS, "1", "people by where they are; their sum never changes"),
            "departed": Port(model.modes, "1", "trips that departed since the moment before, by way to travel"),
        }
        self._time_s = 0.0
        self._evacuated = np.zeros(len(model.buildings))
        self._drawn_m3 = 0.0

    def start(self) -> Outputs:
        """Count everyone for the whole run, and give the first minute."""
        model = self.model
        places, minutes = len(model.buildings), model.horizon_s // MINUTE_S + 1
        stays, doing = model.stays, model.doing
        ones = np.ones(len(stays.place))
        self._occupants = presence(stays.place, stays.begin_s, stays.end_s, ones, places, minutes)
        own = stays.at_home
        self._at_home = presence(stays.place[own], stays.begin_s[own], stays.end_s[own], ones[own], places, minutes)
        where = np.select([stays.place < 0, own], [2, 0], 1)
        counted = presence(where, stays.begin_s, stays.end_s, ones, 3, minutes)
        moving = model.people - counted.sum(axis=1)
        self._whereabouts = np.column_stack([counted[:, 0], counted[:, 1], moving, counted[:, 2]])
        litres_h = presence(doing.place, doing.begin_s, doing.end_s, doing.litres_h, places, minutes)
        hour = model.start_hour + np.arange(minutes) / 60.0
        drawn = at_hours(model.rate, hour) * (litres_h + model.floor_l_h) / 3.6e6
        factor = model.water_factor[np.arange(minutes) // 60]
        self._water_m3s = (model.standing_m3s + drawn) * factor[:, None]
        self._ordinary = model.ordinary[np.floor(hour * 60.0 + 1e-6).astype(np.int64) % 1440]
        self._standing = 1.0 + STANDING_OF_MOST * model.ordinary.max(axis=0)
        self._departed = np.bincount(
            np.clip(-(-model.depart_s // MINUTE_S), 0, minutes) * len(model.modes) + model.mode,
            minlength=(minutes + 1) * len(model.modes),
        ).reshape(-1, len(model.modes))
        self._departed[0] = 0
        return self._found(0, 0)

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Go on to ``until_s``.

        Raises:
            TwinError: a time before the present one, beyond the horizon or between minutes; a share outside 0 to 1.
        """
        if until_s % MINUTE_S or not self._time_s < until_s <= self.model.horizon_s:
            raise TwinError(
                "People.step",
                f"until {until_s:g} s",
                f"Whole minutes after {self._time_s:g} s, to {self.model.horizon_s}.",
            )
        if "evacuated" in inputs:
            share = np.nan_to_num(np.asarray(inputs["evacuated"], dtype=np.float64), nan=0.0)
            if share.shape != self._evacuated.shape or not ((share >= 0.0) & (share <= 1.0)).all():
                raise TwinError("People.step, evacuated", "a share outside 0 to 1", "One for each building.")
            self._evacuated = share
        before, now = round(self._time_s) // MINUTE_S, round(until_s) // MINUTE_S
        self._time_s = float(until_s)
        self._drawn_m3 += float(self._water_m3s[before:now].sum()) * MINUTE_S
        return self._found(before, now)

    def finish(self) -> Finished:
        """The water that everybody would have drawn without evacuations, people, and trips departed."""
        balances = {
            "water_m3": self._drawn_m3,
            "people": float(self.model.people),
            "trips": float(self._departed[: round(self._time_s) // MINUTE_S + 1].sum()),
        }
        return Finished(balances)

    def close(self) -> None:
        """Nothing to free."""

    def _found(self, before: int, now: int) -> Outputs:
        occupants, water = self._occupants[now].copy(), self._water_m3s[now].copy()
        whereabouts = self._whereabouts[now].copy()
        if self._evacuated.any():
            self._evacuate(now, occupants, water, whereabouts)
        found = {
            "occupants": occupants,
            "water_m3s": water,
            "activity_factor": (occupants + self._standing) / (self._ordinary[now] + self._standing),
            "whereabouts": whereabouts,
            "departed": self._departed[before + 1 : now + 1].sum(axis=0).astype(np.float64),
        }
        return Outputs(now * float(MINUTE_S), found)

    def _evacuate(self, now: int, occupants: Floats, water: Floats, whereabouts: Floats) -> None:
        """Take the people of evacuated buildings to their shelters."""
        moved = np.round(occupants * self._evacuated)
        from_home = np.round(self._at_home[now] * self._evacuated).sum()
        arrived = np.bincount(self.model.shelter, moved, len(moved))
        occupants += arrived - moved
        water *= 1.0 - self._evacuated
        water += arrived * SHELTER_L_PER_DAY / 1000.0 / 86400.0
        whereabouts[:2] += (-from_home, from_home)
