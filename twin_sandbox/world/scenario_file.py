"""Scenarios as files: a small schema in YAML, read with every mistake named, written so that it reads back the same.

.. code-block:: yaml

    name: Ten-year storm at high water
    start: 2026-07-18 18:00+08:00      # a moment, always with its time zone
    horizon_h: 6                       # 0.5 to 48; to 168 where it stays dry
    engines: [drainage, supply, power] # who runs together; drainage alone if not said
    day_kind: weekend                  # by the calendar if not said
    storm:                             # dry if not said
      formula: suzhou                  # or shanghai; or series_mm_h: [0, 12, 30] with step_min: 5
      return_period_a: 10
      duration_min: 120
      peak_share: 0.405
      start: "+1:00"                   # h:mm after the start of the run, or a moment
    tide: {mean_m: 0, range_m: 2.8, high_at: "+1:49", surge_m: 0}
    weather: {kind: heat_wave, highest_c: 37}
    closures:                          # streets
      - {street: SB010101FST0001X, start: "+2:00", end: "+4:00"}
    faults:                            # what fails
      - {kind: pump_failed, pump: pump_2, start: "+1:30"}
    events:                            # what happens, and anything of the above
      - {kind: fire, hydrant: SB010101FHY0001X, flow_m3s: 0.015, start: "+2:00", end: "+3:00"}
    policies: {close_street_above_m: 0.27, stay_home_share: 0.2}
    pumps: rules                       # rules, off or on
    grid_m: 5                          # or 10
    report_step_s: 300
    seed: 0
"""

from pathlib import Path
from typing import TYPE_CHECKING

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.beside import written_file
from twin_sandbox.world.scenario import Scenario
from twin_sandbox.world.scenario_nodes import LARGEST_BYTES, Mistake, ScenarioFileError, compose
from twin_sandbox.world.scenario_reading import ScenarioReading

if TYPE_CHECKING:
    from twin_sandbox.entities import District


def read_scenario(source: Path | str, district: "District | None" = None) -> Scenario:
    """The scenario of a file or a text.

    Args:
        source: a path; or YAML itself, which has a line break or a colon and a blank.
        district: where it is to run: then every code and day kind in it is looked up.

    Raises:
        ScenarioFileError: all mistakes, each with line, what was found, what is allowed and the fix.
        TwinError: the file cannot be read.
    """
    name, text = _text(source)
    reading = ScenarioReading(district)
    root = compose(text, name)
    scenario = reading.scenario(root)
    if reading.mistakes or scenario is None:
        raise ScenarioFileError(name, reading.mistakes)
    return scenario


def write_scenario(scenario: Scenario, path: Path | str | None = None) -> str:
    """The text of a scenario's file, which reads back as an equal scenario; with a path, also written there.

    A storm by a formula and a weather of a kind are written as such, others as series.

    Raises:
        TwinError: the path cannot be written.
    """
    from twin_sandbox.world.scenario_writing import scenario_text

    text = scenario_text(scenario)
    if path is not None:
        with written_file(Path(path)) as draft:
            draft.write_text(text, encoding="utf-8")
    return text


def _text(source: Path | str) -> tuple[str, str]:
    if isinstance(source, str) and ("\n" in source or ": " in source or not source.strip()):
        return "the scenario", source
    path = Path(source)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ScenarioFileError(str(path), [Mistake(0, "", "a large file", f"at most {LARGEST_BYTES} bytes")])
        return str(path), path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        wrong = Mistake(0, "", "bytes that are no text", "text in UTF-8", "Save it as UTF-8.")
        raise ScenarioFileError(str(path), [wrong]) from None
    except ValueError:  # a null byte in a path
        raise TwinError(repr(source), "no path and no YAML", "The path of a file, or its text.") from None
    except OSError as reason:
        raise TwinError(str(path), reason.strerror or str(reason), "A file that can be read.") from None
