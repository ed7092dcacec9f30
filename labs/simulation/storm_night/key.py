"""Answer key of the storm night: a student's hidden reality, what they are given of it, and one check a task."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pandas as pd

import twin_sandbox
from grader.checks import absolute, controller, decision, field, function, number, record, relative, series, skill_steps
from grader.checks import table as by_place
from grader.checks.reading import as_mapping, as_time
from grader.isolation.answers import Unreadable
from twin_sandbox import Reality, Scenario, Storm, Tide, kpi
from twin_sandbox.errors import TwinError
from twin_sandbox.things.faults import Bias, ClockSkew, Drift, Gap, Noise, Stuck, apply
from twin_sandbox.things.observation import Observed, observe
from twin_sandbox.truth import Leaves
from twin_sandbox.world.result import Result

ZONE = "Asia/Shanghai"
STEP = pd.Timedelta("5min")
LAST_NIGHT = pd.Timestamp("2026-07-17T18:00", tz=ZONE)
TONIGHT = pd.Timestamp("2026-07-18T18:00", tz=ZONE)
PUBLIC_N = 0.013
PRIOR_N = (0.022, 0.032)
HIDDEN_NIGHTS = 3
LAST_NIGHT_H, TONIGHT_H, PUMP_NIGHT_H = 3.5, 4.5, 3.5
# Nights in which knowing the trunk decides which street to close, and when (of 19 nights tried with a trunk of 0.021 or
# more, in two below 0.022 the designed sewers said as much). Anning Road is the street whose water the
# trunk decides: 0.3 m as designed, 0.45 to 0.6 m as it really is. So tonight a diversion leads along one part of it, in
# a storm strong enough to drown it and too weak to do so with a smooth trunk.
DIVERSION = "Anning Road"
TONIGHT_PEAK_MM_H = (200.0, 225.0)
TONIGHT_RANGE_M, TONIGHT_SURGE_M = (2.9, 3.3), (0.2, 0.45)
# The devices that watch the drains.
WATCHING = ("rain_gauge", "tide_gauge", "level_sensor", "street_depth", "pump_status")
SUMP = "level-01"  # pumped up and down all night: no place for a fault that is to be found

# What a vehicle costs: turned away, in more than 15 cm of water, in more than 30 cm.
TURNED_AWAY, WET, DEEP = 15.0, 20.0, 60.0

# The station runs on its diesel set tonight: CNY a kWh, CNY a pump start. So dear that pumps which never stop
# cost more than the standing rules do.
DIESEL, START = 210.0, 300.0

Truth = Mapping[str, Any]
Policy = Callable[[dict[str, Any]], dict[str, float]]


@cache
def twin() -> twin_sandbox.Twin:
    """The sample district, opened once a process."""
    return twin_sandbox.open_district()


# ---- the hidden reality ------------------------------------------------------------------------------------


def _rain(
    rng: np.random.Generator, horizon_h: float, years: tuple[float, float], peak_h: tuple[float, float]
) -> list[float]:
    """Rain intensity of each five minutes [mm/h]: a Chicago storm of the city, roughened as real storms are."""
    storm = Storm.chicago(
        return_period_a=float(np.exp(rng.uniform(*np.log(years)))),
        duration_min=10 * int(rng.integers(7, 16)),
        peak_share=float(rng.uniform(0.35, 0.5)),
        city="suzhou",
    )
    five = storm.intensity_mm_h.reshape(-1, 300 // storm.step_s).mean(axis=1)
    rough = five * np.clip(1.0 + 0.15 * rng.standard_normal(five.size), 0.5, 1.5)
    rain = np.zeros(round(horizon_h * 12))
    first = round(float(rng.uniform(*peak_h)) * 12) - int(five.argmax())
    first = min(max(first, 0), rain.size - five.size)  # the whole storm falls within the run
    rain[first : first + five.size] = rough * five.sum() / rough.sum()
    return [round(float(mm_h), 2) for mm_h in rain]


def _night(start: pd.Timestamp, horizon_h: float, rain_mm_h: list[float], tide: dict[str, Any]) -> dict[str, Any]:
    return {"start": start.isoformat(), "horizon_h": horizon_h, "rain_mm_h": rain_mm_h, "tide": tide}


def _tide(
    rng: np.random.Generator, high_at: pd.Timestamp, range_m: tuple[float, float], surge_m: tuple[float, float]
) -> dict[str, Any]:
    return {
        "mean_m": 0.0,
        "range_m": round(float(rng.uniform(*range_m)), 2),
        "high_at": high_at.round("min").isoformat(),
        "surge_m": round(float(rng.uniform(*surge_m)), 2),
    }


def scenario(name: str, night: Mapping[str, Any]) -> Scenario:
    """The run that a night's facts describe, pumps on their standing rules."""
    tide = night["tide"]
    return Scenario(
        name=name,
        start=pd.Timestamp(night["start"]),
        horizon_h=night["horizon_h"],
        storm=Storm.from_series(night["rain_mm_h"], step_s=300),
        storm_start=pd.Timestamp(night["start"]),
        tide=Tide(
            mean_m=tide["mean_m"],
            range_m=tide["range_m"],
            high_at=pd.Timestamp(tide["high_at"]),
            surge_m=tide["surge_m"],
        ),
        pumps="rules",
    )


