"""The tour of the district, run from the first cell to the last as a student would."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import twin_sandbox
from grader.workshop.notebook import notebook_bytes, reading_notebook
from twin_sandbox.entities.code import CLASSES
from twin_sandbox.things import faults, messages

SOURCE = Path(__file__).parent.parent.parent / "curriculum" / "tour" / "tour.py"


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    notebook = nbformat.reads(notebook_bytes(reading_notebook(SOURCE)).decode(), as_version=4)
    folder = tmp_path_factory.mktemp("tour")
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", store_widget_state=False, resources={"metadata": {"path": folder}}
    )
    return client.execute()  # raises at the first cell that fails


def outputs(notebook, cell):
    return next(one for one in notebook.cells if one["id"] == cell)["outputs"]


def shown(notebook, cell, kind="text/plain"):
    return "\n".join(output["data"][kind] for output in outputs(notebook, cell) if kind in output.get("data", {}))


def test_it_shows_an_entity_of_each_of_the_five_classes(toured):
    one_of_each = {"facility", "building", "vehicle", "enterprise", "person"}
    assert one_of_each == set(CLASSES.values())
    for name in one_of_each:
        assert name in shown(toured, f"one_{name}").lower()
        assert "<table" in shown(toured, f"one_{name}", "text/html")


def test_it_draws_every_layer_and_a_day_of_every_kind_of_device(toured):
    pictures = [
        cell["id"] for cell in toured.cells if any("image/png" in o.get("data", {}) for o in cell.get("outputs", []))
    ]
    assert {"planner", "networks", "people", "as_of", "device_map", "a_day", "sensor_faults"} <= set(pictures)
    maps = [cell["id"] for cell in toured.cells if "practicum-map" in str(cell.get("outputs", ""))]
    assert maps == ["map_above", "map_below", "run"]
    for kind in twin_sandbox.open_district().things["kind"].unique():
        assert kind in shown(toured, "kinds", "text/html")


def test_it_shows_every_kind_of_fault(toured):
    text = SOURCE.read_text(encoding="utf-8")
    kinds = [kind.__name__ for union in (faults.Fault, messages.MessageFault) for kind in union.__args__]
    assert len(kinds) == 12
    assert [kind for kind in kinds if not re.search(rf"\b{kind}\(", text)] == []
    assert "truncated" in str(outputs(toured, "poisoned")) or "NaN" in str(outputs(toured, "poisoned"))


def test_it_asks_no_other_host(toured):
    told = str([cell.get("outputs", "") for cell in toured.cells])
    loaded = re.findall(r"""(?:src|href)=["']?(https?://[^"' >]+)""", told)
    assert loaded == []
