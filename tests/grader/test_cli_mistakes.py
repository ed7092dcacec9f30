"""Whatever is typed after a command: no traceback, 2 for wrong usage, 1 for a refusal, and nothing half written."""

import contextlib
import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader import gradebook
from grader.cli import main
from grader.cohort import durable
from grader.cohort.course import create_course, open_course, release_lab
from grader.cohort.roster import sample_students
from grader.errors import GraderError
from grader.workshop.lab import Lab
from twin_sandbox import open_district
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.power_grid import power_grid, write_power_grid

LONG = "a" * 300
NO_TEXT = "\udcff"  # a byte in a file's name that is no UTF-8
# no pipe among them: it makes any reader wait
PLACES = ("", ".", "file", "empty", "bytes", "file/x", "full", "loop", "half.json", LONG, NO_TEXT, "not/there")

SCENARIOS = {
    "backwards": "horizon_h: -1\nengines: [sun]",
    "endless": "horizon_h: .inf\nengines: [sun]",
    "before": "horizon_h: 1\nengines: [power]\n"
    "faults: [{kind: power_outage, asset: SB010308FEL0001U, start: '-0:30', end: '+0:30'}]",
    "nobody": "horizon_h: 1\nengines: [suply]",
    "both": "horizon_h: 1\nengines: [supply, power]",
    "all": "horizon_h: 1\nengines: [people, power]",
}
WIRE = '[[wire]]\nfrom = "{}"\nto = "{}"\n'
WIRINGS = {
    "ring": WIRE.format("power.energised", "supply.powered") + WIRE.format("supply.booster_kw", "power.load_kw"),
    "units": WIRE.format("people.water_m3s", "power.load_kw"),
    "yesterday": WIRE.format("power.energised", "supply.powered") + "delay_s = -60\n",
    "stranger": WIRE.format("power.energised", "suply.powered"),
    "unsteady": "[every_s]\nsupply = 299\n",
}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab):
    """A folder of odd things to name, and a course; the working folder of this module's tests."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "file").write_text("no district, no course, no roster\n")
    (folder / "empty").write_bytes(b"")
    (folder / "bytes").write_bytes(bytes(range(256)) * 4)
    (folder / "half.json").write_text('{"a": [1, ')
    (folder / "short.yaml").write_text("name: x\nstart: 2026-07-15 06:00+08:00\nhorizon_h: 0.5\nengines: [sun]\n")
    for name, text in SCENARIOS.items():
        (folder / f"{name}.yaml").write_text(f"name: x\nstart: 2026-07-15 06:00+08:00\n{text}\n")
    for name, text in WIRINGS.items():
        (folder / f"{name}.toml").write_text(text)
    (folder / "told").mkdir()
    (folder / "told" / "run.json").write_text('{"format": "practicum-run"}')
    (folder / "full").mkdir()
    (folder / "full" / "x").write_text("x")
    (folder / "loop").symlink_to("loop")
    (folder / "words").write_text("correct horse battery staple\n")
    os.mkfifo(folder / "pipe")
    release_lab(create_course(folder / "course", sample_students(2)), tiny_lab)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def typed(*words: str) -> tuple[int, str]:
    """Exit code and everything said, of the command as a shell runs it; a traceback is this test's own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    argv, stdin = sys.argv, sys.stdin
    sys.argv, sys.stdin = ["practicum", *words], io.StringIO()
    code: object = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            err.reconfigure(errors="backslashreplace")  # as Python's own
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
    finally:
        sys.argv, sys.stdin = argv, stdin
    assert isinstance(code, int)
    return code, "".join(stream.buffer.getvalue().decode() for stream in (out, err))


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """What lies in a folder: mode and time of each file."""
    found = ((path, path.lstat()) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return {str(path): (facts.st_mode, facts.st_mtime_ns) for path, facts in found}


NAMED = {
    "marks of no course": (["cohort", "marks", "export", "m.csv", "--course", "full"], 1, "is no course"),
    "marks in no format": (["cohort", "marks", "export", "m.xls", "--course", "course"], 1, ".csv or .parquet"),
    "marks of bytes": (["cohort", "marks", "import", "bytes", "--course", "course"], 1, "cannot be read"),
    "marks out of a pipe": (["cohort", "marks", "import", "pipe", "--course", "course"], 1, "is no file"),
    "a gradebook of bytes": (["cohort", "marks", "restore", "bytes", "--course", "course"], 1, "is no backup"),
    "a backup over a file": (["cohort", "marks", "backup", "file", "--course", "course"], 1, "exists already"),
    "no command": (["no-such-command"], 2, "No such command"),
    "no subcommand": (["district", "paint"], 2, "No such command"),
    "an option that there is not": (["district", "check", "--paint"], 2, "No such option"),
    "a name too long": (["district", "show", LONG], 1, "File name too long"),
    "a file for a district": (["district", "check", "file"], 1, "no such folder"),
    "a folder that is no district": (["district", "show", "full"], 1, "not a built district"),
    "a recipe of bytes": (["district", "build", "--recipe", "bytes", "--out", "new"], 1, "recipe"),
    "a district over something else": (["district", "build", "--out", "full"], 1, "not a district"),
    "no format": (["district", "export", "--format", "dwg", "--out", "new"], 2, "dwg"),
    "no table": (["district", "export", "--format", "gpkg", "--table", "x", "--out", "new.gpkg"], 1, "streets"),
    "a pipe for a file": (["district", "export", "--format", "power-grid", "--out", "pipe"], 1, "a device or a pipe"),
    "a folder for a file": (["district", "export", "--format", "epanet", "--out", "full"], 1, "is a folder"),
    "no name": (["district", "export", "--format", "epanet", "--out", ""], 1, "is a folder"),
    "a file for a folder": (["district", "export", "--format", "swmm", "--out", "file/x.inp"], 1, "cannot be written"),
    "nothing to compare": (["district", "diff", "file", "bytes"], 1, "file"),
    "no number of jobs": (["cohort", "init", "new", "--sample", "2", "--jobs", "0"], 2, "1<=x<=64"),
    "jobs in words": (["lab", "verify", "tiny_lab", "--jobs", "two"], 2, "not a valid"),
    "no seeds": (["lab", "verify", "storm_night", "--seeds", "-1"], 2, "1<=x<=100"),
    "jobs without end": (["grade", "tiny_lab", "--course", "course", "--jobs", "99999"], 2, "1<=x<=64"),
    "too many students": (["cohort", "init", "new", "--sample", "1000000"], 1, "From 1 to 1000"),
    "a bell in a name": (["cohort", "init", "new", "--sample", "2", "--name", "\a"], 1, "control characters"),
    "bytes for a name": (["cohort", "init", "new", "--sample", "2", "--name", NO_TEXT], 1, "control characters"),
    "a roster of bytes": (["cohort", "init", "new", "--roster", "bytes"], 1, "cannot be read"),
    "a course in a loop": (["cohort", "init", "loop", "--sample", "2"], 1, "cannot be written"),
    "a short passphrase": (["cohort", "backup", "b", "--course", "course", "--passphrase-file", "empty"], 1, "short"),
    "no backup": (["cohort", "restore", "file", "--course", "new", "--passphrase-file", "words"], 1, "no backup"),
    "a backup to a pipe": (["cohort", "backup", "pipe", "--course", "course", "--passphrase-file", "words"], 1, "pipe"),
    "nobody's data": (["lab", "fetch", "tiny_lab", "--course", "course", "--student", "../x"], 1, "no student"),
    "a lab elsewhere": (["lab", "build", "../../tiny", "--out", "new"], 1, "not found"),
    "grading and watching": (["grade", "tiny_lab", "--course", "course", "--watch", "--json"], 2, "--watch goes with"),
    "grading nobody": (["grade", "tiny_lab", "--course", "course", "--student", "nobody"], 1, "no student 'nobody'"),
    "grading on no cluster": (["grade", "tiny_lab", "--course", "course", "--dask"], 2, "requires an argument"),
    "regrading nowhere": (["regrade", "tiny_lab", "--course", "full"], 1, "is no course"),
    "regrading what is not released": (["regrade", "no_lab", "--course", "course"], 1, "is not released here"),
    "likeness of nothing": (["cohort", "similar", "no_lab", "--course", "course"], 1, "is not released here"),
    "likeness over a pipe": (["cohort", "similar", "tiny_lab", "--course", "course", "--out", "pipe"], 1, "pipe"),
    "grading nowhere": (["grade", "tiny_lab", "--course", "full"], 1, "is no course"),
    "certifying nowhere": (["certify", "--course", "not/there"], 2, "does not exist"),
    "no certificate": (["credential", "verify", "half.json", "--trust", "full"], 1, "full"),
    "a trust pack of a file": (["credential", "fingerprint", "file"], 2, "is a file"),
    "no port": (["apps", "--port", "99999"], 2, "65535"),
    "formgrader nowhere": (["up", "--instructor", LONG], 1, "File name too long"),
    "a demo over something else": (["demo", "--out", "full", "--jobs", "0"], 2, "1<=x<=64"),
    "a bench of nothing": (["twin", "bench", "full"], 1, "not a built district"),
    "a bench of no storms": (["twin", "bench", "--storms", "1"], 2, "2<=x<=1000"),
    "a scenario that is nowhere": (["twin", "run", "not/there"], 2, "does not exist"),
    "a scenario of bytes": (["twin", "run", "bytes"], 1, "bytes"),
    "a scenario in JSON that breaks off": (["twin", "run", "half.json"], 1, "half.json"),
    "a duration below 0": (["twin", "run", "backwards.yaml"], 1, "horizon_h"),
    "a duration without end": (["twin", "run", "endless.yaml"], 1, "horizon_h"),
    "an event before the start": (["twin", "run", "before.yaml"], 1, "start"),
    "an engine that there is not": (["twin", "run", "nobody.yaml"], 1, "supply"),
    "a run elsewhere": (["twin", "run", "short.yaml", "--district", "full"], 1, "not a built district"),
    "a run over something else": (["twin", "run", "short.yaml", "--out", "full"], 1, "holds something else"),
    "a run under a file": (["twin", "run", "short.yaml", "--out", "file/x"], 1, "cannot be written"),
    "a run to a name too long": (["twin", "run", "short.yaml", "--out", LONG], 1, "File name too long"),
    "a wire that there is not": (["twin", "run", "short.yaml", "--cut", "power.energised"], 1, "wiring.toml, without"),
    "a wiring of bytes": (["twin", "run", "short.yaml", "--wiring", "bytes"], 1, "no TOML"),
    "a wiring in a ring": (["twin", "run", "both.yaml", "--wiring", "ring.toml"], 1, "ring of wires without delay"),
    "a wire of two units": (["twin", "run", "all.yaml", "--wiring", "units.toml"], 1, "m³/s"),
    "a wire into the past": (["twin", "run", "both.yaml", "--wiring", "yesterday.toml"], 1, "delay_s: -60"),
    "a wire to nobody": (["twin", "run", "both.yaml", "--wiring", "stranger.toml"], 1, "Did you mean 'supply'"),
    "an interval that does not fit": (["twin", "run", "both.yaml", "--wiring", "unsteady.toml"], 1, "299 s"),
    "a replay of nothing": (["twin", "replay", "full"], 1, "run.json"),
    "a replay of half a run": (["twin", "replay", "told"], 1, "no run of a twin"),
    "a replay of a file": (["twin", "replay", "file"], 2, "is a file"),
    "a page under a file": (["twin", "check", "--page", "file/x.html"], 1, "cannot be written"),
    "a page to a pipe": (["twin", "check", "--page", "pipe"], 1, "a device or a pipe"),
    "one part that there is not": (["twin", "check", "sun", "watr"], 1, "no part 'watr'"),
    "no part to check": (["twin", "check", "suply"], 1, "Did you mean 'supply'"),
    "a check of nothing": (["twin", "check", "sun", "--district", "full"], 1, "not a built district"),
    "a page that is a folder": (["twin", "check", "--page", "full"], 1, "is a folder"),
}


@pytest.mark.parametrize("case", NAMED)
def test_a_mistake_ends_in_one_message(scratch: Path, case: str):
    words, code, told = NAMED[case]
    before = tree(scratch)
    ended, said = typed(*words)
    assert (ended, "Traceback" in said) == (code, False), said
    assert told in said
    assert tree(scratch) == before


PLACE = st.sampled_from(PLACES) | st.text(st.characters(exclude_characters="\0/"), max_size=12)
WORD = st.sampled_from(("", "-1", "0", "nan", "1e9", NO_TEXT, "../..", "9" * 30)) | st.text(
    st.characters(exclude_characters="\0"), max_size=12
)
SHAPES: tuple[tuple[object, ...], ...] = (
    ("cohort", "marks", "export", PLACE, "--course", "course"),
    ("cohort", "marks", "export", "m.csv", "--course", "course", "--lab", WORD),
    ("cohort", "marks", "import", PLACE, "--course", PLACE),
    ("cohort", "marks", "backup", PLACE, "--course", "course"),
    ("cohort", "marks", "restore", PLACE, "--course", "course"),
    ("district", "show", PLACE),
    ("district", "check", PLACE),
    ("district", "build", "--recipe", PLACE, "--out", "new"),
    ("district", "export", "--format", WORD, "--out", "new"),
    ("district", "export", "--format", "gpkg", "--table", WORD, "--out", "new"),
    ("district", "export", "--format", "geojson", "--table", "parks", "--out", PLACE),
    ("district", "export", "--format", "gpkg", "--table", "parks", "--out", PLACE),
    ("district", "diff", PLACE, PLACE),
    ("cohort", "init", "new", "--roster", PLACE),
    ("cohort", "init", "new", "--sample", WORD),
    ("cohort", "init", "new", "--sample", "2", "--lab", WORD),
    ("cohort", "bundles", "--course", PLACE),
    ("cohort", "bundles", "--course", "course", "--student", WORD),
    ("cohort", "bundles", "--course", "course", "--lab", WORD, "--student", "nobody"),
    ("cohort", "restore", PLACE, "--course", "new", "--passphrase-file", "words"),
    ("cohort", "backup", "b", "--course", PLACE, "--passphrase-file", "words"),
    ("lab", "list", "--labs", PLACE),
    ("lab", "build", PLACE, "--out", "new"),
    ("lab", "fetch", WORD, "--course", "course", "--student", WORD),
    ("lab", "verify", "no_lab", "--seeds", WORD, "--jobs", WORD),
    ("grade", WORD, "--course", "course"),
    ("grade", "tiny_lab", "--course", "course", "--student", WORD),
    ("regrade", WORD, "--course", "course", "--student", WORD),
    ("cohort", "similar", WORD, "--course", PLACE),
    ("certify", "--course", PLACE),
    ("credential", "verify", PLACE, "--trust", PLACE, "--pin", WORD),
    ("credential", "fingerprint", PLACE),
    ("apps", "--visitors", "0", "--ip", WORD, "--port", WORD),
    ("twin", "bench", PLACE),
    ("twin", "run", PLACE),
    ("twin", "run", "backwards.yaml", "--out", PLACE),
    ("twin", "run", "short.yaml", "--wiring", PLACE, "--cut", WORD, "--out", PLACE),
    ("twin", "replay", PLACE),
    ("twin", "check", "no_part", "--page", PLACE),
    ("twin", "check", WORD, "--district", PLACE),
    ("twin", "scenario", "check", PLACE, "--no-codes"),
    ("twin", WORD),
    (WORD, WORD),
)


def line(shape: tuple[object, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """A command line of a shape."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in shape))  # type: ignore[arg-type]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SHAPES).flatmap(line))
def test_whatever_is_typed_ends_in_words(scratch: Path, words: tuple[str, ...]):
    """A word that starts with a dash is an option to click, and one that asks for help gets it: that ends with 0."""
    before = tree(scratch)
    code, said = typed(*words)
    assert code in (0, 1, 2)
    assert "Traceback" not in said
    if code:
        assert "Error" in said or "Usage" in said or "1 mistake" in said
        assert tree(scratch) == before
    for path in set(tree(scratch)) - set(before):
        Path(path).unlink()
    for folder in sorted((path for path in scratch.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()) and "course" not in folder.parts:
            folder.rmdir()


def test_the_name_of_a_file_that_is_no_text_is_printed_all_the_same(scratch: Path):
    code, said = typed("district", "export", "--format", "gpkg", "--table", "parks", "--out", f"q{NO_TEXT}.gpkg")
    assert code == 0, said
    assert "q\\udcff.gpkg: 1 file" in said
    (scratch / f"q{NO_TEXT}.gpkg").unlink()


def test_a_power_grid_is_written_whole_or_not_at_all(scratch: Path, monkeypatch: pytest.MonkeyPatch):
    grid = power_grid(open_district().district)
    write_power_grid(grid, scratch / "grid.json")
    kept = (scratch / "grid.json").read_bytes()
    before = tree(scratch)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(TwinError, match="No space left"):
        write_power_grid(grid, scratch / "grid.json")
    assert (scratch / "grid.json").read_bytes() == kept
    assert tree(scratch) == before


def test_a_device_or_pipe_is_never_replaced(scratch: Path):
    with pytest.raises(GraderError, match="not a file"):
        durable.write(scratch / "pipe", b"x")
    assert (scratch / "pipe").is_fifo()


DAMAGED = {
    "a gradebook of something else": (
        gradebook.DATABASE,
        b"[]" * 600,
        ("certify", "--course", "course"),
        "not a database",
    ),
    "settings that are no program": (gradebook.CONFIG, b"c = (\n", ("certify", "--course", "course"), "SyntaxError"),
    "a roster of bytes": (
        "roster.csv",
        b"\xff\xfe\0",
        ("cohort", "backup", "b", "--course", "course", "--passphrase-file", "words"),
        "cannot be read",
    ),
    "settings of bytes": (
        gradebook.CONFIG,
        b"\xff\xfe\0",
        ("cohort", "backup", "b", "--course", "course", "--passphrase-file", "words"),
        "cannot be read",
    ),
    "a course of bytes": ("course.toml", b"\xff\xfe\0", ("cohort", "bundles", "--course", "course"), "cannot be read"),
    "a journal key that is gone": ("keys/journal.key", None, ("grade", "tiny_lab", "--course", "course"), "is missing"),
    "a lab that is gone": ("labs/tiny_lab/lab.toml", None, ("grade", "tiny_lab", "--course", "course"), "tiny_lab"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_course_is_named_by_the_file(scratch: Path, case: str):
    name, junk, words, told = DAMAGED[case]
    file = scratch / "course" / name
    whole, mode = file.read_bytes(), file.stat().st_mode
    try:
        if junk is None:
            file.unlink()
        else:
            file.write_bytes(junk)
        code, said = typed(*words)
    finally:
        file.write_bytes(whole)
        file.chmod(mode)
    assert (code, "Traceback" in said) == (1, False), said
    assert told in said
    assert not (scratch / "b").exists()
    assert open_course(scratch / "course").released() == ["tiny_lab"]
