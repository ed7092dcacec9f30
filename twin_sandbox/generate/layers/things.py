"""Devices of the layers: what each watches, who owns it, how it stands in the ledger."""

from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from shapely.geometry import Point

from twin_sandbox.entities.tables import TABLES
from twin_sandbox.errors import TwinError
from twin_sandbox.generate.layers.site import Site
from twin_sandbox.generate.layers.things_kinds import FIRST, KINDS, Kind

PRESENT = date(2026, 6, 1)
"""The day on which the ledger stands as it is written."""

VENDORS = ("Pelican Instruments", "Northmole Sensing", "Saltworks Devices", "Lantern Telemetry")
"""Invented makers."""

STATE_SHARES = {"fault": 0.05, "maintenance": 0.04, "retired": 0.03, "planned": 0.03}
"""Share of the devices that are not simply in service: a rule of this project, enough of each to be found."""

STEADY = 3
"""Kinds with fewer devices than this are all in service, and so are the gateways."""


class Spot(NamedTuple):
    """Where a device may hang: its host's code and name, in local metres."""

    host: str
    x_m: float
    y_m: float
    name_en: str
    name_zh: str


def add(site: Site) -> None:
    """Complete the devices that watch the drains, then add those of `KINDS`, each kind spread over its hosts.

    Raises:
        TwinError: the recipe places a kind that it can't place.
    """
    _check_recipe(site)
    first = list(site.tables["devices"].rows)
    placed: list[tuple[str, str]] = []
    for name, kind in KINDS.items():
        if kind.number:
            spots = _spread([spot for spot in _spots(site, name, kind) if _ashore(site, spot)], kind.number, site.rng)
        else:
            spots = _from_recipe(site, name, kind)
        for number, spot in enumerate(spots, start=1):
            placed.append((name, _add(site, name, kind, number, spot)))
    rows = {row["code"]: row for row in site.tables["devices"].rows}
    states = _states(placed, site.rng)
    for row in first:
        owner, space, height = FIRST[row["kind"]]
        row.update(owner=owner, space=space, mount_height_m=height)
    gateways = [(code, rows[code]["geometry"]) for name, code in placed if name == "gateway"]
    for code, row in rows.items():
        near = min(gateways, key=lambda gateway: (row["geometry"].distance(gateway[1]), gateway[0]))[0]
        row["gateway"] = "" if code == near else near
        _enter(site, row, states.get(code, "in service"), drained=row["kind"] in FIRST)


def _check_recipe(site: Site) -> None:
    allowed = [name for name, kind in KINDS.items() if not kind.number]
    for k, row in enumerate(site.recipe.tree.get("device", [])):
        if row["kind"] not in allowed:
            raise TwinError(
                f"{site.recipe.path}, device[{k}].kind", repr(row["kind"]), f"One of: {', '.join(allowed)}.",
                "Devices of other kinds are spread over what they watch.",
            )  # fmt: skip


def _add(site: Site, name: str, kind: Kind, number: int, spot: Spot) -> str:
    code = site.tables["devices"].add(
        Point(round(spot.x_m, 2), round(spot.y_m, 2)),
        name,
        f"{kind.name_en} {number}, {spot.name_en}",
        f"{number}号{kind.name_zh}（{spot.name_zh}）",
        host=spot.host,
        space=kind.space,
        owner=kind.owner,
        mount_height_m=kind.mount_height_m,
    )
    for stream in kind.streams:
        site.facts["datastreams"].append(
            {
                "datastream": f"{stream.prefix}-{number:02d}",
                "device_code": code,
                "quantity": stream.quantity,
                "unit": stream.unit,
                "resolution": stream.resolution,
                "interval_s": stream.interval_s,
                "range_low": stream.range_low,
                "range_high": stream.range_high,
            }
        )
    return code


def _spots(site: Site, name: str, kind: Kind) -> list[Spot]:
    """Where devices of a kind may hang: the entities of its first host table that has any."""
    for letters in kind.hosts:
        table = next((table for table, form in TABLES.items() if form.kind == letters), "")
        rows = site.tables[table].rows if table else []
        fitting = [row for row in rows if _fits(name, row)] or rows
        if fitting:
            return [_spot(site, row, kind) for row in fitting]
    return []


FITS: dict[str, Any] = {
    "gateway": lambda row: row["height_m"] >= 18,
    "water_meter": lambda row: row["use"] == "residential" and row["storeys"] >= 5,
    "electricity_meter": lambda row: row["use"] in ("office", "shop", "hospital", "school", "port"),
    "lift_sensor": lambda row: row["storeys"] >= 7,
    "fire_detector": lambda row: row["use"] in ("shop", "residential", "hospital", "port"),
    "structure_tilt": lambda row: row["storeys"] >= 10 or row["use"] == "port",
    "air_quality": lambda row: row.get("multi_use", False),
    "noise_meter": lambda row: row.get("multi_use", False),
    "traffic_camera": lambda row: row.get("multi_use", row.get("street_class") in ("arterial", "collector")),
    "loop_detector": lambda row: row.get("allowed", "").find("car") >= 0 or row.get("street_class") == "arterial",
    "rfid_gate": lambda row: row["use"] == "port",
}
"""Which of a host table's rows suit a kind; where none does, all do."""


