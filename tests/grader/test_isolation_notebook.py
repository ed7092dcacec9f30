"""A cell's own time, derived by hand: 1 s until the first look at the machine, then 10 s more on the clock."""

from types import SimpleNamespace

import pytest

from grader.isolation import notebook


@pytest.mark.parametrize(
    ("idle_s", "used_s", "own_s"),
    [
        (0.0, 8.0, 9.0),  # no processor is idle: what it computed
        (0.0, 2.0, 6.0),  # of what it waits, half counts at least
        (0.0, 30.0, 11.0),  # several processes at once: no more than the clock says
        (5.0, 0.0, 11.0),  # a processor was idle: it waited for nobody
    ],
)
def test_waiting_for_a_busy_machine_counts_half_at_least(monkeypatch, idle_s, used_s, own_s):
    machine = {"clock_s": 0.0, "idle_s": 0.0, "used_s": 0.0}
    monkeypatch.setattr(notebook, "time", SimpleNamespace(monotonic=lambda: machine["clock_s"]))
    monkeypatch.setattr(notebook, "idle_s", lambda: machine["idle_s"])
    turn = notebook._Turn(SimpleNamespace(used_s=lambda: machine["used_s"]))
    machine["clock_s"] = 0.5
    assert turn.own_s() == 0.5
    machine["clock_s"] = 1.0
    assert turn.own_s() == 1.0
    machine |= {"clock_s": 11.0, "idle_s": idle_s, "used_s": used_s}
    assert turn.own_s() == own_s
