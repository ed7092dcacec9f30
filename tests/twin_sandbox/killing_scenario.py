"""A scenario that ends the worker that begins to run it, as a lack of memory would."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from twin_sandbox import Scenario


@dataclass(frozen=True)
class Killing(Scenario):
    """Kills its worker as often as there are lives in a file."""

    lives: str = ""
    home: int = field(default_factory=os.getpid)

    @property
    def horizon_s(self):
        path = Path(self.lives)
        left = int(path.read_text(encoding="utf-8"))
        if left and os.getpid() != self.home:
            path.write_text(str(left - 1), encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().horizon_s
