"""The district as of a day: who stood then, with the values of then."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twin_sandbox.entities.queries import Queries
from twin_sandbox.entities.tables import TABLES
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities.district import District
    from twin_sandbox.entities.sheets import Sheet


def day_of(value: object, where: str = "as_of") -> str:
    """A day as ISO 8601 text, from such a text, a date, or a moment (counted in Beijing time if it has a zone).

    Raises:
        TwinError: no day.
    """
    if isinstance(value, dt.datetime) and value == value:  # noqa: PLR0124 - pandas' "not a time" is unlike itself
        beijing = dt.timezone(dt.timedelta(hours=8))
        return (value.astimezone(beijing) if value.tzinfo else value).date().isoformat()
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    try:
        return dt.date.fromisoformat(value).isoformat()  # type: ignore[arg-type] # anything else raises TypeError
    except (TypeError, ValueError):
        raise TwinError(f"{where}, day", f"{value!r}", 'A day such as "2019-05-01", or a date') from None


def standing(table: "pd.DataFrame", day: str) -> "pd.Series[bool]":
    """Which rows are valid on a day: valid_from ≤ day < valid_to, an empty valid_to having no end."""
    return (table["valid_from"] <= day) & ((table["valid_to"] == "") | (table["valid_to"] > day))


class _EntitiesThen(Mapping[str, "gpd.GeoDataFrame"]):
    """The tables of a day, made at first use and then kept."""

    def __init__(self, district: "District", day: str) -> None:
        self._district, self._day = district, day
        self._made: dict[str, gpd.GeoDataFrame] = {}

    def __getitem__(self, name: str) -> "gpd.GeoDataFrame":
        if name not in self._made:
            now = self._district.entities[name]
            then = now[standing(now, self._day)].copy()
            versions = self._district.facts["versions"]
            held = versions[(versions["table"] == name) & standing(versions, self._day)]
            for attribute, rows in held[held["code"].isin(then.index)].groupby("attribute", sort=False):
                then.loc[rows["code"].to_numpy(), attribute] = cast_like(now[attribute], rows["value"])
            self._made[name] = then
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(TABLES)

    def __len__(self) -> int:
        return len(TABLES)


def cast_like(column: "pd.Series[Any]", texts: "pd.Series[str]") -> Any:  # noqa: ANN401 - an array of the column's type
    """Texts of the versions table as values of the column that they were values of."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype):
        return texts.eq("True").to_numpy()
    if pd.api.types.is_numeric_dtype(column.dtype):
        return pd.to_numeric(texts).to_numpy().astype(column.to_numpy().dtype)
    return texts.to_numpy()


class AsOf(Queries):
    """A district as of a day. Made by ``twin.as_of``; queries work as on the district of today.

    Attributes:
        day: ISO 8601.
        entities: tables by name, holding who stood on that day, with that day's values.
        facts: tables of facts, as they are today.
    """

    def __init__(self, district: "District", day: object) -> None:
        self.district, self.day = district, day_of(day)
        self.entities: Mapping[str, gpd.GeoDataFrame] = _EntitiesThen(district, self.day)
        self.facts: Mapping[str, pd.DataFrame] = district.facts

    def __repr__(self) -> str:
        return f"<{self.district!r} as of {self.day}>"

    @property
    def sheets(self) -> "dict[str, Sheet]":
        """The data sheets."""
        return self.district.sheets

    @property
    def today(self) -> str:
        """The day that it shows."""
        return self.day
