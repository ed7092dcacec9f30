"""Thing Descriptions against the schema that the W3C published, and against the ledger."""

import json
from pathlib import Path

import jsonschema
import pytest

from twin_sandbox import TwinError
from twin_sandbox.things.actions import ACTIONS
from twin_sandbox.things.description import thing_description, thing_descriptions
from twin_sandbox.things.noise import ORDINARY_NOISE
from twin_sandbox.things.units import UNIT_TERMS

SCHEMA = Path(__file__).parent / "fixtures" / "wot" / "td-json-schema-validation.json"


@pytest.fixture(scope="module")
def descriptions(twin):
    return thing_descriptions(twin.district)


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_every_device_has_a_description_that_the_published_schema_accepts(twin, descriptions, validator):
    assert list(descriptions) == list(twin.entities["devices"].index)
    wrong = {code: [error.message for error in validator.iter_errors(td)] for code, td in descriptions.items()}
    assert {code: errors for code, errors in wrong.items() if errors} == {}


@pytest.mark.parametrize("member", ["@context", "title", "security", "securityDefinitions"])
def test_the_published_schema_finds_what_is_missing(descriptions, validator, member):
    td = dict(next(iter(descriptions.values())))
    del td[member]
    assert not validator.is_valid(td)


def test_properties_say_what_the_ledger_says(twin, descriptions):
    for name, row in twin.things.iterrows():
        field = descriptions[row["code"]]["properties"][name]
        assert (field["minimum"], field["maximum"]) == (row["range_low"], row["range_high"])
        assert field["multipleOf"] == row["resolution"]
        assert field["unit"] == f"unit:{UNIT_TERMS[row['unit']].qudt}"
        assert field["readOnly"]
        assert field["observable"]


def test_names_in_two_languages_and_links_to_host_and_gateway(twin, descriptions):
    devices = twin.entities["devices"]
    code = devices.index[devices["kind"] == "lamp_controller"][0]
    td = descriptions[code]
    assert td["titles"] == {"en": devices.at[code, "name_en"], "zh": devices.at[code, "name_zh"]}
    links = {link["rel"].rpartition(":")[2].rpartition("/")[2]: link["href"] for link in td["links"]}
    assert links == {
        "isHostedBy": f"urn:practicum:{devices.at[code, 'host']}",
        "reports_through": f"urn:practicum:{devices.at[code, 'gateway']}",
    }
    assert thing_description(twin.district, code) == td
    with pytest.raises(TwinError, match="no device"):
        thing_description(twin.district, "SB010000FDV00000")


def test_what_can_be_commanded_is_an_action_and_the_rest_only_measures(twin, descriptions):
    for code, kind in twin.entities["devices"]["kind"].items():
        assert set(descriptions[code].get("actions", {})) == {action.name for action in ACTIONS.get(kind, ())}
    assert set(ACTIONS) <= set(twin.entities["devices"]["kind"])


def test_every_unit_has_a_term_and_every_quantity_a_noise(twin):
    assert set(twin.things["unit"]) <= set(UNIT_TERMS)
    assert set(twin.things["quantity"]) == set(ORDINARY_NOISE)
