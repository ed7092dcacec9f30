"""How far a long command is and how long it will still take, on standard error."""

import sys
import time

import click


def duration(seconds: float) -> str:
    """A time span as people say it: 40 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """A line that says how many are done and what time is left; on a terminal it stays in one place.

    Args:
        total: how many there are.
        quiet: says nothing.
    """

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self._total, self._done, self._begun = total, 0, time.monotonic()
        self._quiet, self._live = quiet or not total, sys.stderr.isatty()
        self._told_at = self._first_at = self._begun

    def line(self, text: str) -> None:
        """One more is done: print its line, then how far all is."""
        self._done += 1
        if self._quiet:
            return
        if self._done == 1:
            self._first_at = time.monotonic()
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        click.echo(text)
        if self._done < self._total and (self._live or time.monotonic() - self._told_at > 10):
            self._tell()

    def _tell(self) -> None:
        self._told_at = now = time.monotonic()
        # the first waits for what all need: what is done since tells more
        since, done = (self._first_at, self._done - 1) if self._done > 1 else (self._begun, 1)
        left_s = (now - since) / done * (self._total - self._done)
        told = f"{self._done} of {self._total} graded, about {duration(left_s)} left"
        click.echo(f"  {told}", err=True, nl=not self._live)
