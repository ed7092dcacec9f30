"""Any SUMO model, of a real place or none, as it stands: its own ids become the codes."""

import gzip
import xml.etree.ElementTree as ET
from pathlib import Path

from twin_sandbox.engines.traffic.engine import TrafficModel
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.traffic_files import edge_data

_OURS = {"input", "output", "report", "traci_server", "gui_only"}
"""Sections of a configuration that are set here, or that have no meaning for the engine."""
_AGAIN = "Name a .sumocfg or a .net.xml that SUMO itself opens."


def sumo_model(path: Path | str, horizon_s: int = 3600) -> TrafficModel:
    """A SUMO model that lies in files; each edge is a street, each traffic light a signal, each vehicle type a demand.

    Args:
        path: a ``.sumocfg``, or a ``.net.xml`` without vehicles (either may be packed as ``.gz``).
        horizon_s: length of the run [s].

    Raises:
        TwinError: a file is missing or is no XML. What else is wrong with it SUMO says when the engine starts.
    """
    path = Path(path)
    root = _tree(_read(path), path)
    if root.tag == "net":
        files, begin_s, micro, sections = {"net.xml": _read(path)}, 0, True, ""
        more: list[str] = []
    elif root.find("input") is not None:
        given = {option.tag: option.get("value", "") for option in root.find("input") or ()}
        if "net-file" not in given:
            raise TwinError(f"SUMO model {path}", "names no net-file", then=_AGAIN)
        files, more = {"net.xml": _read(path.parent / given["net-file"])}, []
        for kind in ("route-files", "additional-files"):
            for name in filter(None, (part.strip() for part in given.get(kind, "").split(","))):
                files[f"{len(files)}-{Path(name).name.removesuffix('.gz')}"] = _read(path.parent / name)
        begin = root.find("./time/begin")
        begin_s = 0 if begin is None else round(float(begin.get("value", "0")))
        mode = root.find("./mesoscopic/mesosim")
        micro = mode is None or mode.get("value") not in {"true", "1"}
        sections = "".join(ET.tostring(part, encoding="unicode") for part in root if part.tag not in _OURS)
        more = [name for name in files if name != "net.xml"]
    else:
        raise TwinError(f"SUMO model {path}", f"<{root.tag}> is no configuration and no network", then=_AGAIN)
    files["more.add.xml"] = f"<additional>\n{edge_data()}</additional>\n".encode()
    routes = [name for name in more if _tree(files[name], Path(name)).tag == "routes"]
    beside = [*(name for name in more if name not in routes), "more.add.xml"]
    inputs = f'<net-file value="net.xml"/><additional-files value="{",".join(beside)}"/>'
    inputs += f'<route-files value="{",".join(routes)}"/>' if routes else ""
    report = '<no-step-log value="true"/><error-log value="errors.log"/>'
    files["run.sumocfg"] = (
        f'<configuration><input>{inputs}</input><output><precision value="4"/></output>'
        f"<report>{report}</report>{sections}</configuration>\n"
    ).encode()
    net = _tree(files["net.xml"], path)
    edges = {
        str(edge.get("id")): edge.findall("lane")
        for edge in net.iter("edge")
        if edge.get("function") in {None, "normal"}
    }
    signals = {}
    for logic in net.iter("tlLogic"):
        greens = [
            float(phase.get("duration", "0"))
            for phase in logic.iter("phase")
            if "g" in phase.get("state", "").lower() and "y" not in phase.get("state", "")
        ]
        signals[str(logic.get("id"))] = greens[0] + greens[-1] if len(greens) > 1 else 0.0
    kinds = dict.fromkeys(
        str(kind.get("id")) for name in more for kind in _tree(files[name], Path(name)).iter("vType") if kind.get("id")
    )
    return TrafficModel(
        files=files,
        streets={name: (name,) for name in edges},
        lengths_m={name: float(lanes[0].get("length", "1")) for name, lanes in edges.items()},
        limits_m_s={name: float(lanes[0].get("speed", "0")) for name, lanes in edges.items()},
        lanes={name: len(lanes) for name, lanes in edges.items()},
        signals={name: name for name in signals},
        cycle_spare_s=signals,
        scaled={kind: (kind,) for kind in kinds},
        start_s=begin_s,
        horizon_s=horizon_s,
        micro=micro,
    )


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError) as error:
        raise TwinError(f"SUMO model {path}", f"cannot be read: {error}", then=_AGAIN) from None


def _tree(data: bytes, path: Path) -> ET.Element:
    try:
        return ET.fromstring(data)  # noqa: S314 - a model that its owner wants to run; SUMO's own parser reads it next
    except ET.ParseError as error:
        raise TwinError(f"SUMO model {path}", f"not XML: {error}", then=_AGAIN) from None
