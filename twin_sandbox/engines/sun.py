"""Solar panels, by pvlib: plane of array, cell temperature, inverter; cut by what stands in the way of the sun.

Light on the plane by Hay and Davies (1980), reflection by Snell's and Bouguer's laws, cells by the Sandia model (King
2004), panels, losses and inverter by PVWatts 5 (Dobos 2014). Beam and circumsolar light reach a system while the sun
stands above its horizon; of the rest of the sky it sees its share. The weather is known, so the whole run is computed
at the start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

LOSSES_PERCENT = {
    "soiling": 2.0, "shading": 0.0, "snow": 0.0, "mismatch": 2.0, "wiring": 2.0, "connections": 0.5, "lid": 1.5,
    "nameplate_rating": 1.0, "age": 0.0, "availability": 3.0,
}  # fmt: skip
"""PVWatts 5's own, but for shading, which is computed."""
GAMMA_PER_K = -0.0035
"""Power of a crystalline module by temperature, as makers state it today (-0.0030 to -0.0040)."""
INVERTER_EFFICIENCY = 0.97
CELL = {"a": -3.56, "b": -0.075, "deltaT": 3}
"""pvlib's ``sapm``, ``open_rack_glass_polymer``."""
ALBEDO = 0.2


@dataclass(frozen=True)
class SunModel:
    """Panels of a district under a weather. ``n`` systems, ``t`` moments, ``b`` directions of the horizon.

    Args:
        start: moment of the first value, with its time zone.
        step_s: time between moments [s].
        latitude_deg, longitude_deg, altitude_m: one place for all.
        temperature_c, ghi_w_m2, dni_w_m2, dhi_w_m2, wind_m_s: the weather, each [t].
        codes: of the systems.
        kwp, inverter_kw: rated power of the panels, and of the inverter (AC), each [n].
        tilt_deg, azimuth_deg: of the planes; azimuth clockwise from north, each [n].
        horizon_deg: elevation below which a system sees no sky, in directions spaced evenly from north, [n, b].
        sky_share: of the sky's light that a free plane of that tilt would get, what this one gets, [n].
    """

    start: "pd.Timestamp"
    step_s: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    temperature_c: Floats
    ghi_w_m2: Floats
    dni_w_m2: Floats
    dhi_w_m2: Floats
    wind_m_s: Floats
    codes: tuple[str, ...]
    kwp: Floats
    inverter_kw: Floats
    tilt_deg: Floats
    azimuth_deg: Floats
    horizon_deg: Floats
    sky_share: Floats


@dataclass(frozen=True)
class Generation:
    """What the systems give: moments × systems, [t, n].

    Attributes:
        free_w_m2: light on the plane if nothing stood in its way.
        plane_w_m2: light on the plane.
        cell_c: temperature of the cells.
        ac_kw: power behind the inverter.
    """

    free_w_m2: Floats
    plane_w_m2: Floats
    cell_c: Floats
    ac_kw: Floats


def generation(model: SunModel) -> Generation:
    """All systems over the whole weather.

    Raises:
        TwinError: the model's arrays do not fit together.
    """
    _check(model)
    import pandas as pd
    import pvlib

    times = pd.date_range(model.start, periods=model.temperature_c.size, freq=pd.Timedelta(seconds=model.step_s))
    sun = pvlib.location.Location(model.latitude_deg, model.longitude_deg, altitude=model.altitude_m).get_solarposition(
        times, temperature=model.temperature_c
    )
    zenith, azimuth = (sun[name].to_numpy()[:, None] for name in ("apparent_zenith", "azimuth"))
    air_c, ghi, dni, dhi, wind = (
        getattr(model, name)[:, None] for name in ("temperature_c", "ghi_w_m2", "dni_w_m2", "dhi_w_m2", "wind_m_s")
    )
    extra = np.asarray(pvlib.irradiance.get_extra_radiation(times))[:, None]
    tilt, faces = model.tilt_deg[None, :], model.azimuth_deg[None, :]
    angle = pvlib.irradiance.aoi(tilt, faces, zenith, azimuth)
    sky = pvlib.irradiance.haydavies(tilt, faces, dhi, dni, extra, zenith, azimuth, return_components=True)
    ground = pvlib.irradiance.get_ground_diffuse(tilt, ghi, ALBEDO)
    free = pvlib.irradiance.poa_components(angle, dni, sky["poa_sky_diffuse"], ground)
    lit = _lit(model.horizon_deg, 90.0 - zenith[:, 0], azimuth[:, 0])
    beam = free["poa_direct"] * lit
    diffuse = sky["poa_isotropic"] * model.sky_share + sky["poa_circumsolar"] * lit + ground
    plane = beam + diffuse
    effective = beam * pvlib.iam.physical(angle) + diffuse
    cell_c = pvlib.temperature.sapm_cell(plane, air_c, wind, **CELL)
    dc_w = pvlib.pvsystem.pvwatts_dc(effective, cell_c, model.kwp * 1000.0, GAMMA_PER_K)
    dc_w *= (100.0 - pvlib.pvsystem.pvwatts_losses(**LOSSES_PERCENT)) / 100.0
    rated_dc_w = model.inverter_kw * 1000.0 / INVERTER_EFFICIENCY
    ac_w = pvlib.inverter.pvwatts(dc_w, np.broadcast_to(rated_dc_w, dc_w.shape), INVERTER_EFFICIENCY)
    return Generation(free["poa_global"], plane, cell_c, ac_w / 1000.0)