def reality(leaves: Leaves) -> dict[str, Any]:
    """What is drawn for one student and stands behind their bundle, as plain values."""
    truth = _draw(leaves)
    since = next(told["first"] for told in _observed(leaves).truth if told["fault"] == truth["fault"]["class"])
    return truth | {"fault": truth["fault"] | {"since": since}}


def consequences(truth: Truth, leaves: Leaves) -> dict[str, Any]:
    """What only grading needs: tonight as it really comes, and hidden nights for the pumps. The checks read both."""
    real = Reality(trunk_roughness_n=truth["trunk_roughness_n"])
    calibrated = twin().run(scenario("tonight", truth["tonight"]), reality=real).water.street_depth_m
    designed = twin().run(scenario("tonight", truth["tonight"])).water.street_depth_m
    return {
        "standing_water_m": {code: round(float(depth), 4) for code, depth in calibrated.max().items()},
        "designed_water_m": {code: round(float(depth), 4) for code, depth in designed.max().items()},
        **_closure(calibrated, designed, truth["tonight"]["vehicles_per_h"]),
        **_pump_nights(leaves.generator("pump_nights"), real),
        "storm_depth_calls": _calls(leaves.generator("hidden_inputs")),
    }


def _draw(leaves: Leaves) -> dict[str, Any]:
    hidden, nights, faults = (leaves.generator(purpose) for purpose in ("reality", "scenario", "faults"))
    last = _night(
        LAST_NIGHT,
        LAST_NIGHT_H,
        _rain(nights, LAST_NIGHT_H, (1.5, 30.0), (0.8, 1.2)),
        _tide(nights, LAST_NIGHT + pd.Timedelta(hours=float(nights.uniform(-2, 0))), (2.6, 3.0), (0.0, 0.1)),
    )
    rain_tonight = _rain(nights, TONIGHT_H, (8.0, 40.0), (0.8, 2.7))
    while not TONIGHT_PEAK_MM_H[0] <= max(rain_tonight) <= TONIGHT_PEAK_MM_H[1]:
        rain_tonight = _rain(nights, TONIGHT_H, (8.0, 40.0), (0.8, 2.7))
    high_at = TONIGHT + STEP * int(np.argmax(rain_tonight)) + pd.Timedelta(minutes=float(nights.uniform(-30, 60)))
    tide_tonight = _tide(nights, high_at, TONIGHT_RANGE_M, TONIGHT_SURGE_M)
    rain_m = sum(last["rain_mm_h"]) / 12.0 / 1000.0
    # A gauge's reading stands for the five minutes before its time.
    fell = [0.0, *last["rain_mm_h"]]
    land = twin().entities["subcatchments"]
    return {
        "trunk_roughness_n": round(float(hidden.uniform(*PRIOR_N)), 5),
        "last_night": last,
        "tonight": _night(TONIGHT, TONIGHT_H, rain_tonight, tide_tonight) | {"vehicles_per_h": _traffic(nights)},
        "rain_mm_h": dict(zip([time.isoformat() for time in _times(last)], fell, strict=True)),
        "runoff_m3": rain_m * float((land["area_m2"] * land["runoff_coefficient"]).sum()),
        "area_m2": float(land["area_m2"].sum()),
        "fault": _fault(faults),
        "skew_s": 300.0 * int(faults.integers(3, 9)),
    }


