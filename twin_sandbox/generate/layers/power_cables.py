"""What cables and transformers there are to choose from."""

from dataclasses import dataclass

SQRT3 = 3**0.5
WARM = 1.2
"""Resistance of a loaded conductor at about 70 °C against 20 °C: 1 + 0.00393 · 50."""


@dataclass(frozen=True)
class Cable:
    """A cable in the ground; resistance at 20 °C per kilometre."""

    name: str
    ohm_km: float
    reactance_ohm_km: float
    c_uf_km: float
    capacity_a: float


# Resistances: IEC 60228 (GB/T 3956), copper, class 2. Reactance, capacitance and capacity: usual makers' values for
# one cable alone in the ground, rounded.
INCOMING = Cable("YJV22-8.7/15 3x400", 0.0470, 0.084, 0.41, 570.0)
RING = Cable("YJV22-8.7/15 3x300", 0.0601, 0.087, 0.37, 500.0)
LOW = [
    Cable("YJV22-0.6/1 4x35", 0.524, 0.078, 0.0, 130.0),
    Cable("YJV22-0.6/1 4x70", 0.268, 0.076, 0.0, 190.0),
    Cable("YJV22-0.6/1 4x120", 0.153, 0.074, 0.0, 255.0),
    Cable("YJV22-0.6/1 4x185", 0.0991, 0.073, 0.0, 325.0),
    Cable("YJV22-0.6/1 4x240", 0.0754, 0.073, 0.0, 375.0),
]
SPARE = 1.4
"""A cable carries so many times the coincident peak that its planner reckoned with."""
DROP = 0.035
"""Share of the voltage that a low-voltage cable may take at the peak."""


def choose_low(kw: float, length_m: float) -> tuple[Cable, int]:
    """The smallest low-voltage cable, and how many side by side, for a peak at 0.92 power factor."""
    amperes = kw / 0.92 / (SQRT3 * 0.38)
    for count in range(1, 7):
        for cable in LOW:
            drop = SQRT3 * amperes * cable.ohm_km * WARM * length_m / 1000 / count / 380
            if cable.capacity_a * count >= SPARE * amperes and drop <= DROP:
                return cable, count
    return LOW[-1], 6


@dataclass(frozen=True)
class Rating:
    """A 10/0.4 kV transformer, dry type, Dyn11; losses are usual makers' values, rounded (order of GB 20052)."""

    kva: float
    uk_percent: float
    load_loss_kw: float
    no_load_loss_kw: float
    no_load_current_percent: float


RATINGS = [
    Rating(400.0, 4.0, 3.6, 0.70, 0.9),
    Rating(500.0, 4.0, 4.4, 0.83, 0.9),
    Rating(630.0, 6.0, 5.4, 0.93, 0.8),
    Rating(800.0, 6.0, 6.3, 1.08, 0.8),
    Rating(1000.0, 6.0, 7.4, 1.26, 0.7),
    Rating(1250.0, 6.0, 8.8, 1.47, 0.7),
]
FULL_SHARE = 0.62
"""Share of its rating that a new transformer is planned to carry at the coincident peak."""
POWER_FACTOR = 0.93


def choose_rating(kw: float, share: float = FULL_SHARE) -> Rating:
    """The smallest transformer that carries ``kw`` at ``share`` of its rating."""
    return next((rating for rating in RATINGS if rating.kva * share * POWER_FACTOR >= kw), RATINGS[-1])


LARGEST_KW = RATINGS[-1].kva * FULL_SHARE * POWER_FACTOR
