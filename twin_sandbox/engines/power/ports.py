"""What the power engine takes and gives, and which values it refuses."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from twin_sandbox.engines.power.model import Floats, PowerModel
from twin_sandbox.engines.protocol import Port, Values
from twin_sandbox.errors import TwinError


@dataclass(frozen=True)
class Limits:
    """What an input allows: from low to high, whole or 0 and 1 alone."""

    low: Floats
    high: Floats
    kind: str = "real"


def takes(model: PowerModel) -> dict[str, Port]:
    """What may be handed to the engine; NaN leaves an entity to the engine."""
    chargers = tuple(model.consumers[k] for k in model.chargers)
    return {
        "load_kw": Port(model.consumers, "kW", "what a consumer draws"),
        "pv_kw": Port(model.panels.codes, "kW", "what panels could give"),
        "battery_kw": Port(model.batteries.codes, "kW", "what a battery is to give; below 0 it charges"),
        "charger_kw": Port(chargers, "kW", "limit of a charger's power"),
        "switch_closed": Port(model.switches.codes, "1", "1 closed, 0 open; commanded"),
        "tap_pos": Port(_tapped(model), "1", "tap position; NaN leaves a feed's to its regulator"),
        "site_depth_m": Port(model.sites.codes, "m", "depth of water above the ground where the switchgear stands"),
    }


def gives(model: PowerModel) -> dict[str, Port]:
    """What the engine tells."""
    return {
        "voltage_pu": Port(model.buses, "1", "voltage by the rated one; 0 where nothing feeds"),
        "energised": Port((*model.consumers, *model.others), "1", "1 if it has power, 0 if not"),
        "line_load": Port(model.lines, "1", "current by rated current"),
        "transformer_load": Port(model.transformers, "1", "apparent by rated power"),
        "served_kw": Port(model.consumers, "kW", "what a consumer gets"),
        "feed_kw": Port(model.feeds, "kW", "what a feed gives; below 0 it takes back"),
        "losses_kw": Port(("network",), "kW", "losses in lines and transformers"),
        "pv_given_kw": Port(model.panels.codes, "kW", "what panels give"),
        "battery_given_kw": Port(model.batteries.codes, "kW", "what a battery gives; below 0 it charges"),
        "battery_kwh": Port(model.batteries.codes, "kWh", "what a battery holds"),
        "diesel_kw": Port(model.diesels.codes, "kW", "what a diesel set gives"),
        "switch_position": Port(model.switches.codes, "1", "1 closed, 0 open, as it stands"),
        "tap_position": Port(_tapped(model), "1", "tap position as it stands"),
    }


def _tapped(model: PowerModel) -> tuple[str, ...]:
    return (*(model.feeds if model.tap_changer else ()), *model.transformers)


def _limited(port: Port, limits: Limits) -> Port:
    """The port with its limits, said once if they are the same for all."""
    pairs = list(zip(limits.low.tolist(), limits.high.tolist(), strict=True))
    whole = limits.kind == "whole"
    if len(set(pairs)) == 1:
        return replace(port, low=pairs[0][0], high=pairs[0][1], whole=whole)
    return replace(port, whole=whole, limits=dict(zip(port.codes, pairs, strict=True)))


class Intake:
    """Reads what is handed over.

    Args:
        model: whose ports.
    """

    def __init__(self, model: PowerModel) -> None:
        ports = takes(model)
        self._limits = self._limits_of(model, ports)
        self.ports = {name: _limited(port, self._limits[name]) for name, port in ports.items()}

    @staticmethod
    def _limits_of(model: PowerModel, ports: Mapping[str, Port]) -> dict[str, Limits]:
        def same(name: str, low: float, high: float, kind: str = "real") -> Limits:
            count = len(ports[name].codes)
            return Limits(np.full(count, low), np.full(count, high), kind)

        feeds = len(model.feeds) if model.tap_changer else 0
        most = model.tap_changer.most if model.tap_changer else 0
        rows = model.components.get("transformer")
        ends = (rows["tap_min"], rows["tap_max"]) if rows is not None else (np.zeros(0), np.zeros(0))
        # Some files count taps downward: tap_min above tap_max is allowed by the library.
        low, high = np.minimum(*ends), np.maximum(*ends)
        taps = Limits(
            np.concatenate([np.full(feeds, -most), low]), np.concatenate([np.full(feeds, most), high]), "whole"
        )
        return {
            "load_kw": same("load_kw", 0.0, math.inf),
            "pv_kw": same("pv_kw", 0.0, math.inf),
            "battery_kw": same("battery_kw", -math.inf, math.inf),
            "charger_kw": same("charger_kw", 0.0, math.inf),
            "switch_closed": same("switch_closed", 0.0, 1.0, "whole"),
            "tap_pos": taps,
            "site_depth_m": same("site_depth_m", 0.0, math.inf),
        }

    def read(self, inputs: Values) -> dict[str, Floats]:
        """Every input as an array, NaN where nothing was handed over.

        Raises:
            TwinError: an unknown quantity, a wrong number of values, or a value out of its limits.
        """
        unknown = sorted(set(inputs) - set(self.ports))
        if unknown:
            raise TwinError("Power.step", f"takes no {unknown[0]!r}", f"{', '.join(self.ports)}.")
        return {name: self._one(name, inputs) for name in self.ports}

    def _one(self, name: str, inputs: Mapping[str, Floats]) -> Floats:
        port, where = self.ports[name], f"Power.step, {name}"
        if name not in inputs:
            return np.full(len(port.codes), np.nan)
        try:
            values = np.asarray(inputs[name], dtype=np.float64)
        except (TypeError, ValueError):
            raise TwinError(where, "no numbers", f"{len(port.codes)} numbers [{port.unit}].") from None
        if values.shape != (len(port.codes),):
            raise TwinError(where, f"an array of shape {values.shape}", f"{len(port.codes)} values, one for each code.")
        limits = self._limits[name]
        wrong = (values < limits.low) | (values > limits.high) | np.isinf(values)
        if limits.kind == "whole":
            wrong |= ~np.isnan(values) & (values != np.round(values))
        if wrong.any():
            k = int(np.argmax(wrong))
            low, high = limits.low[k], limits.high[k]
            span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more, finite"
            span = "finite" if not math.isfinite(low) else span
            kind = "A whole number" if limits.kind == "whole" else "A number"
            raise TwinError(f"{where}, {port.codes[k]}", f"{values[k]:g}", f"{kind} {span}, or NaN to leave it.")
        return values
