"""What the engines gave over a run: one array of single floats, and where each quantity lies in it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.protocol import Port, Values
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd


class Tracks:
    """Records of every quantity that engines give, ``engine.quantity`` → rows in time.

    Args:
        ports: engine → quantity → port.
        records: how many moments are kept, the first at time 0.
    """

    def __init__(self, ports: Mapping[str, Mapping[str, Port]], records: int) -> None:
        self.ports = {f"{engine}.{quantity}": port for engine, of in ports.items() for quantity, port in of.items()}
        self._slices: dict[str, slice] = {}
        width = 0
        for name, port in self.ports.items():
            self._slices[name] = slice(width, width + len(port.codes))
            width += len(port.codes)
        self.block: NDArray[np.float32] = np.full((records, width), np.nan, dtype=np.float32)
        self.kept = 0

    def __iter__(self) -> Iterator[str]:
        return iter(self.ports)

    def keep(self, found: Mapping[str, Values]) -> None:
        """Keep one more moment: engine → what it found last."""
        row = self.block[self.kept]
        for engine, values in found.items():
            for quantity, array in values.items():
                row[self._slices[f"{engine}.{quantity}"]] = array
        self.kept += 1

    def array(self, name: str) -> NDArray[np.float32]:
        """The kept moments of a quantity [moments × codes of its port].

        Raises:
            TwinError: no such quantity.
        """
        if name not in self._slices:
            raise TwinError("result", f"no quantity {name!r}", f"{', '.join(self.ports)}.")
        return self.block[: self.kept, self._slices[name]]

    def table(self, name: str, times: "pd.DatetimeIndex") -> "pd.DataFrame":
        """A quantity as a table, time × code, in the unit of its port."""
        import pandas as pd

        array = self.array(name).astype(np.float64)
        return pd.DataFrame(array, index=times[: self.kept], columns=list(self.ports[name].codes))
