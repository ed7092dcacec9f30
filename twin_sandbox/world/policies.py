"""How a district is run in a scenario: prices, orders and what is asked of people."""

from dataclasses import dataclass
from numbers import Real

from twin_sandbox.errors import TwinError


@dataclass(frozen=True)
class Policies:
    """Standing orders for the whole of a run.

    Args:
        tariff_cny_kwh: price of electricity in each hour of the day [CNY/kWh], 24 values; empty: one price all day.
        close_street_above_m: depth of water [m] above which the police shut a street, 0.05 to 1;
            None: vehicles decide for themselves.
        stay_home_share: share of those who would leave for work, school or errands and do not, 0 to 1.

    Raises:
        TwinError: a value outside these limits.
    """

    tariff_cny_kwh: tuple[float, ...] = ()
    close_street_above_m: float | None = None
    stay_home_share: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.tariff_cny_kwh, str) or not hasattr(self.tariff_cny_kwh, "__iter__"):
            raise TwinError("Policies.tariff_cny_kwh", repr(self.tariff_cny_kwh), "24 prices, or none.")
        object.__setattr__(self, "tariff_cny_kwh", tuple(self.tariff_cny_kwh))
        depth_m, share = self.close_street_above_m, self.stay_home_share
        for name, value in (("close_street_above_m", 0.0 if depth_m is None else depth_m), ("stay_home_share", share)):
            if not isinstance(value, Real):
                raise TwinError(f"Policies.{name}", repr(value), "A number.")
        if len(self.tariff_cny_kwh) not in (0, 24):
            raise TwinError(
                "Policies.tariff_cny_kwh", f"{len(self.tariff_cny_kwh)} values", "24, one for each hour, or none."
            )
        for hour, price in enumerate(self.tariff_cny_kwh):
            if not (isinstance(price, Real) and 0.0 <= price <= 10.0):
                raise TwinError(f"Policies.tariff_cny_kwh, hour {hour}", f"{price}", "0 to 10 CNY/kWh.")
        if depth_m is not None and not 0.05 <= depth_m <= 1.0:
            raise TwinError("Policies.close_street_above_m", f"{depth_m} m", "0.05 to 1 m.")
        if not 0.0 <= share <= 1.0:
            raise TwinError("Policies.stay_home_share", f"{share}", "0 to 1.")