def _lit(horizon_deg: Floats, elevation_deg: Floats, azimuth_deg: Floats) -> Floats:
    """1 while the sun stands above a system's horizon, [t, n]; the horizon is linear between its directions."""
    count = horizon_deg.shape[1]
    at = azimuth_deg % 360.0 / (360.0 / count)
    left = at.astype(np.int64) % count
    share = (at - np.floor(at))[:, None]
    hidden_below = horizon_deg.T[left] * (1.0 - share) + horizon_deg.T[(left + 1) % count] * share
    lit: Floats = ((elevation_deg[:, None] > hidden_below) | (hidden_below <= 0.0)).astype(np.float64)
    return lit


def _check(model: SunModel) -> None:
    count, moments = len(model.codes), model.temperature_c.size
    for name in ("kwp", "inverter_kw", "tilt_deg", "azimuth_deg", "sky_share", "horizon_deg"):
        values = getattr(model, name)
        if values.shape[0] != count or not np.isfinite(values).all():
            raise TwinError(f"SunModel.{name}", f"shape {values.shape}, or no numbers", f"{count} systems, finite.")
    for name in ("ghi_w_m2", "dni_w_m2", "dhi_w_m2", "wind_m_s"):
        if getattr(model, name).shape != (moments,):
            raise TwinError(f"SunModel.{name}", f"shape {getattr(model, name).shape}", f"({moments},).")
    if count and not (model.kwp.min() > 0 and model.inverter_kw.min() > 0):
        raise TwinError("SunModel.kwp", "a system without panels or inverter", "More than 0 kW.")


class Sun:
    """Power of every solar system of a district, as an engine."""

    def __init__(self, model: SunModel) -> None:
        self._model = model
        self._generation: Generation | None = None
        self._now_s = 0.0

    @property
    def step_s(self) -> int:
        """Time between two moments of the model [s]."""
        return self._model.step_s

    @property
    def takes(self) -> Mapping[str, Port]:
        """Nothing: the sun heeds nobody."""
        return {}

    @property
    def gives(self) -> Mapping[str, Port]:
        """Power behind each inverter."""
        return {"pv_kw": Port(self._model.codes, "kW", "power of a solar system behind its inverter")}

    def start(self) -> Outputs:
        """Compute the whole run; give the power at its start."""
        self._generation, self._now_s = generation(self._model), 0.0
        return self._at(0.0)

    def step(self, until_s: float, inputs: Values) -> Outputs:  # noqa: ARG002 - nothing is taken
        """Go on to ``until_s``.

        Raises:
            TwinError: not started, backwards, or past the weather.
        """
        return self._at(until_s)

    def finish(self) -> Finished:
        """Energy of the run so far, light that a free plane would have got, and the records (`Generation`)."""
        made = self._generation
        if made is None:
            return Finished()
        seen = slice(0, int(self._now_s // self._model.step_s) + 1)
        hours = self._model.step_s / 3600.0
        return Finished(
            {
                "pv_kwh": float(np.trapezoid(made.ac_kw[seen].sum(axis=1), dx=hours)),
                "free_light_kwh": float(np.trapezoid(made.free_w_m2[seen] @ self._model.kwp, dx=hours)) / 1000.0,
            },
            made,
        )

    def close(self) -> None:
        """Forget what was computed."""
        self._generation = None

    def _at(self, until_s: float) -> Outputs:
        made = self._generation
        if made is None:
            raise TwinError("sun engine", "stepped before it was started", then="Call start() first.")
        row = until_s / self._model.step_s if np.isfinite(until_s) else np.nan
        if not (row % 1.0 == 0.0 and self._now_s <= until_s and row < made.ac_kw.shape[0]):
            raise TwinError(
                "sun engine, until_s",
                f"{until_s:g} s",
                f"A multiple of {self._model.step_s} s from {self._now_s:g} to "
                f"{(made.ac_kw.shape[0] - 1) * self._model.step_s} s.",
            )
        self._now_s = float(until_s)
        return Outputs(self._now_s, {"pv_kw": made.ac_kw[int(row)].copy()})
