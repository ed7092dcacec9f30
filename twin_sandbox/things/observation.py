"""What the devices report of a run: sampled, with errors and faults, quantised, within their range."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError
from twin_sandbox.things import faults as failures
from twin_sandbox.things.ledger import REPORTING, ledger
from twin_sandbox.things.meeting import measured
from twin_sandbox.things.noise import ORDINARY_NOISE

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.result import Result

Streams = np.random.Generator | Mapping[str, np.random.Generator]


class Observed(NamedTuple):
    """Observations as a table (datastream, time, value), and the truth of each fault in it (plain JSON values)."""

    table: "pd.DataFrame"
    truth: list[dict[str, Any]]


def observe(
    district: "District",
    result: "Result",
    stream: Streams,
    faults: Sequence[failures.Fault] = (),
    kinds: Collection[str] = (),
) -> Observed:
    """What the devices of a district report of a run; those whose quantity the result doesn't carry are left out.

    A device reports every ``interval_s`` (or every report step of the run, if that is longer): the value of that
    moment, or for rain the mean intensity since its last report. Then come its faults in the order of `faults.ORDER`
    with the ordinary noise of its quantity unless a `Noise` is given, its range, and its resolution.

    Args:
        district: where.
        result: of the run.
        stream: a generator, or ``{"noise": …, "faults": …}`` for streams of their own. Every device draws from it in
            the order of the ledger, whether it has faults or not, so a fault on one changes no other's noise.
        faults: any number, for any datastreams.
        kinds: report devices of these kinds alone; none: of all.

    Raises:
        TwinError: a fault for a datastream that does not exist.
    """
    devices = ledger(district)
    devices = devices[devices["state"].isin(REPORTING)]
    if kinds:
        devices = devices[devices["kind"].isin(kinds)]
    signals = {}
    for name, device in devices.iterrows():
        true = measured(district, result, device.kind, device.quantity, device.host)
        if true is not None:
            signals[str(name)] = _sampled(result, device.kind, true, int(device.interval_s))
    return report(devices.loc[list(signals)], signals, stream, faults)


def report(
    devices: "pd.DataFrame",
    signals: "Mapping[str, pd.Series[float]]",
    stream: Streams,
    faults: Sequence[failures.Fault],
) -> Observed:
    """What devices make of the true values that they meet: errors, faults, range, resolution.

    Args:
        devices: rows of the ledger, in its order.
        signals: datastream → true values at the moments at which it reports; one for each row.
        stream: as for `observe`.
        faults: as for `observe`.

    Raises:
        TwinError: a fault for a datastream that is not among the rows, or no rows at all.
    """
    import pandas as pd

    unknown = sorted({fault.datastream for fault in faults} - set(devices.index))
    if unknown:
        raise TwinError("observe, faults", f"datastream {', '.join(unknown)}", f"One of: {', '.join(devices.index)}.")
    if isinstance(stream, np.random.Generator):
        stream = {"noise": stream, "faults": stream}
    noises, drawn = stream["noise"].spawn(len(devices)), stream["faults"].spawn(len(devices))
    parts, truth = [], []
    for (name, device), noise_rng, fault_rng in zip(devices.iterrows(), noises, drawn, strict=True):
        series = signals[str(name)]
        own = [fault for fault in faults if fault.datastream == name]
        if not any(isinstance(fault, failures.Noise) for fault in own):
            own.append(failures.Noise(str(name), *ORDINARY_NOISE[device.quantity]))
        for fault in sorted(own, key=lambda fault: failures.ORDER.index(type(fault))):
            if series.empty:
                break
            rng = noise_rng if isinstance(fault, failures.Noise) else fault_rng
            series, told = failures.apply(series, fault, rng)
            truth.append(told)
        values = quantised(np.clip(series.to_numpy(), device.range_low, device.range_high), float(device.resolution))
        parts.append(pd.DataFrame({"datastream": str(name), "time": series.index, "value": values}))
    if not parts:
        raise TwinError("observe", "no device reports anything in this time", then="Ask for a longer record.")
    table = pd.concat(parts, ignore_index=True)
    return Observed(table, truth)


def quantised(values: NDArray[np.floating[Any]], resolution: float) -> NDArray[np.floating[Any]]:
    """Values to the nearest multiple of a resolution (0 leaves them), without trailing digits of the division."""
    if resolution <= 0:
        return values
    digits = max(0, int(np.ceil(-np.log10(resolution))) + 2)
    # Adding 0 turns −0.0 into 0.0: a sign that no device shows.
    return np.round(np.round(values / resolution) * resolution, digits) + 0.0


def _sampled(result: "Result", kind: str, series: "pd.Series[float]", interval_s: int) -> "pd.Series[float]":
    every = max(1, round(interval_s / result.scenario.report_step_s))
    if kind != "rain_gauge":
        return series.iloc[::every]
    # Each kept intensity is the mean since the kept moment before it.
    return series.rolling(every, min_periods=1).mean().iloc[::every]
