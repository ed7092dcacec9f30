"""What the units of datastreams are called elsewhere: QUDT for linked data, UCUM for messages."""

from typing import NamedTuple


class UnitTerms(NamedTuple):
    """A unit's local name in http://qudt.org/vocab/unit/ and its code in UCUM (http://unitsofmeasure.org)."""

    qudt: str
    ucum: str


UNIT_TERMS: dict[str, UnitTerms] = {
    "1": UnitTerms("UNITLESS", "1"),
    "%": UnitTerms("PERCENT", "%"),
    "%/m": UnitTerms("PERCENT-PER-M", "%.m-1"),
    "1/h": UnitTerms("NUM-PER-HR", "{#}.h-1"),
    "m": UnitTerms("M", "m"),
    "mm/h": UnitTerms("MilliM-PER-HR", "mm.h-1"),
    "mm/m": UnitTerms("MilliM-PER-M", "mm.m-1"),
    "mm/s": UnitTerms("MilliM-PER-SEC", "mm.s-1"),
    "m/s": UnitTerms("M-PER-SEC", "m.s-1"),
    "km": UnitTerms("KiloM", "km"),
    "km/h": UnitTerms("KiloM-PER-HR", "km.h-1"),
    "s": UnitTerms("SEC", "s"),
    "°": UnitTerms("DEG", "deg"),
    "°C": UnitTerms("DEG_C", "Cel"),
    "hPa": UnitTerms("HectoPA", "hPa"),
    "MPa": UnitTerms("MegaPA", "MPa"),
    "W": UnitTerms("W", "W"),
    "kW": UnitTerms("KiloW", "kW"),
    "kWh": UnitTerms("KiloW-HR", "kW.h"),
    "V": UnitTerms("V", "V"),
    "W/m²": UnitTerms("W-PER-M2", "W.m-2"),
    "m³": UnitTerms("M3", "m3"),
    "m³/h": UnitTerms("M3-PER-HR", "m3.h-1"),
    "µg/m³": UnitTerms("MicroGM-PER-M3", "ug.m-3"),
    "mg/L": UnitTerms("MilliGM-PER-L", "mg.L-1"),
    "ppm": UnitTerms("PPM", "[ppm]"),
    "dB(A)": UnitTerms("DeciB_A", "dB[A]"),
    "NTU": UnitTerms("NTU", "{NTU}"),
    "PSU": UnitTerms("PSU", "{PSU}"),
}
"""Unit in the ledger → its terms. Codes in braces or with [A] are annotations: UCUM has no code of its own for them."""
