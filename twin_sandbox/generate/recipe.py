"""The recipe of a district: read, and refused where it makes no sense."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from twin_sandbox.data import data_folder
from twin_sandbox.errors import TwinError

# key path: lowest and highest value that make sense
NUMBERS: dict[str, tuple[float, float]] = {
    "district.seed": (0, 2**63 - 1),
    "district.epsg": (1024, 32767),
    "district.x_min_m": (-1e7, 1e7),
    "district.y_min_m": (-1e7, 1e7),
    "district.width_m": (400, 3000),
    "district.height_m": (400, 3000),
    "district.cell_m": (2, 20),
    "district.residents": (100, 100000),
    "coast.beach_width_m": (10, 150),
    "coast.quay_bed_m": (-20, -1),
    "coast.bed_slope": (0.001, 0.2),
    "terrain.quay_m": (0.5, 10),
    "terrain.slope": (0.0005, 0.02),
    "terrain.plain_m": (100, 3000),
    "terrain.rise_slope": (0, 0.1),
    "terrain.unevenness_m": (0, 1),
    "terrain.kerb_m": (0, 0.5),
    "terrain.block_fall": (0, 0.05),
    "terrain.hill.x": (-1000, 4000),
    "terrain.hill.y": (-1000, 4000),
    "terrain.hill.radius_m": (50, 1000),
    "terrain.hill.height_m": (0, 200),
    "terrain.least_depth_m": (0.05, 1),
    "terrain.least_volume_m3": (5, 1000),
    "underpass.depth_m": (1, 6),
    "underpass.floor_m": (5, 100),
    "underpass.ramp_m": (30, 200),
    "underpass.cut_width_m": (8, 40),
    "underpass.parapet_m": (0, 1),
    "drainage.rainfall.a": (1, 100),
    "drainage.rainfall.c": (0.1, 3),
    "drainage.rainfall.b": (0, 60),
    "drainage.rainfall.n": (0.3, 1.2),
    "drainage.return_period_a": (1, 10),
    "drainage.inlet_time_min": (5, 20),
    "drainage.roughness_n": (0.008, 0.03),
    "drainage.cover_m": (0.7, 3),
    "drainage.manhole_spacing_m": (30, 200),
    "drainage.trunk_diameter_m": (0.5, 3),
    "drainage.pumps": (1, 8),
    "drainage.pump_share": (0.2, 1),
    "drainage.tank_m3_per_ha": (20, 300),
    "water.zone_head_m": (20, 200),
    "water.leakage_share": (0.01, 0.3),
    "water.diameter_m.arterial": (0.1, 1),
    "water.diameter_m.collector": (0.1, 1),
    "water.diameter_m.local": (0.1, 1),
    "water.diameter_m.feed": (0.1, 1.2),
    "water.diameter_m.branch": (0.1, 1),
    "water.home_l_per_person_day.old_town": (50, 300),
    "water.home_l_per_person_day.slabs": (50, 300),
    "water.home_l_per_person_day.towers": (50, 300),
    "water.home_l_per_person_day.villas": (50, 300),
    "heat.station.x": (0, 3000),
    "heat.station.y": (0, 3000),
    "heat.supply_c": (70, 150),
    "heat.return_c": (30, 80),
    "heat.homes_w_m2": (10, 120),
    "heat.public_w_m2": (10, 200),
    "people.household_size": (1.2, 5),
    "people.cars_per_1000": (0, 800),
    "people.works_inside_share": (0, 1),
    "people.mode_shares.walk": (0.01, 1),
    "people.mode_shares.e_bike": (0.01, 1),
    "people.mode_shares.car": (0.01, 1),
    "people.mode_shares.transit": (0.01, 1),
    "people.gate_shares.W": (0, 1),
    "people.gate_shares.N": (0, 1),
    "people.gate_shares.E": (0.01, 1),
}
TEXTS = ("district.name_en", "district.name_zh", "district.area_code", "district.valid_from")
STREET_CLASSES = ("arterial", "collector", "local", "underpass")
_CLASS_NUMBERS = {"width_m": (3, 60), "lanes": (1, 10), "speed_kmh": (5, 120), "vehicles_per_h": (0, 10000)}
ZONES = (
    "old_town",
    "slabs",
    "towers",
    "office",
    "shops",
    "port",
    "school",
    "hospital",
    "villas",
    "beach",
    "quay",
)

SERVICE_UNITS = {
    "fire_station": "fire engines",
    "ambulance_station": "ambulances",
    "hospital": "beds",
    "clinic": "visits a day",
    "school": "pupils",
    "kindergarten": "children",
    "elder_care": "places",
    "police_station": "officers",
    "community_centre": "people",
    "district_office": "people",
    "market": "stalls",
    "cold_store": "t",
    "warehouse": "t",
    "filling_station": "pumps",
    "machine_room": "racks",
    "bus_depot": "buses",
    "shelter": "people",
}
"""Kinds of service and what their capacity counts."""
BERTHS = ("general_cargo", "container", "fishing", "ferry")


@dataclass(frozen=True)
class Recipe:
    """A checked recipe; `value` reaches any key."""

    path: Path
    text: bytes
    tree: Mapping[str, Any]

    def value(self, key: str) -> Any:  # noqa: ANN401 - a recipe holds values of many types, checked when read
        """The value at a dotted key, e.g. ``"terrain.hill.x"``."""
        node: Any = self.tree
        for part in key.split("."):
            node = node[part]
        return node

    def number(self, key: str) -> float:
        """The number at a dotted key."""
        return float(self.value(key))

    @property
    def seed(self) -> int:
        """What the generator's chance starts from."""
        return int(self.value("district.seed"))

    @property
    def width_m(self) -> float:
        """West to east."""
        return self.number("district.width_m")

    @property
    def height_m(self) -> float:
        """South to north."""
        return self.number("district.height_m")

    @property
    def cell_m(self) -> float:
        """Side of a terrain cell."""
        return self.number("district.cell_m")

    @property
    def streets(self) -> list[dict[str, Any]]:
        """Rows with name_en, name_zh, class and line."""
        return list(self.tree["street"])

    @property
    def street_class(self) -> dict[str, dict[str, Any]]:
        """Width, lanes, speed and traffic by class."""
        return dict(self.tree["street_class"])


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        TwinError: not readable, not TOML, or a key is missing or absurd; it names file and key, what was found and
            what is allowed.
    """
    try:
        text = path.read_bytes()
    except OSError as reason:
        raise TwinError(
            f"recipe {path}", f"cannot be read: {reason.strerror}", then="Name a recipe.toml with --recipe."
        ) from None
    try:
        tree = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise TwinError(f"recipe {path}", f"not TOML: {reason}", then="Mend the file.") from None
    recipe = Recipe(path, text, tree)
    _check(recipe)
    return recipe


def _refuse(recipe: Recipe, key: str, found: str, allowed: str) -> TwinError:
    return TwinError(
        f"{recipe.path}, {key}", found, f"Allowed: {allowed}", "Change it in the recipe, then build again."
    )


def _found(recipe: Recipe, key: str, allowed: str) -> Any:  # noqa: ANN401 - any TOML value
    try:
        return recipe.value(key)
    except (KeyError, TypeError):
        raise _refuse(recipe, key, "missing", allowed) from None


def _in_range(recipe: Recipe, key: str, value: object, low: float, high: float) -> float:
    allowed = f"a number from {low:g} to {high:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(recipe, key, f"{value!r} is no number", allowed)
    if not low <= value <= high:  # also refuses nan
        raise _refuse(recipe, key, f"{value!r}", allowed)
    return value


def _points(recipe: Recipe, key: str, value: object, least: int) -> None:
    allowed = f"at least {least} points [x, y], metres within or near the frame"
    if not isinstance(value, list) or len(value) < least:
        raise _refuse(recipe, key, f"{str(value)[:60]} is no line", allowed)
    for k, point in enumerate(value):
        if not isinstance(point, list) or len(point) != 2:
            raise _refuse(recipe, f"{key}[{k}]", f"{point!r} is no point", allowed)
        for axis, size in zip(point, (recipe.width_m, recipe.height_m), strict=True):
            _in_range(recipe, f"{key}[{k}]", axis, -500, size + 500)


def _kind(value: object) -> str:
    kinds = ((bool, "true or false"), (int | float, "a number"), (str, "a text"), (list, "a list"), (dict, "a table"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a date")


def _check_kinds(recipe: Recipe, key: str, value: object, pattern: object) -> None:
    """Refuse a text where the sample recipe has a number, and the like; rows of a list are held to all its rows."""
    if _kind(value) != _kind(pattern):
        raise _refuse(recipe, key, f"{str(value)[:60]!r} is {_kind(value)}", _kind(pattern))
    if isinstance(value, dict) and isinstance(pattern, dict):
        for name in value.keys() & pattern.keys():
            _check_kinds(recipe, f"{key}.{name}" if key else name, value[name], pattern[name])
    elif isinstance(value, list) and isinstance(pattern, list) and pattern:
        rows = [row for row in pattern if isinstance(row, dict)]
        merged = {name: item for row in reversed(rows) for name, item in row.items()}
        known = {_kind(item): merged if isinstance(item, dict) else item for item in reversed(pattern)}
        for k, item in enumerate(value):
            _check_kinds(recipe, f"{key}[{k}]", item, known.get(_kind(item), next(iter(known.values()))))


def _check(recipe: Recipe) -> None:
    sample = (data_folder("datasets") / "gulls_quay" / "recipe.toml").read_text(encoding="utf-8")
    _check_kinds(recipe, "", dict(recipe.tree), tomllib.loads(sample))
    for key, (low, high) in NUMBERS.items():
        _in_range(recipe, key, _found(recipe, key, f"a number from {low:g} to {high:g}"), low, high)
    for key in TEXTS:
        value = _found(recipe, key, "a text")
        if not isinstance(value, str) or not value.strip():
            raise _refuse(recipe, key, f"{value!r}", "a text")
    area = recipe.value("district.area_code")
    if len(area) != 4 or not area.isascii() or not area.isalnum() or area != area.upper():
        raise _refuse(recipe, "district.area_code", repr(area), "four capital letters or digits")
    for key in ("width_m", "height_m"):
        if recipe.number(f"district.{key}") % recipe.cell_m:
            raise _refuse(
                recipe,
                f"district.{key}",
                repr(recipe.value(f"district.{key}")),
                f"a multiple of cell_m = {recipe.cell_m:g}",
            )
    _points(recipe, "coast.line", _found(recipe, "coast.line", "a line"), 4)
    _points(recipe, "coast.basin", _found(recipe, "coast.basin", "a polygon"), 4)
    beach = _found(recipe, "coast.beach_x_m", "[west, east]")
    if not isinstance(beach, list) or len(beach) != 2:
        raise _refuse(recipe, "coast.beach_x_m", repr(beach), "[west, east]")
    for k, x in enumerate(beach):
        _in_range(recipe, f"coast.beach_x_m[{k}]", x, -500, recipe.width_m + 500)
    for k, mole in enumerate(_found(recipe, "coast.moles", "a list of polygons")):
        _points(recipe, f"coast.moles[{k}]", mole, 4)
    _check_streets(recipe)
    _check_renamed(recipe)
    _check_zones(recipe)
    _check_lists(recipe)
    _check_people(recipe)
    _check_water(recipe)
    _check_place(recipe)
    _check_power(recipe)


def _check_streets(recipe: Recipe) -> None:
    for name in STREET_CLASSES:
        for key, (low, high) in _CLASS_NUMBERS.items():
            path = f"street_class.{name}.{key}"
            _in_range(recipe, path, _found(recipe, path, f"a number from {low} to {high}"), low, high)
    rows = _found(recipe, "street", "a list of [[street]] tables")
    if not isinstance(rows, list) or len(rows) < 4:
        raise _refuse(recipe, "street", "fewer than four streets", "at least four [[street]] tables")
    for k, row in enumerate(rows):
        for key in ("name_en", "name_zh", "class", "line"):
            if key not in row:
                raise _refuse(recipe, f"street[{k}].{key}", "missing", "name_en, name_zh, class and line")
        if row["class"] not in STREET_CLASSES:
            raise _refuse(recipe, f"street[{k}].class", repr(row["class"]), ", ".join(STREET_CLASSES))
        _points(recipe, f"street[{k}].line", row["line"], 2)
    if sum(row["class"] == "underpass" for row in rows) != 1:
        raise _refuse(recipe, "street", "not exactly one underpass", "one street of class underpass")


def _check_renamed(recipe: Recipe) -> None:
    for k, row in enumerate(recipe.tree.get("renamed", ())):
        for key in ("name_en", "former_en", "former_zh", "until"):
            if not isinstance(row.get(key), str):
                raise _refuse(recipe, f"renamed[{k}].{key}", repr(row.get(key)), "a text")
        try:
            date.fromisoformat(row["until"])
        except ValueError:
            raise _refuse(recipe, f"renamed[{k}].until", repr(row["until"]), 'a day, e.g. "1994-03-01"') from None


def _check_zones(recipe: Recipe) -> None:
    zones = _found(recipe, "zones", "a table of points by use")
    for name, points in zones.items():
        if name not in ZONES:
            raise _refuse(recipe, f"zones.{name}", "no such use", ", ".join(ZONES))
        _points(recipe, f"zones.{name}", points, 1)
    if "slabs" not in zones:
        raise _refuse(recipe, "zones.slabs", "missing", "at least one point")
    _check_places(recipe)


def _check_places(recipe: Recipe) -> None:
    for kind, texts, numbers in (
        ("park", ("name_en", "name_zh"), {}),
        ("device", ("kind", "name_en", "name_zh"), {}),
        (
            "landmark",
            ("name_en", "name_zh", "use"),
            {"length_m": (2, 200), "depth_m": (2, 200), "storeys": (1, 60), "height_m": (2, 300)},
        ),
    ):
        for k in range(len(_found(recipe, kind, f"a list of [[{kind}]] tables"))):
            row, key = recipe.value(kind)[k], f"{kind}[{k}]"
            for text in texts:
                if not isinstance(row.get(text), str):
                    raise _refuse(recipe, f"{key}.{text}", repr(row.get(text)), "a text")
            spans = {"x": (0, recipe.width_m), "y": (0, recipe.height_m), **numbers}
            for name, (low, high) in spans.items():
                _in_range(recipe, f"{key}.{name}", row.get(name), low, high)


def _check_lists(recipe: Recipe) -> None:
    sags = _found(recipe, "terrain.sag", "a list of sags")
    for k, sag in enumerate(sags):
        for key, (low, high) in {
            "x": (0, recipe.width_m),
            "y": (0, recipe.height_m),
            "depth_m": (0.2, 2),
            "radius_m": (20, 300),
        }.items():
            _in_range(recipe, f"terrain.sag[{k}].{key}", sag.get(key), low, high)
    sizes = _found(recipe, "drainage.diameters_m", "a list of diameters")
    slopes = _found(recipe, "drainage.least_slopes", "a list of slopes")
    for k, size in enumerate(sizes):
        _in_range(recipe, f"drainage.diameters_m[{k}]", size, 0.2, 4)
    for k, slope in enumerate(slopes):
        _in_range(recipe, f"drainage.least_slopes[{k}]", slope, 0.0003, 0.02)
    if len(sizes) < 3 or sorted(sizes) != sizes or len(sizes) != len(slopes):
        raise _refuse(
            recipe,
            "drainage.diameters_m",
            f"{len(sizes)} diameters and {len(slopes)} slopes",
            "at least three rising diameters and a least slope for each",
        )
    spots: list[tuple[str, Any, tuple[str, ...]]] = [
        ("drainage.station", _found(recipe, "drainage.station", "a table"), ("", "tank_", "outfall_", "gravity_"))
    ]
    spots += [
        (f"drainage.gravity_outfalls[{k}]", spot, ("", "outfall_"))
        for k, spot in enumerate(_found(recipe, "drainage.gravity_outfalls", "a list"))
    ]
    for key, spot, prefixes in spots:
        for prefix in prefixes:
            for axis, size in (("x", recipe.width_m), ("y", recipe.height_m)):
                _in_range(recipe, f"{key}.{prefix}{axis}", spot.get(prefix + axis), 0, size)


def _check_water(recipe: Recipe) -> None:
    sources = _found(recipe, "water.source", "a list of feeds")
    if not isinstance(sources, list) or not sources:
        raise _refuse(recipe, "water.source", f"{sources!r}", "at least one feed")
    zone = recipe.number("water.zone_head_m")
    spans = {
        "x": (0.0, recipe.width_m),
        "y": (0.0, recipe.height_m),
        "head_m": (zone + 1.0, 300.0),
        "chlorine_mg_l": (0.05, 4.0),
    }
    for k, source in enumerate(sources):
        for name, (low, high) in spans.items():
            _in_range(recipe, f"water.source[{k}].{name}", source.get(name), low, high)
        for text in ("name_en", "name_zh"):
            if not isinstance(source.get(text), str):
                raise _refuse(recipe, f"water.source[{k}].{text}", repr(source.get(text)), "a text")
    for k, branch in enumerate(_found(recipe, "water.branch", "a list of mains beyond the streets")):
        _points(recipe, f"water.branch[{k}].line", branch.get("line"), 2)
    if recipe.number("heat.return_c") > recipe.number("heat.supply_c") - 20:
        raise _refuse(recipe, "heat.return_c", repr(recipe.value("heat.return_c")), "20 °C below supply_c or colder")
    for text in ("name_en", "name_zh"):
        if not isinstance(recipe.value("heat.station").get(text), str):
            raise _refuse(recipe, f"heat.station.{text}", "missing", "a text")


def _check_place(recipe: Recipe) -> None:
    east, north = (0.0, recipe.width_m), (0.0, recipe.height_m)
    for key, span in (("tunnel.from_x", east), ("tunnel.to_x", east), ("gas_gate.x", east), ("gas_gate.y", north)):
        _in_range(recipe, f"place.{key}", _found(recipe, f"place.{key}", "metres in the frame"), *span)
    street = _found(recipe, "place.tunnel.street", "the name_en of a street")
    if street not in {row["name_en"] for row in recipe.streets}:
        raise _refuse(recipe, "place.tunnel.street", repr(street), "the name_en of a street")
    rows: tuple[tuple[str, tuple[str, ...], dict[str, tuple[float, float]]], ...] = (
        ("bus_line", ("number", "name_en", "name_zh"), {"headway_min": (1, 120)}),
        ("service", ("kind", "name_en", "name_zh"), {"x": east, "y": north, "capacity": (1, 100_000)}),
        (
            "berth",
            ("kind", "name_en", "name_zh"),
            {"draught_m": (0.5, 20), "vessel_length_m": (5, 400), "cranes": (0, 10)},
        ),
        ("beach", ("name_en", "name_zh"), {}),
    )
    for kind, texts, numbers in rows:
        for k, row in enumerate(_found(recipe, f"place.{kind}", f"a list of [[place.{kind}]] tables")):
            key = f"place.{kind}[{k}]"
            for text in texts:
                if not isinstance(row.get(text), str):
                    raise _refuse(recipe, f"{key}.{text}", repr(row.get(text)), "a text")
            for name, span in numbers.items():
                _in_range(recipe, f"{key}.{name}", row.get(name), *span)
            _check_place_row(recipe, key, row)


def _check_place_row(recipe: Recipe, key: str, row: dict[str, Any]) -> None:
    kind = key.split(".")[1].partition("[")[0]
    words: dict[str, tuple[str, ...]] = {"service": tuple(SERVICE_UNITS), "berth": BERTHS}
    if kind in words and row["kind"] not in words[kind]:
        raise _refuse(recipe, f"{key}.kind", repr(row["kind"]), ", ".join(words[kind]))
    if kind == "service" and (not isinstance(row.get("uses"), list) or not row["uses"]):
        raise _refuse(recipe, f"{key}.uses", repr(row.get("uses")), "a list of uses of buildings")
    lines = {"bus_line": "via", "berth": "line"}
    if kind in lines:
        _points(recipe, f"{key}.{lines[kind]}", row.get(lines[kind]), 2)
    if kind == "beach":
        span = row.get("x_m")
        if not isinstance(span, list) or len(span) != 2:
            raise _refuse(recipe, f"{key}.x_m", repr(span), "[west, east]")
        for n, x in enumerate(span):
            _in_range(recipe, f"{key}.x_m[{n}]", x, 0, recipe.width_m)


def _check_people(recipe: Recipe) -> None:
    from twin_sandbox.generate.layers.people_trades import TRADES  # layers are built on recipes

    rows = _found(recipe, "people.enterprise", "a list of trades with a place")
    for k, row in enumerate(rows):
        key = f"people.enterprise[{k}]"
        if not isinstance(row, dict) or not isinstance(row.get("trade"), str):
            raise _refuse(recipe, key, f"{row!r}", "a table with trade, x and y")
        if row["trade"] not in TRADES:
            raise _refuse(recipe, f"{key}.trade", repr(row["trade"]), ", ".join(TRADES))
        for axis, size in (("x", recipe.width_m), ("y", recipe.height_m)):
            _in_range(recipe, f"{key}.{axis}", row.get(axis), 0, size)


def _check_power(recipe: Recipe) -> None:
    feeds = _found(recipe, "power.feed", "two feeds")
    if not isinstance(feeds, list) or len(feeds) != 2:
        raise _refuse(recipe, "power.feed", f"{str(feeds)[:60]}", "two feeds: each section of a station hangs on one")
    spans = {
        "x": (0, recipe.width_m),
        "y": (0, recipe.height_m),
        "voltage_pu": (0.95, 1.07),
        "short_circuit_mva": (50, 2000),
    }
    for k, feed in enumerate(feeds):
        _named(recipe, f"power.feed[{k}]", feed)
        for name, (low, high) in spans.items():
            _in_range(recipe, f"power.feed[{k}].{name}", feed.get(name), low, high)
    rings = _found(recipe, "power.ring", "a list of [[power.ring]] tables")
    if not isinstance(rings, list) or not rings:
        raise _refuse(recipe, "power.ring", f"{str(rings)[:60]}", "at least one [[power.ring]] table")
    for k, ring in enumerate(rings):
        _check_ring(recipe, f"power.ring[{k}]", ring)


def _check_ring(recipe: Recipe, key: str, ring: Mapping[str, Any]) -> None:
    stations = [mark["name_en"] for mark in recipe.value("landmark") if mark["use"] == "substation"]
    _named(recipe, key, ring)
    for name in ("from", "to"):
        end = ring.get(name)
        if not isinstance(end, list) or len(end) != 2 or end[0] not in stations or end[1] not in (1, 2):
            allowed = f"[station, section]: a landmark of use substation ({', '.join(stations)}), 1 or 2"
            raise _refuse(recipe, f"{key}.{name}", repr(end), allowed)
    _in_range(recipe, f"{key}.offset_m", ring.get("offset_m"), -12, 12)
    _points(recipe, f"{key}.via", ring.get("via"), 2)


def _named(recipe: Recipe, key: str, row: Mapping[str, Any]) -> None:
    for name in ("name_en", "name_zh"):
        if not isinstance(row.get(name), str):
            raise _refuse(recipe, f"{key}.{name}", repr(row.get(name)), "a text")
