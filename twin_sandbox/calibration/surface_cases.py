"""Cases whose answer is known, run on the street surface: how right it is, and where it is wrong.

None needs the district. `values` puts each figure beside the range that it must keep; `PICTURES` draws them, and the
district's streets.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage.surface import Grid, Surface, plain_grid
from twin_sandbox.generate.sanity.value import RULE, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from twin_sandbox.world.twin import Twin

Floats = NDArray[np.float64]
GRAVITY_M_S2 = 9.80665
_THIN_M = 1e-4  # analytic solutions know no film that stays


@dataclass(frozen=True)
class Profile:
    """Depth along a line, by the model and by its exact solution.

    Args:
        x_m: distance [m].
        model_m: depth [m].
        exact_m: depth [m].
        outflow: flow out of the lower end ÷ what falls, where there is one.
    """

    x_m: Floats
    model_m: Floats
    exact_m: Floats
    outflow: float = 1.0

    @property
    def error_m(self) -> float:
        """Root mean square error where either is wet [m]."""
        wet = (self.exact_m > 0) | (self.model_m > 0.01)
        return float(np.sqrt(((self.model_m - self.exact_m)[wet] ** 2).mean()))


def still_lake() -> tuple[float, float]:
    """A lake at 1.2 m over a bed at random between 0 and 2 m, islands dry: greatest flow [m²/s], greatest rise [m].

    Nothing may move: the water's weight and the bed's slope cancel in every face (a well-balanced scheme).
    """
    bed = np.random.default_rng(0).uniform(0.0, 2.0, (60, 60))
    surface = Surface(plain_grid(bed, 5.0, 0.03))
    surface.depth_m[:] = np.maximum(1.2 - bed, 0.0)
    surface.advance(3600.0)
    wet = surface.depth_m > 0
    return surface.fastest_m2_s, float(np.abs((bed + surface.depth_m - 1.2)[wet]).max())


def rain_on_plane() -> Profile:
    """50 mm/h on 1 km that falls 1 %, n 0.03, until steady: a kinematic wave, q = i x, h = (q n / √S)^(3/5).

    (Chow, Maidment and Mays 1988, Applied Hydrology, equation 9.4.2.) The last metres before the free fall are left
    out: there the exact solution has no drawdown.
    """
    count, slope, n, rain = 200, 0.01, 0.03, 50 / 3.6e6
    x = (np.arange(count, dtype=np.float64) + 1) * 5.0
    ground = np.append((count - np.arange(count)) * 5.0 * slope, -1.0)[None]
    sea = np.zeros((1, count + 1), bool)
    sea[0, -1] = True
    surface = Surface(plain_grid(ground, 5.0, n, sea), film_m=_THIN_M)
    surface.advance(2 * 3600.0, rain, sea_m=-1.0)
    before = surface.ledger.sea_m3
    surface.advance(600.0, rain)
    falls = rain * 600.0 * count * 25.0
    exact = (rain * x * n / np.sqrt(slope)) ** 0.6
    return Profile(x[:-4], surface.depth_m[0, :-5], exact[:-4], (surface.ledger.sea_m3 - before) / falls)


def bowl() -> tuple[float, float, float]:
    """60 mm in an hour on a bowl 400 m wide, then five hours: level, exact level, unevenness of the level [m].

    The exact one holds all that fell: Σ max(level − ground, 0) over the cells is 60 mm a cell.
    """
    x, y = np.meshgrid(np.arange(80) - 39.5, np.arange(80) - 39.5)
    ground = (x * x + y * y) * 0.002
    surface = Surface(plain_grid(ground, 5.0, 0.03))
    surface.advance(3600.0, 60 / 3.6e6)
    surface.advance(5 * 3600.0)
    low, high = 0.0, 5.0
    while high - low > 1e-9:
        level = (low + high) / 2
        low, high = (level, high) if np.maximum(level - ground, 0).sum() < 0.06 * ground.size else (low, level)
    wet = ground < low - 0.01
    levels = (ground + surface.depth_m)[wet]
    return float(levels.mean()), low, float(np.ptp(levels))


def beyond_a_sill() -> float:
    """The sea rises to 10 cm above a sill, stays ten hours and falls: level of the pond behind, above the sill [m].

    After test 1 of the Environment Agency's benchmark of 2-D flood models (Néelz and Pender 2013, SC120002).
    """
    x = (np.arange(70) + 0.5) * 10
    ground = np.interp(x, [0, 100, 300, 400, 500, 700], [9.7, 9.7, 10.25, 9.75, 9.5, 10.6])[None]
    sea = np.zeros_like(ground, bool)
    sea[0, 0] = True
    surface = Surface(plain_grid(ground, 10.0, 0.03, sea), film_m=_THIN_M)
    for second in range(0, 20 * 3600, 60):
        level = np.interp(second / 3600, [0, 1, 11, 12, 20], [9.7, 10.35, 10.35, 9.7, 9.7])
        surface.advance(60.0, sea_m=float(level))
    return float((ground + surface.depth_m)[0, 45] - ground[0, 20:40].max())


def wave(cell_m: float = 5.0) -> Profile:
    """A wave that runs over a dry flat at 1 m/s, n 0.03, after an hour: h = (7/3 n² u² (u t − x))^(3/7).

    (Hunter, Horritt, Bates, Wilson and Werner 2005, doi:10.1016/j.advwatres.2005.03.007.)
    """
    n, speed, until, step = 0.03, 1.0, 3600.0, 2.0
    count = round(5000 / cell_m)
    sea = np.zeros((1, count + 1), bool)
    sea[0, 0] = True
    surface = Surface(plain_grid(np.zeros((1, count + 1)), cell_m, n, sea), film_m=_THIN_M)
    for k in range(round(until / step)):
        surface.advance(step, sea_m=(7 / 3 * n * n * speed**3 * (k + 0.5) * step) ** (3 / 7))
    x = (np.arange(count, dtype=np.float64) + 0.5) * cell_m
    exact = (7 / 3 * n * n * speed**2 * np.maximum(speed * until - x, 0)) ** (3 / 7)
    return Profile(x, surface.depth_m[0, 1:], exact)


def front_m(x_m: Floats, depth_m: Floats) -> float:
    """How far the water came: the last point deeper than a centimetre [m]."""
    return float(x_m[depth_m > 0.01].max())


def dam_break(upper_m: float, lower_m: float) -> Profile:
    """A dam between two depths vanishes; 100 s later. The exact solution is Stoker's (1957, Water Waves, 10.8)."""
    count, seconds = 400, 100.0
    x = (np.arange(count, dtype=np.float64) + 0.5) * 5.0 - 1000.0
    surface = Surface(plain_grid(np.zeros((1, count)), 5.0, 0.001))
    surface.depth_m[0] = np.where(x < 0, upper_m, lower_m)
    surface.advance(seconds)
    return Profile(x, surface.depth_m[0], _stoker(upper_m, lower_m, x / seconds))


