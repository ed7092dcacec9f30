"""What is written down of a run, so that it can be stopped, taken up again, and run again to the same bytes.

An open session is saved as its inputs and the commands given so far; taking it up again runs the engines by these
commands to the same moment, and compares what they then find. So every engine can be saved, to the last digit, whatever
its library can write.
"""

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin_sandbox.errors import TwinError
from twin_sandbox.world.reality import Reality
from twin_sandbox.world.session import Session, state_hash

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.result import Result
    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.wiring import Wiring

FORMAT = "practicum-run"
RUN_FILES = ("run.json", "scenario.yaml", "found.npy")
LIBRARIES = ("numpy", "numba", "swmm-toolkit", "owa-epanet", "power-grid-model", "libsumo", "pvlib")


def written(result: "Result", wiring: "Wiring") -> dict[str, Any]:
    """What a run did: inputs with their hash, versions, seed, commands, balances, and the hash of what it found."""
    inputs = _inputs(result.district, result.scenario, result.reality, wiring, result.log)
    return {
        "format": FORMAT,
        **inputs,
        "versions": versions(),
        "inputs_sha256": _hash(inputs),
        "failed": str(result.failed) if result.failed else "",
        "kept": result.tracks.kept,
        "balances": {name: dict(of) for name, of in result.balances.items()},
        "quantities": {
            name: {"unit": port.unit, "codes": list(port.codes)} for name, port in result.tracks.ports.items()
        },
        "found_sha256": found_hash(result),
    }


def versions() -> dict[str, str]:
    """The practicum and the libraries whose version can change a figure."""
    return {name: importlib.metadata.version(name) for name in ("practicum", *LIBRARIES)}


def found_hash(result: "Result") -> str:
    """SHA-256 of every kept value."""
    return hashlib.sha256(np.ascontiguousarray(result.tracks.block[: result.tracks.kept]).tobytes()).hexdigest()