def _times(night: Mapping[str, Any]) -> pd.DatetimeIndex:
    return pd.date_range(night["start"], periods=len(night["rain_mm_h"]) + 1, freq=STEP)


# ---- the closure -------------------------------------------------------------------------------------------


def _harm(depth_m: np.ndarray) -> np.ndarray:
    return np.where(depth_m > 0.30, DEEP, np.where(depth_m > 0.15, WET, 0.0))


def _traffic(rng: np.random.Generator) -> dict[str, float]:
    """Vehicles an hour tonight on each street that can drown: a diversion leads along one part of Anning Road."""
    low, streets = twin().entities["low_areas"], twin().entities["streets"]
    usual = streets["vehicles_per_h"].reindex(low["street_code"]).dropna()
    anning = low.loc[low["name_en"].str.startswith(DIVERSION), "street_code"]
    led_along = str(rng.choice(sorted(anning)))
    share = dict.fromkeys(anning, 0.75) | {led_along: 1.35}
    return {
        str(street): float(10 * round(float(flow * share.get(street, 1.0) * rng.uniform(0.95, 1.05)) / 10))
        for street, flow in usual.items()
    }


def _street_harm(depth: pd.DataFrame, vehicles: Mapping[str, float]) -> dict[str, list[float]]:
    """Cost of each five minutes in which a street stays open: vehicles × what the water does to one."""
    low = twin().entities["low_areas"]
    harm: dict[str, np.ndarray] = {}
    for code in depth.columns:
        street = low.loc[code, "street_code"]
        if street in vehicles:
            worst = _harm(depth[code].to_numpy()) * vehicles[street] / 12.0
            harm[street] = np.maximum(harm.get(street, 0.0), worst)
    return {street: [round(float(value), 3) for value in values] for street, values in harm.items()}


def _best_closure(harm: Mapping[str, list[float]], vehicles: Mapping[str, float]) -> tuple[str, int, int]:
    """The street and the steps [from, to) whose closing saves most: a largest sum of a run of numbers."""
    best, choice = 0.0, ("", 0, 0)
    for street, values in harm.items():
        gain = np.asarray(values) - TURNED_AWAY * vehicles[street] / 12.0
        total, start = 0.0, 0
        for step, value in enumerate(gain):
            if total <= 0:
                total, start = 0.0, step
            total += value
            if total > best:
                best, choice = total, (street, start, step + 1)
    return choice


def _closing_cost(
    choice: tuple[str, int, int], harm: Mapping[str, list[float]], vehicles: Mapping[str, float]
) -> float:
    street, start, end = choice
    total = sum(sum(values) for values in harm.values())
    if street not in harm:
        return total
    steps = slice(max(start, 0), max(end, 0))
    closed = len(range(*steps.indices(len(harm[street]))))
    return total - sum(harm[street][steps]) + closed * TURNED_AWAY * vehicles[street] / 12.0


