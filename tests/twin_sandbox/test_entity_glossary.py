"""One glossary for every public name: columns, device quantities, arguments and results."""

import dataclasses
import functools
import inspect

import pytest

import twin_sandbox
from twin_sandbox import kpi
from twin_sandbox.entities.glossary import read_glossary, unit_of
from twin_sandbox.entities.sheets import COMMON_SHEET, gather_sheets, parse_sheets
from twin_sandbox.entities.tables import COMMON, FACTS, TABLES
from twin_sandbox.errors import TwinError
from twin_sandbox.generate.build import sample_recipe
from twin_sandbox.world.water import Water

ALL = {**TABLES, **FACTS}
GLOSSARY = read_glossary()
BY_ROW = "unit of the datastream"
"""The unit of a value that each row states for itself."""


@pytest.fixture(scope="module")
def sheets():
    return parse_sheets(gather_sheets(sample_recipe().parent / "sheets"))


def test_every_suffix_has_a_quantity_that_knows_its_units():
    for name, suffix in GLOSSARY.suffixes.items():
        quantity = GLOSSARY.quantities[suffix.quantity]
        assert set(suffix.units) & set(quantity.units), name


def test_every_quantity_is_defined_in_both_languages():
    for name, quantity in GLOSSARY.quantities.items():
        assert quantity.definition, name
        assert any("\u4e00" <= sign <= "\u9fff" for sign in quantity.name_zh), name
        assert quantity.units, name


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("speed_kmh", "km/h"),
        ("rated_m3s", "m³/s"),
        ("rated_a", "A"),
        ("return_period_a", "a"),
        ("kw", "kW"),
        ("property_value_cny_m2", "CNY/m²"),
        ("tap_min", ""),
        ("name_zh", ""),
        ("storeys", ""),
    ],
)
def test_the_unit_is_read_from_the_name(name, unit):
    assert unit_of(name) == unit


@pytest.mark.parametrize("table", ALL)
def test_every_column_ends_in_the_unit_that_its_sheet_states(table, sheets):
    for column in ALL[table].columns:
        unit, suffix = sheets[table].columns[column].unit, GLOSSARY.suffix_of(column)
        if suffix:
            quantity = GLOSSARY.quantity_of(column)
            assert quantity is not None, f"{table}.{column}: no quantity of the glossary"
            assert unit == GLOSSARY.unit_of(column), f"{table}.{column}"
            assert unit in quantity.units, f"{table}.{column}: {quantity.name_en} is not in {unit}"
        elif unit not in {"", "1", BY_ROW}:
            quantity = GLOSSARY.quantities.get(column)  # the name is the quantity, and knows one unit alone
            assert quantity is not None, f"{table}.{column}: {unit} is not in its name"
            assert quantity.units == (unit,), f"{table}.{column}"


@pytest.mark.parametrize("table", ALL)
def test_every_table_and_column_has_its_line_in_a_sheet(table, sheets):
    assert table in sheets, f"no data sheet for {table}"
    assert set(sheets[table].columns) == set(ALL[table].columns)
    for line in (sheets[table], *sheets[table].columns.values()):
        assert line.en.strip()
        assert line.zh.strip()
        assert line.source.strip()


def test_common_columns_have_their_lines(sheets):
    assert set(sheets[COMMON_SHEET].columns) == {"code", *COMMON}
    assert set(sheets) == {*ALL, COMMON_SHEET}


def test_every_quantity_of_a_device_is_in_the_glossary(twin):
    for quantity, unit in set(twin.things[["quantity", "unit"]].itertuples(index=False, name=None)):
        assert quantity in GLOSSARY.quantities, quantity
        assert unit in GLOSSARY.quantities[quantity].units, (quantity, unit)


def public_names() -> set[str]:
    """Arguments, fields, methods and properties of what a lesson imports."""
    names: set[str] = set()
    for public in (Water, *(getattr(twin_sandbox, name) for name in twin_sandbox.__all__)):
        members = vars(public) if inspect.ismodule(public) or inspect.isclass(public) else {}
        functions = [
            value
            for value in (*members.values(), public)
            if (inspect.isroutine(value) or inspect.isclass(value)) and not isinstance(value, functools.cached_property)
        ]
        for function in functions:
            raw = getattr(function, "__func__", function)
            names.update(inspect.signature(raw).parameters if not inspect.isbuiltin(raw) else ())
        names.update(name for name in members if not name.startswith("_") and not name.isupper())
        if dataclasses.is_dataclass(public):
            names.update(field.name for field in dataclasses.fields(public))
    names.update(name for name, value in vars(kpi).items() if inspect.isfunction(value) and not name.startswith("_"))
    return names


NO_UNITS = {"open_district", "swmm_id", "from_series", "as_of", "fed_by", "high_at"}
"""Public names that end in a short word."""


def test_every_public_name_ends_in_a_unit_of_the_glossary_or_in_none():
    names = public_names()
    assert {"horizon_h", "intensity_mm_h", "surge_m", "pump_energy_kwh", "trunk_roughness_n", "rain_m3"} <= names
    assert [name for name in names if GLOSSARY.suffix_of(name) and GLOSSARY.quantity_of(name) is None] == []
    assert [name for name in names - NO_UNITS if GLOSSARY.looks_like_unit(name)] == []


def test_an_unlisted_unit_would_be_seen():
    assert GLOSSARY.looks_like_unit("depth_cm")
    assert GLOSSARY.looks_like_unit("rated_m3h")
    assert GLOSSARY.quantity_of("gloss_m") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[streets", "not TOML"),
        ("[streets]\nen = 'a'\nzh = 'b'\n", r"streets\.source: missing"),
        ("[streets]\nen = 1\nzh = 'b'\nsource = ''\n", r"streets\.en: missing"),
        (
            "[streets]\nen = 'a'\nzh = 'b'\nsource = ''\n[streets.columns]\nwidth_m = { en = 'x', zh = 'y' }\n",
            r"columns\.width_m\.unit: missing",
        ),
        ("[streets]\nen = 'a'\nzh = 'b'\nsource = ''\ncolumns = 3\n", "not a table"),
        ("streets = 3\n", r"streets\.en: missing"),
    ],
)
def test_a_broken_sheet_is_refused(tmp_path, text, says):
    (tmp_path / "part.toml").write_text(text, "utf-8")
    with pytest.raises(TwinError, match=says):
        gather_sheets(tmp_path)


def test_a_second_sheet_of_a_table_is_refused(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.toml").write_text("[streets]\nen = 'a'\nzh = 'b'\nsource = 'c'\n", "utf-8")
    with pytest.raises(TwinError, match="second sheet"):
        gather_sheets(tmp_path)


def test_a_district_without_sheets_has_none(tmp_path):
    assert parse_sheets(gather_sheets(tmp_path / "nowhere")) == {}