def save_result(result: "Result", wiring: "Wiring", folder: Path | str) -> Path:
    """Write a run to a new folder: ``run.json``, the scenario as YAML, and every value in ``found.npy``.

    Raises:
        TwinError: the folder holds something, or cannot be written.
    """
    from twin_sandbox.formats.beside import written_folder
    from twin_sandbox.world.scenario_file import write_scenario

    target = Path(folder)
    told = written(result, wiring)
    with written_folder(target, *RUN_FILES) as draft:
        (draft / "run.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        (draft / "scenario.yaml").write_text(write_scenario(result.scenario), encoding="utf-8")
        np.save(draft / "found.npy", result.tracks.block[: result.tracks.kept])
    return target


def save_session(session: Session, path: Path | str) -> Path:
    """Save an open session as a JSON file, to be taken up by :func:`resume`.

    Raises:
        TwinError: the file cannot be written.
    """
    from twin_sandbox.formats.beside import written_file

    told = {
        "format": FORMAT,
        **_inputs(session.district, session.scenario, session.reality, session.wiring, session.log),
        "step_s": session.step_s,
        "time_s": session.clock.time_s,
        "state_sha256": state_hash(session.clock),
        "versions": versions(),
    }
    target = Path(path)
    with written_file(target) as draft:
        draft.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def resume(district: "District", path: Path | str) -> Session:
    """Take up a saved session: the engines run by its commands to the moment at which it was saved.

    Raises:
        TwinError: no such file, no saved session, another district, or the engines found something else on the way.
    """
    told = read_run(path)
    where = f"{Path(path).name}"
    if "state_sha256" not in told:
        raise TwinError(where, "a finished run, no saved session", then="Run it again with practicum twin replay.")
    _refuse_damaged(where, told, {"step_s": int, "time_s": int, "state_sha256": str, "versions": dict})
    if told["district"] != fingerprint(district):
        raise TwinError(where, "it was saved in another district", then="Open the district it was saved in.")
    session = Session(district, _scenario(told), reality_from(told["reality"]), told["step_s"], _wiring(told))
    try:
        session.replay(_log(told), told["time_s"])
        _refuse_another_state(where, session, told)
    except BaseException:
        session.close()
        raise
    return session


def _refuse_another_state(where: str, session: Session, told: Mapping[str, Any]) -> None:
    if state_hash(session.clock) == told["state_sha256"]:
        return
    changed = [f"{name} {version}" for name, version in told["versions"].items() if versions().get(name) != version]
    raise TwinError(
        where,
        "run to the same moment, the engines find something else than when it was saved",
        then=f"It was saved with {', '.join(changed)}." if changed else "The file was changed.",
    )


def run_again(district: "District", folder: Path | str) -> "Result":
    """Run what a folder of :func:`save_result` tells once more.

    Raises:
        TwinError: no such run, or another district.
    """
    told = read_finished(folder)
    if told["district"] != fingerprint(district):
        raise TwinError(f"{folder}", "it was run in another district", then="Open the district it was run in.")
    scenario = _scenario(told)
    with Session(district, scenario, reality_from(told["reality"]), wiring=_wiring(told)) as session:
        session.replay(_log(told), scenario.horizon_s)
        return session.result()


def read_finished(folder: Path | str) -> dict[str, Any]:
    """What the folder of a finished run tells.

    Raises:
        TwinError: no such run, or it is damaged.
    """
    told = read_run(Path(folder) / "run.json")
    if "found_sha256" not in told:
        raise TwinError(f"{folder}", "no finished run", then="Name a folder that practicum twin run --out has written.")
    _refuse_damaged(f"{folder}", told, {"found_sha256": str, "versions": dict})
    return told


def _refuse_damaged(where: str, told: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    for name, kind in kinds.items():
        if type(told.get(name)) is not kind:
            raise TwinError(where, f"{name} is {told.get(name)!r:.60}", f"A {kind.__name__}.", "The file was changed.")


def read_run(path: Path | str) -> dict[str, Any]:
    """What a run's or a saved session's JSON says.

    Raises:
        TwinError: no such file, or it is something else.
    """
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise TwinError(f"{path}", f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise TwinError(f"{path}", f"no JSON ({error})", then="Name a file that the twin has saved.") from error
    needed = {"format", "district", "scenario", "reality", "wiring", "log"}
    if not isinstance(told, dict) or told.get("format") != FORMAT or not needed <= told.keys():
        raise TwinError(f"{path}", "no run of a twin", then="Name a file that the twin has saved.")
    kinds = {"district": str, "scenario": str, "reality": dict, "wiring": dict, "log": list}
    _refuse_damaged(f"{path}", told, kinds)
    return told


def fingerprint(district: "District | None") -> str:
    """What a district's files are: SHA-256 of its manifest, which carries theirs."""
    if district is None:
        return ""
    return hashlib.sha256((district.folder / "manifest.json").read_bytes()).hexdigest()


def _inputs(
    district: "District | None",
    scenario: "Scenario",
    reality: Reality,
    wiring: "Wiring",
    log: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    from twin_sandbox.world.scenario_file import write_scenario

    return {
        "district": fingerprint(district),
        "scenario": write_scenario(scenario),
        "seed": scenario.seed,
        "reality": reality_told(reality),
        "wiring": {"wires": [asdict(wire) for wire in wiring.wires], "every_s": dict(wiring.every_s or {})},
        "log": [
            {
                "time_s": entry["time_s"],
                "settings": {
                    name: {code: None if math.isnan(value) else value for code, value in of.items()}
                    for name, of in entry["settings"].items()
                },
            }
            for entry in log
        ],
    }


def reality_told(reality: Reality) -> dict[str, Any]:
    """The deviations as plain values; faults of devices, which no engine obeys, are left out."""
    plain = {one.name: getattr(reality, one.name) for one in fields(reality) if one.name != "device_faults"}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def reality_from(told: Mapping[str, Any]) -> Reality:
    """The reality that :func:`reality_told` has told.

    Raises:
        TwinError: a deviation that is unknown or out of range.
    """
    known = {one.name for one in fields(Reality)}
    unknown = sorted(set(told) - known)
    if unknown:
        raise TwinError("reality", f"{unknown[0]!r}", f"{', '.join(sorted(known))}.")
    try:
        return Reality(**{**told, "outages": tuple(tuple(outage) for outage in told.get("outages", ()))})
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise TwinError("the saved reality", f"is damaged ({error})") from error


def _scenario(told: Mapping[str, Any]) -> "Scenario":
    from twin_sandbox.world.scenario_file import read_scenario

    return read_scenario(told["scenario"])


def _wiring(told: Mapping[str, Any]) -> "Wiring":
    from twin_sandbox.world.wiring import Wire, Wiring

    try:
        wiring = Wiring(tuple(Wire(**wire) for wire in told["wiring"]["wires"]), dict(told["wiring"]["every_s"]))
    except (TypeError, KeyError, ValueError) as error:
        raise TwinError("the saved wiring", f"is damaged ({error})") from error
    ends = [end for wire in wiring.wires for end in (wire.source, wire.gives, wire.target, wire.takes)]
    delays, every = [wire.delay_s for wire in wiring.wires], (wiring.every_s or {}).values()
    seconds = all(type(one) is int and one >= 0 for one in delays) and all(
        type(one) is int and one > 0 for one in every
    )
    if not seconds or not all(type(end) is str for end in ends):
        raise TwinError("the saved wiring", "is damaged (a name that is no text, or seconds that are no number)")
    return wiring


def _log(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        return [
            {
                "time_s": int(entry["time_s"]),
                "settings": {
                    name: {code: math.nan if value is None else float(value) for code, value in of.items()}
                    for name, of in entry["settings"].items()
                },
            }
            for entry in told["log"]
        ]
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise TwinError("the saved commands", f"are damaged ({error})") from error


def _hash(inputs: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
