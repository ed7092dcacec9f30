"""One open EPANET project: bulk reads, the code of every step, units, and what an error means.

EPANET 2.3 by its toolkit (owa-epanet; Rossman et al., EPANET 2.2 User Manual, EPA/600/R-20/133). The toolkit's Python
names tell of a warning without its code, so a step is run through the same library's C name, which gives it.
"""

import ctypes
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.epanet_network import FLOW_M3S, PRESSURE_M, Units, refusal

WHERE = "water supply (EPANET)"
FAILED_FROM = 100
"""EPANET's codes from here on are errors; below, warnings."""
MORE_TRIALS = 10
"""Trials that follow with valves and pumps left as they are where the usual ones find no balance."""


class Project:
    """An EPANET project, open for hydraulics and quality that advance together, step by step.

    Args:
        text: the input file.
        step_s: longest hydraulic step, and every multiple of it is a moment of the solution [s]; by default the file's.
        horizon_s: duration [s]; by default the file's.
        age: reckon the water's age in place of the file's own quality; a mapping tells it for the start by EPANET's
            name [h].

    Raises:
        TwinError: EPANET refuses the input; the message has its codes and the lines that it names.
    """

    def __init__(
        self,
        text: str,
        step_s: int | None = None,
        horizon_s: int | None = None,
        *,
        age: bool | Mapping[str, float] = False,
    ) -> None:
        import epanet.toolkit as en

        self.en = en
        try:
            folder = Path(tempfile.mkdtemp(prefix="practicum-supply-"))
        except OSError as reason:
            raise _no_room(reason) from None
        self.handle = en.createproject()
        self._end = weakref.finalize(self, _end, en, self.handle, folder, os.getpid())
        source, report = folder / "supply.inp", folder / "report.txt"
        try:
            source.write_text(text, encoding="utf-8", newline="\n")
        except OSError as reason:
            self.close()
            raise _no_room(reason) from None
        try:
            en.open(self.handle, str(source), str(report), str(folder / "results.bin"))
        except Exception as reason:  # noqa: BLE001 - the toolkit raises nothing else
            en.close(self.handle)  # writes the report out
            raised = refusal(WHERE, str(reason), report)
            self.close()
            raise raised from None
        if step_s is not None and horizon_s is not None:
            self._clock(step_s, horizon_s)
        if age is not False:
            self.call("setqualtype", en.AGE, "", "", "")
            first: Mapping[str, float] = age if isinstance(age, Mapping) else {}
            for node in range(1, en.getcount(self.handle, en.NODECOUNT) + 1):
                self.call("setnodevalue", node, en.INITQUAL, first.get(en.getnodeid(self.handle, node), 0.0))
        self._sizes()
        self._time = ctypes.c_long()
        self._pointer = ctypes.c_void_p(int(self.handle))
        self._buffers: dict[tuple[str, int], tuple[NDArray[np.float64], ctypes.c_void_p]] = {}
        self.call("openH")
        self.call("initH", en.NOSAVE)
        if self.quality != en.NONE:
            self.call("openQ")
            self.call("initQ", en.NOSAVE)

    def _clock(self, step_s: int, horizon_s: int) -> None:
        """Only what differs is set, and nothing that changes a balanced result."""
        en = self.en
        wanted = {en.DURATION: horizon_s, en.REPORTSTEP: step_s, en.REPORTSTART: 0}
        if self.call("gettimeparam", en.HYDSTEP) > step_s:
            wanted[en.HYDSTEP] = step_s
        for name, value in wanted.items():
            if self.call("gettimeparam", name) != value:
                self.call("settimeparam", name, value)
        if self.call("getoption", en.UNBALANCED) < 0:  # by default EPANET ends the whole run there
            self.call("setoption", en.UNBALANCED, MORE_TRIALS)

    def _sizes(self) -> None:
        en = self.en
        self.nodes, self.links = en.getcount(self.handle, en.NODECOUNT), en.getcount(self.handle, en.LINKCOUNT)
        flows = {getattr(en, name): name for name in FLOW_M3S}
        pressures = {getattr(en, name): name for name in PRESSURE_M}
        pressure = pressures.get(int(en.getoption(self.handle, en.PRESS_UNITS)), "METERS")
        self.units = Units.of(flows[en.getflowunits(self.handle)], pressure)
        self.quality, _, self.quality_units, _ = en.getqualinfo(self.handle)
        self.node_types = np.array([en.getnodetype(self.handle, k + 1) for k in range(self.nodes)])
        self._library = ctypes.CDLL(en._toolkit.__file__)  # noqa: SLF001 - the same library that the toolkit holds

    def call(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401 - as the toolkit answers
        """A function of the toolkit on this project.

        Raises:
            TwinError: with EPANET's code and what it means.
        """
        function: Callable[..., Any] = getattr(self.en, name)
        try:
            return function(self.handle, *arguments)
        except Exception as reason:  # noqa: BLE001 - the toolkit raises nothing else
            raise TwinError(WHERE, f"{reason}".strip(), then="The codes stand in appendix B of its manual.") from None

    def node(self, name: str) -> int:
        """Index of a node, from 0."""
        return int(self.call("getnodeindex", name)) - 1

    def link(self, name: str) -> int:
        """Index of a link, from 0."""
        return int(self.call("getlinkindex", name)) - 1

    def solve(self) -> int:
        """Solve the hydraulics of this moment; EPANET's warning code, 0 for none.

        Raises:
            TwinError: EPANET's error, with its meaning.
        """
        code = int(self._library.EN_runH(self._pointer, ctypes.byref(self._time)))
        if code >= FAILED_FROM:
            raise TwinError(WHERE, f"{self.meaning(code)}, at {self._time.value / 3600:.2f} h", then="See its manual.")
        return code

    def meaning(self, code: int) -> str:
        """What EPANET says of a code."""
        text: str = self.en.geterror(code, 80)
        return text.removeprefix("WARNING: ").strip()

    def advance(self) -> int:
        """Hold this moment's flows until EPANET's next event, quality with them; how long that was [s]."""
        quality = self.quality != self.en.NONE
        if quality:
            self.call("runQ")
        step_s = int(self.call("nextH"))
        if quality:
            self.call("nextQ")
        return step_s

    def set_demands(self, nodes: Iterable[int], numbers: Sequence[int], bases: Sequence[float]) -> None:
        """Set one demand category of each of these nodes, in EPANET's units."""
        set_one, handle = self.en.setbasedemand, self.handle
        for node, number, base in zip(nodes, numbers, bases, strict=True):
            set_one(handle, node + 1, number, base)

    def of_nodes(self, name: int) -> NDArray[np.float64]:
        """A quantity of all nodes, in EPANET's units; valid until it is read again."""
        return self._bulk("EN_getnodevalues", name, self.nodes)

    def of_links(self, name: int) -> NDArray[np.float64]:
        """A quantity of all links, likewise."""
        return self._bulk("EN_getlinkvalues", name, self.links)

    def _bulk(self, function: str, name: int, length: int) -> NDArray[np.float64]:
        if (function, name) not in self._buffers:
            values = np.empty(length)
            self._buffers[function, name] = values, ctypes.c_void_p(values.ctypes.data)
        values, pointer = self._buffers[function, name]
        getattr(self._library, function)(self._pointer, name, pointer)
        return values

    def close(self) -> None:
        """Free the project and its files; more than once does no harm."""
        self._end()


def _no_room(reason: OSError) -> TwinError:
    return TwinError(WHERE, f"its input cannot be written: {reason.strerror}", then="Make room on disk.")


def sums(place: NDArray[np.intp], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The sum of the values at each of so many places."""
    return np.asarray(np.bincount(place, values, count), dtype=np.float64)


def _end(en: Any, handle: Any, folder: Path, owner: int) -> None:  # noqa: ANN401 - the toolkit
    if os.getpid() != owner:  # a fork of that process: neither the net nor the folder is its own
        return
    en.deleteproject(handle)  # closes it too; to close it twice would end the process
    shutil.rmtree(folder, ignore_errors=True)
