"""The two tours, of the district and of its life, run from the first cell to the last as a student would."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import twin_sandbox
from grader.workshop.notebook import notebook_bytes, reading_notebook
from twin_sandbox.entities.code import CLASSES
from twin_sandbox.things import faults, messages
from twin_sandbox.world.assemble import EVERY

FOLDER = Path(__file__).parent.parent.parent / "curriculum" / "tour"
SOURCE = FOLDER / "tour.py"


def run(source, folder):
    notebook = nbformat.reads(notebook_bytes(reading_notebook(source)).decode(), as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", store_widget_state=False, resources={"metadata": {"path": folder}}
    )
    return client.execute()  # raises at the first cell that fails


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    return run(SOURCE, tmp_path_factory.mktemp("tour"))


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return run(FOLDER / "living.py", tmp_path_factory.mktemp("living"))


def pictured(notebook):
    return {
        cell["id"] for cell in notebook.cells if any("image/png" in o.get("data", {}) for o in cell.get("outputs", []))
    }


def printed(notebook, cell):
    return "".join(output["text"] for output in outputs(notebook, cell) if output.get("name") == "stdout")


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
    assert {"planner", "networks", "people", "as_of", "device_map", "a_day", "sensor_faults"} <= pictured(toured)
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


@pytest.mark.parametrize("tour", ["toured", "lived"])
def test_it_asks_no_other_host_and_says_that_the_place_is_a_sample(tour, request):
    notebook = request.getfixturevalue(tour)
    assert "not a real place" in notebook.cells[0]["source"]
    told = str([cell.get("outputs", "") for cell in notebook.cells])
    loaded = re.findall(r"""(?:src|href)=["']?(https?://[^"' >]+)""", told)
    assert loaded == []


def test_the_living_district_shows_what_each_engine_takes_and_gives_and_one_picture_of_it(lived):
    told = "".join(shown(lived, cell["id"], "text/html") for cell in lived.cells if cell["id"].endswith("_ports"))
    for engine in EVERY:
        assert re.search(rf">{engine}</td>", told)
    sections = {cell["id"].removesuffix("_ports") for cell in lived.cells if cell["id"].endswith("_ports")}
    assert len(sections) == len(EVERY) - 1  # rooms and sun share one
    assert [cell["id"] for cell in lived.cells if "practicum-map" in str(cell.get("outputs", ""))] == ["water_map"]
    assert sections | {"flood", "outage", "heat_wave", "observed", "ensemble", "noise"} == pictured(lived)


def test_the_living_district_acts_on_itself_and_obeys_who_acts(lived):
    assert "pipe_break" in printed(lived, "yaml_mistakes")
    assert "3 mistakes" in printed(lived, "yaml_mistakes")
    assert "applied" in shown(lived, "valve")
    assert "every value is the same: True" in printed(lived, "resume")
    assert "2 of 2" in printed(lived, "ensemble")
    rows = dict(re.findall(r"^(\w+)((?: +[\d.]+){3})", shown(lived, "kpis"), re.MULTILINE))
    without_wire, as_it_is, shut_early = map(float, rows["mean_speed_kmh"].split())
    assert as_it_is < 0.8 * without_wire  # water slows the streets
    assert as_it_is < shut_early < without_wire  # who shuts them in time spares some of it


def test_the_living_district_warns_of_nothing(lived):
    assert [cell["id"] for cell in lived.cells if "'stderr'" in str(cell.get("outputs", ""))] == []
