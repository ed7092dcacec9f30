"""Devices as W3C Web of Things Thing Descriptions 1.1 (https://www.w3.org/TR/wot-thing-description11/)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.things.actions import ACTIONS, Action
from twin_sandbox.things.ledger import ledger
from twin_sandbox.things.units import UNIT_TERMS

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District

CONTEXT = [
    "https://www.w3.org/2022/wot/td/v1.1",
    {
        "@language": "en",
        "sosa": "http://www.w3.org/ns/sosa/",
        "qudt": "http://qudt.org/schema/qudt/",
        "unit": "http://qudt.org/vocab/unit/",
        "mqv": "https://www.w3.org/2019/wot/mqtt#",
        "practicum": "urn:practicum:term:",
    },
]
BROKER = "mqtt://localhost:1883"
"""Where messages are published unless a description is asked for another broker."""


def thing_description(district: "District", code: str, broker: str = BROKER) -> dict[str, Any]:
    """The Thing Description of one device: plain JSON values.

    Each datastream is a read-only, observable property with unit (QUDT term, and UCUM code as ``qudt:ucumCode``),
    range and resolution; what can be commanded is an action; every device may raise ``alarm``. Hypertext references
    are relative to where the description is served; MQTT forms name the topic.

    Args:
        district: where.
        code: unified code of the device.
        broker: URI of the message broker.

    Raises:
        TwinError: there is no such device.
    """
    things = ledger(district)
    own = things[things["code"] == code]
    if own.empty:
        raise TwinError("thing_description", f"no device {code!r}", "A code of district.entities['devices'].")
    return _described(district.area_code, own, broker)


def thing_descriptions(district: "District", broker: str = BROKER) -> dict[str, dict[str, Any]]:
    """The Thing Descriptions of all devices, by code; see `thing_description`."""
    things = ledger(district)
    return {str(code): _described(district.area_code, own, broker) for code, own in things.groupby("code", sort=False)}


def topic(area_code: str, code: str, datastream: str) -> str:
    """The MQTT topic on which a datastream's observations are published."""
    return f"practicum/{area_code}/{code}/{datastream}"


def _described(area: str, own: "pd.DataFrame", broker: str) -> dict[str, Any]:
    device = own.iloc[0]
    code = str(device["code"])
    actions = {action.name: _action(action, area, code, broker) for action in ACTIONS.get(device["kind"], ())}
    description: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": ["sosa:Sensor", "sosa:Actuator"] if actions else ["sosa:Sensor"],
        "id": f"urn:practicum:{code}",
        "title": device["name_en"],
        "titles": {"en": device["name_en"], "zh": device["name_zh"]},
        "version": {"instance": "1.0.0", "model": device["firmware"]},
        "practicum:kind": device["kind"],
        "practicum:owner": device["owner"],
        "practicum:space": device["space"],
        "practicum:vendor": device["vendor"],
        "securityDefinitions": {"open": {"scheme": "nosec"}},
        "security": ["open"],
        "properties": dict(_properties(area, own, broker)),
        "events": {"alarm": _alarm(area, code, broker, list(own["quantity"]))},
    }
    if actions:
        description["actions"] = actions
    links = []
    if device["host"]:
        links.append({"rel": "http://www.w3.org/ns/sosa/isHostedBy", "href": f"urn:practicum:{device['host']}"})
    if device["gateway"]:
        links.append({"rel": "urn:practicum:term:reports_through", "href": f"urn:practicum:{device['gateway']}"})
    if links:
        description["links"] = links
    return description


def _properties(area: str, own: "pd.DataFrame", broker: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, stream in own.to_dict("index").items():
        yield (
            str(name),
            {
                "title": stream["quantity"],
                "type": "number",
                **_unit(stream["unit"]),
                "minimum": float(stream["range_low"]),
                "maximum": float(stream["range_high"]),
                "multipleOf": float(stream["resolution"]),
                "readOnly": True,
                "observable": True,
                "practicum:interval_s": int(stream["interval_s"]),
                "forms": [
                    {"href": f"things/{stream['code']}/properties/{name}", "op": "readproperty"},
                    {
                        "href": broker,
                        "op": ["observeproperty", "unobserveproperty"],
                        "mqv:filter": topic(area, stream["code"], str(name)),
                    },
                ],
            },
        )


def _unit(unit: str) -> dict[str, str]:
    terms = UNIT_TERMS[unit]
    return {"unit": f"unit:{terms.qudt}", "qudt:ucumCode": terms.ucum}


def _action(action: Action, area: str, code: str, broker: str) -> dict[str, Any]:
    return {
        "title": action.title_en,
        "titles": {"en": action.title_en, "zh": action.title_zh},
        "input": {
            "type": "number",
            **_unit(action.unit),
            "minimum": action.low,
            "maximum": action.high,
            "multipleOf": action.step,
        },
        "safe": False,
        "idempotent": True,
        "forms": [
            {"href": f"things/{code}/actions/{action.name}", "op": "invokeaction"},
            {"href": broker, "op": "invokeaction", "mqv:topic": topic(area, code, action.name)},
        ],
    }


def _alarm(area: str, code: str, broker: str, quantities: list[str]) -> dict[str, Any]:
    return {
        "title": "Alarm",
        "titles": {"en": "Alarm", "zh": "告警"},
        "data": {
            "type": "object",
            "properties": {
                "quantity": {"type": "string", "enum": quantities},
                "value": {"type": "number"},
                "at": {"type": "string", "format": "date-time"},
            },
            "required": ["quantity", "value", "at"],
        },
        "forms": [
            {"href": broker, "op": ["subscribeevent", "unsubscribeevent"], "mqv:filter": topic(area, code, "alarm")}
        ],
    }
