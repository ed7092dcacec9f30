"""``practicum twin run``, ``replay`` and ``check``: what they print and write, and how they end."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from grader.cli.twin import command
from twin_sandbox import calibration
from twin_sandbox.calibration import page
from twin_sandbox.errors import TwinError
from twin_sandbox.generate.sanity.value import Value

SHORT = "name: a short run\nstart: 2026-07-15 06:00+08:00\nhorizon_h: 0.5\nengines: [supply, power]\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario, and what running it wrote."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "short.yaml").write_text(SHORT, encoding="utf-8")
    done = typed("run", folder / "short.yaml", "--out", folder / "run", "--json")
    assert done.exit_code == 0, done.output
    (folder / "printed.json").write_text(done.stdout, encoding="utf-8")
    return folder


def typed(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


def test_a_run_is_printed_as_json_and_written_with_every_value(folder: Path):
    told = json.loads((folder / "printed.json").read_text(encoding="utf-8"))
    kept = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    assert told["kpis"]["water_delivered_m3"]["unit"] == "m³"
    assert 30 < told["kpis"]["water_delivered_m3"]["value"] < 120
    assert {name: told[name] for name in kept} == kept
    assert (told["failed"], told["kept"]) == ("", 7)
    found = np.load(folder / "run" / "found.npy")
    assert found.shape == (7, sum(len(of["codes"]) for of in told["quantities"].values()))
    assert sorted(path.name for path in (folder / "run").iterdir()) == ["found.npy", "run.json", "scenario.yaml"]


def test_a_run_is_printed_in_words(folder: Path):
    done = typed("run", folder / "short.yaml")
    assert done.exit_code == 0, done.output
    told = json.loads((folder / "printed.json").read_text(encoding="utf-8"))
    assert re.search(r"^water_delivered_m3 +[\d.,]+ m³ +Water that buildings got\.$", done.stdout, re.MULTILINE)
    assert "supply: balance_error 0.00%" in done.stdout
    assert f"found {told['found_sha256'][:16]} from inputs {told['inputs_sha256'][:16]}" in done.stdout


def test_a_replay_finds_the_same(folder: Path):
    done = typed("replay", folder / "run")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("The same: every value of 26 quantities at 7 moments.")


def test_a_replay_names_what_has_changed(folder: Path, tmp_path: Path):
    for changes, words in (
        ({"found_sha256": "0" * 64}, "The file was changed, or a library is not exact"),
        ({"found_sha256": "0" * 64, "versions": {"numpy": "0.1"}}, "It was run with numpy 0.1"),
        ({"district": "0" * 64}, "another district"),
        ({"found_sha256": None}, "found_sha256 is None"),
    ):
        shutil.copytree(folder / "run", tmp_path / "run", dirs_exist_ok=True)
        told = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
        (tmp_path / "run" / "run.json").write_text(json.dumps({**told, **changes}), encoding="utf-8")
        done = typed("replay", tmp_path / "run")
        assert done.exit_code == 1
        assert isinstance(done.exception, TwinError)
        assert words in str(done.exception)


def test_a_wire_that_is_cut_changes_what_is_found(folder: Path):
    told = json.loads((folder / "printed.json").read_text(encoding="utf-8"))
    done = typed("run", folder / "short.yaml", "--cut", "supply.booster_kw", "--json")
    assert done.exit_code == 0, done.output
    cut = json.loads(done.stdout)
    assert [wire["gives"] for wire in told["wiring"]["wires"]] == ["booster_kw", "energised"]
    assert [wire["gives"] for wire in cut["wiring"]["wires"]] == ["energised"]
    assert cut["found_sha256"] != told["found_sha256"]
    assert cut["kpis"]["water_delivered_m3"] == told["kpis"]["water_delivered_m3"]


def test_a_wiring_of_ones_own_is_taken(folder: Path, tmp_path: Path):
    (tmp_path / "own.toml").write_text("[every_s]\nsupply = 600\npower = 600\n", encoding="utf-8")
    done = typed("run", folder / "short.yaml", "--wiring", tmp_path / "own.toml", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["wiring"] == {"wires": [], "every_s": {"supply": 600, "power": 600}}


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """EPANET gives up after ten minutes."""
    from twin_sandbox.engines.supply.engine import Supply

    step = Supply.step

    def fails(engine, until_s, inputs):
        if until_s > 600:
            raise TwinError("water supply engine (EPANET)", "110: cannot solve network hydraulic equations")
        return step(engine, until_s, inputs)

    monkeypatch.setattr(Supply, "step", fails)


@pytest.mark.usefixtures("failing")
def test_a_failure_in_mid_run_ends_with_1_and_what_was_found_is_written(folder: Path, tmp_path: Path):
    done = typed("run", folder / "short.yaml", "--out", tmp_path / "partial", "--json")
    assert done.exit_code == 1
    assert "110: cannot solve" in str(done.exception)
    assert "until 2026-07-15 06:10" in str(done.exception)
    told = json.loads(done.stdout)
    assert (told["kept"], "110" in told["failed"]) == (3, True)
    assert told["kpis"]["water_delivered_m3"]["value"] > 0
    assert len(np.load(tmp_path / "partial" / "found.npy")) == 3


def test_a_disk_that_is_full_takes_no_figures_along(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    done = typed("run", folder / "short.yaml", "--out", tmp_path / "new" / "run", "--json")
    assert done.exit_code == 1
    assert "cannot be written: No space left on device" in str(done.exception)
    assert json.loads(done.stdout)["kpis"]
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_place_that_cannot_be_written_is_refused_before_the_run(folder: Path, tmp_path: Path):
    (tmp_path / "letters.txt").write_text("mine", encoding="utf-8")
    for place, words in ((tmp_path, "holds something else"), (tmp_path / "letters.txt" / "x", "Not a directory")):
        done = typed("run", folder / "short.yaml", "--out", place)
        assert (done.exit_code, done.stdout) == (1, "")
        assert words in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_check_is_printed_as_json_and_as_a_page_that_needs_nothing_else(tmp_path: Path):
    done = typed("check", "sun", "--page", tmp_path / "page.html", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert {tuple(value) for value in told["values"]} == {("name", "value", "low", "high", "unit", "source", "ok")}
    names = [value["name"] for value in told["values"]]
    assert "sun: yield_of_all_systems" in names
    assert len(set(names)) == len(names)
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"{len(names)} figures, all in range" in html
    assert "<td>yield of all systems</td>" in html
    sources = re.findall(r'(?:src|href)="([^"]{1,20})', html)
    assert len(sources) == len(calibration.pictures("sun")) == 1
    assert all(source.startswith("data:image/webp") for source in sources)


def test_a_figure_out_of_range_ends_with_1_and_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bad = [Value("pressure_<least>", 12.0, 28.0, 40.0, "m", "GB"), Value("night_flow", float("nan"), 0.2, 0.5, "1", "")]
    monkeypatch.setattr(calibration, "figures", lambda *_: bad)
    monkeypatch.setattr(page, "pictures", lambda _: {})
    done = typed("check", "supply", "--page", tmp_path / "page.html")
    assert done.exit_code == 1
    assert "2 of 2 values out of range." in done.stdout
    assert re.search(r"BAD +pressure_<least> +12 m +28 to 40 +GB", done.stdout)
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.count("✗ out of range") == 2
    assert "pressure &lt;least&gt;" in html
    told = json.loads(typed("check", "supply", "--json").stdout)
    assert (told["ok"], told["values"][1]["value"]) == (False, None)


def test_two_figures_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch):
    from twin_sandbox.calibration import sun

    monkeypatch.setattr(sun, "values", lambda _: [Value("light", 1.0, 0.0, 2.0, "1", "")] * 2)
    done = typed("check", "sun")
    assert done.exit_code == 1
    assert "two figures are called 'light'" in str(done.exception)


def test_every_part_has_figures_and_a_picture():
    for part in calibration.PARTS:
        assert calibration.pictures(part), part
    assert len({caption for part in calibration.PARTS for caption in calibration.pictures(part)}) >= len(
        calibration.PARTS
    )