def _stoker(upper_m: float, lower_m: float, speed: Floats) -> Floats:
    def celerity(h: float) -> float:
        return float(np.sqrt(GRAVITY_M_S2 * h))

    def excess(h: float) -> float:
        bore = (h - lower_m) * np.sqrt(GRAVITY_M_S2 * (h + lower_m) / (2 * h * lower_m))
        return float(2 * (celerity(upper_m) - celerity(h)) - bore)

    low, high = lower_m, upper_m
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    between, c = low, celerity(upper_m)
    u = 2 * (c - celerity(between))
    shock = between * u / (between - lower_m)
    fan = (2 * c - speed) ** 2 / (9 * GRAVITY_M_S2)
    depth = np.where(speed < u - celerity(between), fan, np.where(speed < shock, between, lower_m))
    return np.where(speed < -c, upper_m, depth)


def kerb() -> tuple[float, float]:
    """Water at 11.9 cm against a kerb of 12 cm for ten minutes, then more: deepest behind it before and after [m]."""
    flat, down = np.zeros((5, 40)), np.full((6, 40), -np.inf)
    across = np.full((5, 41), -np.inf)
    across[:, 20] = 0.12
    surface = Surface(Grid(flat, 5.0, np.full(flat.shape, 0.02), across, down, np.zeros(flat.shape, bool)))
    surface.depth_m[:, :20] = 0.119
    surface.advance(600.0)
    behind = float(surface.depth_m[:, 20:].max())
    surface.source_m_s[:, 0] = 1e-3
    surface.advance(600.0)
    return behind, float(surface.depth_m[:, 20:].max())