def _fits(name: str, row: dict[str, Any]) -> bool:
    if row.get("street_class") == "underpass":
        return False
    return bool(FITS[name](row)) if name in FITS else True


def _spot(site: Site, row: dict[str, Any], kind: Kind) -> Spot:
    shape = row["geometry"]
    at = shape.interpolate(0.5, normalized=True) if shape.geom_type == "LineString" else shape.representative_point()
    if "street_class" in row and kind.mount_height_m >= 0:
        # by the kerb, not among the wheels
        along = shape.interpolate(shape.project(at) + 1.0)
        dx, dy = along.x - at.x, along.y - at.y
        side = (row["width_m"] / 2 - 0.6) / max(float(np.hypot(dx, dy)), 1e-9)
        at = Point(at.x + dy * side, at.y - dx * side)
    x, y = at.x - site.recipe.number("district.x_min_m"), at.y - site.recipe.number("district.y_min_m")
    if TABLES["buildings"].kind in kind.hosts and "storeys" in row:
        return Spot(row["code"], x, y, row["name_en"], row["name_zh"])
    return Spot(row["code"], x, y, *_street_name(site, x, y))


def _street_name(site: Site, x: float, y: float) -> tuple[str, str]:
    street = min(site.draft.streets, key=lambda street: street.line.distance(Point(x, y)))
    return street.name_en, street.name_zh


def _ashore(site: Site, spot: Spot) -> bool:
    inside = 0 <= spot.x_m < site.recipe.width_m and 0 <= spot.y_m < site.recipe.height_m
    return inside and bool(site.draft.cover[site.draft.grid.cell(spot.x_m, spot.y_m)] > 0)


def _spread(spots: list[Spot], count: int, rng: np.random.Generator) -> list[Spot]:
    """So many spots, each as far as can be from those before (Gonzalez 1985); the first one is drawn."""
    if len(spots) <= count:
        return spots
    at = np.array([(spot.x_m, spot.y_m) for spot in spots])
    chosen = [int(rng.integers(len(spots)))]
    gap = np.hypot(*(at - at[chosen[0]]).T)
    while len(chosen) < count:
        chosen.append(int(np.argmax(gap.round(3))))
        gap = np.minimum(gap, np.hypot(*(at - at[chosen[-1]]).T))
    return [spots[k] for k in sorted(chosen)]


def _from_recipe(site: Site, name: str, kind: Kind) -> list[Spot]:
    """The places that the recipe gives to devices of a kind, each with the nearest entity that suits it."""
    hosts = _spots(site, name, kind)
    spots = []
    for row in site.recipe.tree.get("device", []):
        if row["kind"] == name:
            near = min(
                hosts, key=lambda host: (np.hypot(host.x_m - row["x"], host.y_m - row["y"]), host.host), default=None
            )
            spots.append(Spot(near.host if near else "", row["x"], row["y"], row["name_en"], row["name_zh"]))
    return spots


def _states(placed: list[tuple[str, str]], rng: np.random.Generator) -> dict[str, str]:
    """Device code → state, for those that are not simply in service."""
    count = {name: sum(other == name for other, _ in placed) for name, _ in placed}
    open_to_fate = [code for name, code in placed if count[name] >= STEADY and name != "gateway"]
    order = iter(rng.permutation(len(open_to_fate)).tolist())
    return {
        open_to_fate[next(order)]: state
        for state, share in STATE_SHARES.items()
        for _ in range(round(share * len(placed)))
    }


def _enter(site: Site, row: dict[str, Any], state: str, *, drained: bool) -> None:
    """Write the ledger's columns of a device."""
    rng, born = site.rng, date.fromisoformat(row["valid_from"])
    days = int(rng.integers(30, 200)) if drained else int(rng.integers(-(PRESENT - born).days, 900))
    installed = born - timedelta(days=days)
    calibrated = PRESENT + timedelta(days=int(rng.integers(10, 365)))
    row["vendor"] = VENDORS[int(rng.integers(len(VENDORS)))]
    row["firmware"] = f"{rng.integers(1, 4)}.{rng.integers(0, 10)}.{rng.integers(0, 20)}"
    row["state"], row["installed"] = state, installed.isoformat()
    row["next_calibration"] = calibrated.isoformat()
    # the district's own beginning is the earliest that its history tells
    row["valid_from"] = max(born, installed).isoformat()
    if state == "retired":
        row["valid_from"], row["next_calibration"] = born.isoformat(), ""
        row["valid_to"] = (PRESENT - timedelta(days=int(rng.integers(10, 300)))).isoformat()
        row["installed"] = min(installed, born).isoformat()
    if state == "planned":
        row["installed"], row["next_calibration"] = "", ""
        row["valid_from"] = (PRESENT + timedelta(days=int(rng.integers(60, 400)))).isoformat()
