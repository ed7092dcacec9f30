"""Commands to devices: checked against their Thing Descriptions, logged, and handed to the run that they act on."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.things.actions import ACTIONS
from twin_sandbox.things.description import thing_description
from twin_sandbox.things.meeting import commanded
from twin_sandbox.world.moment import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd

    from twin_sandbox.entities import District

WAITING = "waiting"
APPLIED = "applied"
UNHEARD = "accepted: no engine listens"
STATION = "drainage.setting"
"""What pumps and gates of the drains obey, which go by short names."""


@dataclass(frozen=True)
class Command:
    """One command.

    Args:
        device: unified code of the device.
        action: name of one of its actions, e.g. ``"set_speed"``.
        value: in the action's unit.
        at: when it takes effect: a moment with time zone.
    """

    device: str
    action: str
    value: float
    at: object


def check(district: "District", command: Command) -> None:
    """Refuse what the device can't do.

    Raises:
        TwinError: no such device or action, a device that is not in service, a value of the wrong type, out of range
            or finer than the device tells apart, or a moment without time zone.
    """
    devices = district.entities["devices"]
    where = f"command to {command.device}"
    if command.device not in devices.index:
        raise TwinError(where, "no such device", "A code of district.entities['devices'].")
    device = devices.loc[command.device]
    actions: Mapping[str, Any] = thing_description(district, command.device).get("actions", {})
    if command.action not in actions:
        allowed = f"One of: {', '.join(actions)}." if actions else f"A {device['kind']} only measures."
        kinds = f"Commands are taken by: {', '.join(ACTIONS)}."
        raise TwinError(where, f"no action {command.action!r}", allowed, "" if actions else kinds)
    if device["state"] != "in service":
        raise TwinError(
            where, f"the device is not in service but: {device['state']}", then="Choose another, or have it repaired."
        )
    wanted = actions[command.action]["input"]
    low, high, step = wanted["minimum"], wanted["maximum"], wanted["multipleOf"]
    span = f"A number from {low:g} to {high:g} in steps of {step:g} {wanted['qudt:ucumCode']}."
    value = command.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TwinError(f"{where}, {command.action}", f"{value!r}", span)
    if not low <= value <= high or abs(value / step - round(value / step)) > 1e-6:
        raise TwinError(f"{where}, {command.action}", f"{value:g}", span)
    moment(f"{where}, at", command.at)


class CommandLog:
    """What was commanded in a district, in order, with what became of it.

    Pumps, gates, valves and chargers act in a run whose engines listen: give `due` to ``session.step``. Commands to
    other devices are checked and logged, nothing more.

    Args:
        district: where.
    """

    def __init__(self, district: "District") -> None:
        self._district = district
        self._rows: list[dict[str, Any]] = []

    def send(self, command: Command) -> str:
        """Check and log a command; gives its status.

        Raises:
            TwinError: see `check`; then nothing is logged.
        """
        check(self._district, command)
        device = self._district.entities["devices"].loc[command.device]
        status = UNHEARD if self._sets(device, command.action, float(command.value)) is None else WAITING
        self._rows.append(
            {
                "at": moment("command, at", command.at),
                "device": command.device,
                "kind": device["kind"],
                "action": command.action,
                "value": float(command.value),
                "status": status,
            }
        )
        return status

    def _sets(self, device: Any, action: str, value: float) -> tuple[str, dict[str, float]] | None:  # noqa: ANN401 - a row
        return commanded(self._district, str(device["kind"]), action, str(device["host"]), value)

    def due(self, now: object, listening: "Collection[str]" = (STATION,)) -> dict[str, Any]:
        """Settings whose moment has come and that were not handed over yet, the last one of each device.

        Args:
            now: present moment of the run, e.g. ``session.time``.
            listening: quantities that the run can set, ``session.sets``; what none of them takes stays unheard. By
                default pumps and gates alone, by their short names.
        """
        present = moment("commands, now", now)
        devices = self._district.entities["devices"]
        settings: dict[str, Any] = {}
        for row in sorted(self._rows, key=lambda row: row["at"]):
            if row["status"] != WAITING or row["at"] > present:
                continue
            sets = self._sets(devices.loc[row["device"]], row["action"], row["value"])
            if sets is None or sets[0] not in listening:
                row["status"] = UNHEARD
                continue
            quantity, values = sets
            settings.update(values if quantity == STATION else {quantity: {**settings.get(quantity, {}), **values}})
            row["status"] = APPLIED
        return settings

    def table(self) -> "pd.DataFrame":
        """All commands in the order of sending: at, device, kind, action, value, status."""
        import pandas as pd

        return pd.DataFrame(self._rows, columns=["at", "device", "kind", "action", "value", "status"])