def spread_on_flat() -> tuple[Floats, float, float]:
    """10 m³/s for half an hour in the middle of a flat, n 0.05: depths; radius along the grid and aslant [m].

    A circle is right. Aslant the water runs further: each direction's friction sees its own part of the flow alone.
    """
    count, middle = 121, 60
    surface = Surface(plain_grid(np.zeros((count, count)), 5.0, 0.05), film_m=_THIN_M)
    surface.source_m_s[middle, middle] = 10 / 25
    surface.advance(1800.0)

    def radius(line: Floats, step_m: float) -> float:
        last = int(np.flatnonzero(line > 0.05).max())
        return float(step_m * (last + (line[last] - 0.05) / (line[last] - line[last + 1])))

    depth = surface.depth_m
    return depth, radius(depth[middle, middle:], 5.0), radius(np.diag(depth)[middle:], 5.0 * 2**0.5)


def values(twin: "Twin | None" = None) -> Iterator[Value]:  # noqa: ARG001 - as every part of the twin's check
    """The figures of all cases."""
    flow, rise = still_lake()
    yield Value("still_lake_flow", flow, 0.0, 0.0, "m²/s", RULE)
    yield Value("still_lake_rise", rise, 0.0, 0.0, "m", RULE)
    plane = rain_on_plane()
    yield Value("rain_on_plane_outflow", plane.outflow, 0.999, 1.001, "1", "Chow, Maidment and Mays 1988, 9.4")
    worst = float(np.abs(plane.model_m / plane.exact_m - 1)[20:].max())
    yield Value("rain_on_plane_depth_error", worst, 0.0, 0.02, "1", "Chow, Maidment and Mays 1988, 9.4")
    level, exact, uneven = bowl()
    yield Value("bowl_level_error", level - exact, -0.05, 0.0, "m", "volume; the film on the slopes is missing")
    yield Value("bowl_unevenness", uneven, 0.0, 0.001, "m", RULE)
    yield Value("pond_above_sill", beyond_a_sill(), 0.0, 0.01, "m", "Néelz and Pender 2013, test 1")
    run = wave()
    front = front_m(run.x_m, run.model_m) / front_m(run.x_m, run.exact_m) - 1
    yield Value("wave_front_error", front, -0.05, 0.01, "1", "Hunter et al. 2005")
    yield Value("wave_depth_error", run.error_m, 0.0, 0.1, "m", "Hunter et al. 2005")
    below, above = kerb()
    yield Value("kerb_leak_below_crest", below, 0.0, 0.0, "m", RULE)
    yield Value("kerb_passed_above_crest", above, 0.01, 1.0, "m", RULE)
    _, along, aslant = spread_on_flat()
    yield Value("aslant_by_along", aslant / along, 1.0, 1.15, "1", "a circle: 1; known limit")
    for upper, lower in ((2.0, 1.0), (1.0, 0.1)):
        broken = dam_break(upper, lower)
        yield Value(f"dam_break_{upper:g}_{lower:g}_error", broken.error_m, 0.0, 0.12, "m", "Stoker 1957; known limit")