def _cost_within_minutes(
    choice: tuple[str, int, int], harm: Mapping[str, list[float]], vehicles: Mapping[str, float]
) -> float:
    """The least cost with each end up to five minutes earlier or later: as fine as a calibrated model can tell."""
    street, start, end = choice
    near = [(street, start + a, end + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    return min(_closing_cost(one, harm, vehicles) for one in near)


def _closure(calibrated: pd.DataFrame, designed: pd.DataFrame, vehicles: Mapping[str, float]) -> dict[str, Any]:
    harm = _street_harm(calibrated, vehicles)
    best = _best_closure(harm, vehicles)
    # What needs no knowledge of this student's city: what the designed one suggests, a street shut all evening, none.
    steps = len(calibrated)
    known = [
        ("", 0, 0),
        *((street, 0, steps) for street in harm),
        _best_closure(_street_harm(designed, vehicles), vehicles),
    ]
    costs = [_closing_cost(choice, harm, vehicles) for choice in known]
    oracle = _closing_cost(best, harm, vehicles)
    baseline = min(costs)
    if baseline - oracle < 0.05 * sum(harm.get(best[0], [1.0])):
        baseline = min(costs[:-1])  # the designed city suggests the best there is: then skill counts from the others
    return {
        "street_harm": harm,
        "vehicles_per_h": dict(vehicles),
        "closure_baseline": baseline,
        "closure_oracle": oracle,
    }


def _read_closure(value: object) -> tuple[str, int, int]:
    found = as_mapping("closure", value)
    absent = [name for name in ("street", "close_at", "reopen_at") if name not in found]
    if absent:
        raise Unreadable(f"closure lacks the field {', '.join(absent)}; it needs street, close_at and reopen_at.")
    steps = [round((as_time(f"closure[{n!r}]", found[n]) - TONIGHT) / STEP) for n in ("close_at", "reopen_at")]
    if steps[0] >= steps[1]:
        raise Unreadable("closure reopens before it closes; look at close_at and reopen_at.")
    return str(found["street"]), steps[0], steps[1]


# ---- the pumps ---------------------------------------------------------------------------------------------


def night_cost(result: Result) -> float:
    """What a night costs in CNY, the station on its diesel set; the lesson has the same lines."""
    return float(kpi.flood_damage(result) + DIESEL * kpi.pump_energy_kwh(result) + START * kpi.pump_starts(result))


class PumpNight:
    """One hidden night that a controller drives in the real district."""

    def __init__(self, night: Mapping[str, Any], real: Reality) -> None:
        self._session = twin().session(scenario("hidden night", night), reality=real, step_s=300)

    @property
    def done(self) -> bool:
        """Whether the horizon is reached."""
        return bool(self._session.done)

    def measurements(self) -> dict[str, Any]:
        """What the control room sees: not every node and street, which come as dicts by code."""
        return {name: value for name, value in self._session.measurements().items() if "." not in name}

    def safe(self, settings: object) -> dict[str, Any] | None:
        """The settings, if they are a dict of known names with numbers from 0 to 1."""
        try:
            return dict(self._session.check(settings))  # type: ignore[arg-type]  # whatever it is, it is checked
        except TwinError:
            return None

    def step(self, settings: dict[str, Any]) -> None:
        """Act for five minutes."""
        self._session.step(settings)

    def cost(self) -> float:
        """Cost of the night [CNY]."""
        return night_cost(self._session.result())

    def close(self) -> None:
        """End the engine."""
        self._session.close()


def _policy(start_m: float, lead_mm: float) -> Policy:
    """A controller of the family that the oracle is tuned in: all pumps above a level or before much rain."""

    def act(m: Mapping[str, Any]) -> dict[str, float]:
        on = float(m["sump_m"] > start_m or (m["forecast_rain_mm"] > lead_mm and m["sump_m"] > -4.0))
        return {"pump_1": on, "pump_2": on, "pump_3": on, "gate_1": 1.0}

    return act


POLICIES = (_policy(-3.0, 99.0), _policy(-1.0, 15.0), _policy(0.0, 15.0))


def _drive(night: Mapping[str, Any], real: Reality, policy: Policy) -> float:
    return night_cost(twin().run(scenario("hidden night", night), reality=real, controller=policy))


def _pump_nights(rng: np.random.Generator, real: Reality) -> dict[str, Any]:
    nights, baselines, oracles = [], [], []
    while len(nights) < HIDDEN_NIGHTS:
        rain = _rain(rng, PUMP_NIGHT_H, (4.0, 12.0), (1.2, 1.8))
        peak = TONIGHT + STEP * int(np.argmax(rain))
        high_at = peak + pd.Timedelta(minutes=float(rng.uniform(-30, 60)))
        night = _night(TONIGHT, PUMP_NIGHT_H, rain, _tide(rng, high_at, (2.8, 3.6), (0.2, 0.6)))
        baseline = night_cost(twin().run(scenario("hidden night", night), reality=real))
        oracle = min(_drive(night, real, policy) for policy in POLICIES)
        if oracle < 0.995 * baseline:  # a night in which the standing rules are as good as any teaches nothing
            nights.append(night)
            baselines.append(baseline)
            oracles.append(oracle)
    return {"pump_nights": nights, "pump_baselines": baselines, "pump_oracles": oracles}


def _worlds(truth: Truth) -> Sequence[Any]:
    real = Reality(trunk_roughness_n=truth["trunk_roughness_n"])
    return [lambda night=night: PumpNight(night, real) for night in truth["pump_nights"]]


# ---- faults and hidden inputs ------------------------------------------------------------------------------


def _fault(rng: np.random.Generator) -> dict[str, Any]:
    """One level sensor that lies from a moment on, in one of three ways."""
    streams = sorted(name for name in twin().things.index if name.startswith("level-") and name != SUMP)
    kind = str(rng.choice(["stuck", "jump", "drift"]))
    begins = float(rng.uniform(*{"stuck": (0.33, 0.45), "jump": (0.25, 0.6), "drift": (0.42, 0.55)}[kind]))
    size = {
        "stuck": 0.0,
        "jump": float(rng.uniform(0.6, 1.0)),  # m
        "drift": float(rng.uniform(0.6, 0.9)),  # m/h
    }[kind]
    return {
        "datastream": str(rng.choice(streams)),
        "fault": kind,
        "class": {"stuck": "stuck", "jump": "bias", "drift": "drift"}[kind],
        "begins": round(begins, 3),
        "size": round(size, 3),
    }


@lru_cache(maxsize=1)
def _observed(leaves: Leaves) -> Observed:
    """What the devices reported of last night, less what fell into rain-01's gap."""
    truth = _draw(leaves)
    fault = truth["fault"]
    name, begins, size = fault["datastream"], fault["begins"], fault["size"]
    lying = {
        "stuck": Stuck(name, begins, 1.0 - begins),
        "jump": Bias(name, size, begins),
        "drift": Drift(name, size, begins),
    }[fault["fault"]]
    faults = [lying, ClockSkew("rain-02", truth["skew_s"])]
    faults += [Noise(gauge, 0.02, relative=True) for gauge in ("rain-01", "rain-02")]
    real = Reality(trunk_roughness_n=truth["trunk_roughness_n"])
    night = twin().run(scenario("last night", truth["last_night"]), reality=real)
    streams = {"noise": leaves.generator("noise"), "faults": leaves.generator("device_faults")}
    table, told = observe(twin().district, night, streams, faults, WATCHING)
    gauge = table[table["datastream"] == "rain-01"]
    sent = gauge.set_index("time")["value"]
    gap = leaves.generator("gap")
    for _ in range(500):
        heard, outage = apply(sent, Gap("rain-01", count=1, mean_minutes=40.0), gap)
        if 0.15 <= 1.0 - heard.sum() / sent.sum() <= 0.6:  # a good part of the rain
            lost = gauge.index[~gauge["time"].isin(heard.index)]
            return Observed(table.drop(index=lost).reset_index(drop=True), [*told, outage])
    raise AssertionError("no gap took between 15 and 60 % of the rain")


def bundle(truth: Truth, leaves: Leaves) -> dict[str, Any]:
    """What the student is given: the ledger, what the devices reported, last night's tide, tonight's forecast."""
    last = {name: truth["last_night"][name] for name in ("start", "horizon_h", "tide")}
    observations = _observed(leaves).table
    columns = ["kind", "host", "quantity", "unit", "resolution", "interval_s"]
    return {
        "ledger.csv": twin().things.loc[observations["datastream"].unique(), columns],
        "observations.csv": observations,
        "last_night.json": last,
        "tonight.json": truth["tonight"],
    }


def _calls(rng: np.random.Generator) -> list[list[float]]:
    return [[round(float(rng.uniform(1, 100)), 1), round(float(rng.uniform(5, 180)))] for _ in range(6)]


def _same_fault(values: Mapping[str, Any], truth: Truth) -> bool:
    return all(str(values[name]).strip().lower() == truth["fault"][name] for name in ("datastream", "fault"))


def _same_moment(values: Mapping[str, Any], truth: Truth) -> bool:
    since = as_time("faulty['since']", values["since"])
    return bool(abs(since - pd.Timestamp(truth["fault"]["since"])) <= pd.Timedelta("40min"))


def _suzhou_depth_mm(years: float, minutes: float) -> float:
    return float(17.969 * (1 + 1.24 * np.log10(years)) / (minutes + 18.415) ** 0.785 * minutes)


# ---- the checks --------------------------------------------------------------------------------------------

checks = {
    "repaired_rain": series(
        "repaired_rain",
        column="rain_mm_h",
        quantity="rain of last night",
        unit="mm/h",
        truth=lambda truth: truth["rain_mm_h"],
        rmse_within=lambda truth: 1.0 + 0.02 * max(truth["rain_mm_h"].values()),
        because="each gauge reads a few per cent off, and counts tenths of a mm/h",
        look_at="Find by how many steps rain-02 is late: shift it until it fits rain-01 where both have values.",
    ),
    "faulty_sensor": record(
        "faulty",
        quantity="the sensor that lies",
        fields=(
            field(
                ("datastream", "fault"),
                0.5,
                _same_fault,
                "another sensor or another fault fits better. Look at seen minus modelled, one plot a sensor: does it"
                " repeat one value, step aside at once, or creep away?",
            ),
            field(
                ("since",),
                0.5,
                _same_moment,
                "sensor and fault are right, the moment is off by more than 40 minutes. Look for the first reading"
                " that no longer follows the water; a drift starts where its line, drawn back, meets zero.",
            ),
        ),
    ),
    "runoff_volume": number(
        "runoff_m3",
        quantity="runoff volume",
        unit="m³",
        truth=lambda truth: truth["runoff_m3"],
        within=relative(0.02, because="the mended rain record is good to 1 % in its total"),
        plausible=(1_000.0, 500_000.0),
        look_at="Readings are mm/h and stand five minutes each; areas are m²; each subcatchment has its own ψ.",
        mistaken={
            "took each mm/h for mm": lambda truth: 12.0 * truth["runoff_m3"],
            "let all the rain run off": lambda truth: sum(truth["rain_mm_h"].values()) / 12e3 * truth["area_m2"],
        },
    ),
    "storm_depth": function(
        "storm_depth_mm",
        quantity="depth of a design storm",
        unit="mm",
        inputs=lambda truth: truth["storm_depth_calls"],
        expected=_suzhou_depth_mm,
        within=relative(0.005, because="rounding"),
        steps=((1.0, 1.0),),
        look_at="The formula gives mm per minute; lg is the logarithm to base 10; the bracket is (t + 18.415).",
    ),
    "trunk_roughness": number(
        "trunk_roughness_n",
        quantity="Manning's n of the trunk sewer",
        unit="s/m^(1/3)",
        truth=lambda truth: truth["trunk_roughness_n"],
        within=absolute(0.001, because="the rain record, good to 2 %, moves the best fit by up to 0.0007"),
        plausible=(0.008, 0.05),
        look_at="Leave out the sensor that lies, use the repaired rain, and look for the least mean square error.",
        mistaken={"kept the designed value": lambda truth: PUBLIC_N},  # noqa: ARG005 - the public model is the same for all
    ),
    "standing_water": by_place(
        "standing_water",
        column="depth_m",
        quantity="greatest depth tonight",
        unit="m",
        truth=lambda truth: truth["standing_water_m"],
        within=relative(0.03, at_least=0.025, because="a roughness off by its own tolerance moves depths this much"),
        steps=((0.9, 1.0), (0.75, 0.5)),
        look_at="Run tonight, not last night, with your calibrated roughness; take the greatest depth of each place.",
    ),
    "pump_controller": controller(
        "pump_controller",
        quantity="running the pumps",
        worlds=_worlds,
        baseline_costs=lambda truth: truth["pump_baselines"],
        oracle_costs=lambda truth: truth["pump_oracles"],
        first_settings={},
        steps=skill_steps(0.7, 0.4),
        look_at="Drive tonight with it yourself and compare night_cost with the standing rules': when do pumps run"
        " that no street needs, and when do they start too late?",
    ),
    "street_closure": decision(
        "closure",
        quantity="closing a street",
        read=_read_closure,
        cost=lambda choice, truth: _cost_within_minutes(choice, truth["street_harm"], truth["vehicles_per_h"]),
        baseline_cost=lambda truth: truth["closure_baseline"],
        oracle_cost=lambda truth: truth["closure_oracle"],
        steps=skill_steps(0.9, 0.75),
        look_at="For each street, add up what the water would cost its vehicles, less what closing costs; then take"
        " the hours in which that is positive.",
    ),
}
