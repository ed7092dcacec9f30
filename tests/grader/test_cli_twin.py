"""``practicum twin bench``: the figures that others read, measured on little."""

import json
from dataclasses import replace

from click.testing import CliRunner

from grader.cli.twin import command
from twin_sandbox import bench, bench_runs


def test_the_figures_have_the_names_that_others_read(monkeypatch):
    scale, observations, least_s = bench.scale_costs, bench.observations, bench._least_s
    monkeypatch.setattr(bench, "scale_costs", lambda district: scale(district, copies=2))
    monkeypatch.setattr(bench, "observations", lambda: observations(2000, 0.2))
    monkeypatch.setattr(bench, "_least_s", lambda what, *_: least_s(what, 1))
    day, night = bench_runs.dry_day(), bench_runs.flood_night(10, 0.5)
    monkeypatch.setattr(bench_runs, "dry_day", lambda: replace(day, horizon_h=0.5, engines=("people", "sun", "power")))
    monkeypatch.setattr(bench_runs, "flood_night", lambda *_: night)
    outcome = CliRunner().invoke(command, ["bench", "--json", "--storms", "2"])
    assert outcome.exit_code == 0, outcome.output
    figures = json.loads(outcome.stdout)
    assert set(figures["scale_costs"]) == {"write", "read", "graph", "near", "feeds", "as_of"}
    assert figures["scale_cost_10x"] == max(figures["scale_costs"].values())
    assert 0 < figures["open_s"] < 60
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert figures["ingest_per_s"] > 100
    runs = {"day_s", "day_ratio", "day_peak_mib", "flood_night_s", "flood_2h_10m_s", "ensemble_speedup"}
    assert all(figures[name] > 0 for name in runs)
    assert figures["ensemble_storms"] == 2


def test_what_is_lost_or_doubled_is_counted(monkeypatch):
    """A store that keeps nothing twice nor forgets: broken on purpose, the bench must say so."""
    from twin_sandbox.things.store import Store

    read = Store.read
    monkeypatch.setattr(Store, "read", lambda store: read(store).iloc[5:])
    assert bench.ingest(bench.observations(500, 0.1))["lost"] == 5