def draw_profiles(twin: "Twin | None" = None) -> "Figure":  # noqa: ARG001 - as every picture of the twin's check
    """Rain on a plane, the wave on a dry flat and the dam break against their exact solutions, and spread on a flat."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 6.4), layout="constrained")
    axes = figure.subplots(2, 2)
    shown = (
        (axes[0, 0], rain_on_plane(), "Rain of 50 mm/h on a plane, steady", 1000.0, "mm"),
        (axes[0, 1], wave(), "Wave over a dry flat after 1 h", 1.0, "m"),
        (axes[1, 0], dam_break(2.0, 1.0), "Dam break after 100 s: the known limit", 1.0, "m"),
    )
    for ax, profile, title, times, unit in shown:
        ax.plot(profile.x_m, profile.exact_m * times, color="#b0b6bd", lw=5, label="exact")
        ax.plot(profile.x_m, profile.model_m * times, color="#1e5092", lw=1.4, label="model")
        ax.set(title=title, xlabel="distance, m", ylabel=f"depth, {unit}")
        ax.legend(frameon=False)
    depth, along, aslant = spread_on_flat()
    ax = axes[1, 1]
    reach = depth.shape[0] * 2.5
    ax.imshow(np.where(depth > 0.01, depth, np.nan), cmap="Blues", vmin=0, extent=(-reach, reach, -reach, reach))
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(along * np.cos(angle), along * np.sin(angle), color="#d6542c", lw=1, label="circle")
    ax.set(title=f"Spread on a flat: aslant {aslant / along:.2f} of along", xlabel="m", ylabel="m")
    ax.set(xlim=(-1.2 * along, 1.2 * along), ylim=(-1.2 * along, 1.2 * along))
    ax.legend(frameon=False, loc="upper right")
    return figure


def draw_streets(twin: "Twin") -> "Figure":
    """40 mm in an hour on the streets, every gully blocked: depths after another hour, and the underpass closer."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    from twin_sandbox.views.palette import DEPTH_STOPS
    from twin_sandbox.world.models.surface import street_cells, surface_grid

    grid, terrain = surface_grid(twin.district), twin.terrain
    cells = street_cells(twin.district, grid)
    rain = np.zeros(grid.ground_m.size)
    rain[np.concatenate(list(cells.values()))] = 40 / 3.6e6
    surface = Surface(grid)
    surface.advance(3600.0, rain.reshape(grid.ground_m.shape), sea_m=0.5)
    surface.advance(3600.0)
    depth = np.where(grid.land & (surface.depth_m > 0.01), surface.depth_m, np.nan)
    ground = np.where(grid.land, terrain.elevation_m, np.nan)
    streets = twin.entities["streets"]
    line = streets.geometry[streets["street_class"] == "underpass"].iloc[0]
    x, y = (value[0] for value in line.interpolate(0.5, normalized=True).xy)
    west, south, east, north = terrain.bounds_m

    figure = Figure(figsize=(11.0, 5.2), layout="constrained")
    axes = figure.subplots(1, 2)
    blues = LinearSegmentedColormap.from_list("depth", [tuple(c / 255 for c in stop) for stop in DEPTH_STOPS])
    for ax, reach, highest in ((axes[0], None, 60.0), (axes[1], 110.0, 9.0)):
        ax.imshow(np.where(grid.sea, 1.0, np.nan), cmap="Blues", vmin=0, vmax=4, extent=(west, east, south, north))
        ax.imshow(ground, cmap="Greys", vmin=0, vmax=highest, extent=(west, east, south, north))
        shown = ax.imshow(depth, cmap=blues, vmin=0, vmax=1, extent=(west, east, south, north))
        ax.set(xticks=[], yticks=[])
        if reach:
            ax.set(xlim=(x - reach, x + reach), ylim=(y - reach * 0.9, y + reach * 0.9))
    axes[0].set_title("40 mm on the streets, every gully blocked")
    axes[1].set_title("The underpass: cells of 5 m, houses white")
    figure.colorbar(shown, ax=axes, label="depth, m", extend="max", shrink=0.8)
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "Forty millimetres on the streets with every gully blocked, and the underpass closer": draw_streets,
    "The street surface against cases whose answer is known": draw_profiles,
}
