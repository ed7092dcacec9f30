"""Messages and their faults, and how they are taken in: each observation once, poison set aside."""

import json

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import TwinError
from twin_sandbox.things.ingest import ingest
from twin_sandbox.things.messages import (
    POISONS,
    Duplicate,
    Late,
    OutOfOrder,
    PoisonMessage,
    SwappedIdentity,
    messages,
)
from twin_sandbox.things.store import Store

NAMES = ("level-02", "level-03", "depth-01", "co-01")
TIMES = pd.date_range("2026-07-18 18:00", periods=400, freq="5min", tz="Asia/Shanghai")


@pytest.fixture(scope="module")
def things(twin):
    return twin.things


@pytest.fixture(scope="module")
def observed(things):
    values = np.linspace(0.1, 0.9, len(TIMES)).round(2)
    low = {name: max(float(things.loc[name, "range_low"]), 0.0) for name in NAMES}
    parts = [pd.DataFrame({"datastream": name, "time": TIMES, "value": values + low[name]}) for name in NAMES]
    return pd.concat(parts, ignore_index=True)


def sent(things, observed, *faults, seed=1):
    return messages(things, observed, np.random.default_rng(seed), faults)


def taken(things, table):
    with Store(":memory:", things) as store:
        report = ingest(things, table, store)
        return report, store.read()


def test_sound_messages_tell_what_was_observed(things, observed):
    table, truth = sent(things, observed)
    assert truth == []
    assert list(table.columns) == ["arrival", "topic", "payload", "sequence"]
    assert table["arrival"].is_monotonic_increasing
    report, kept = taken(things, table)
    assert (report.accepted, report.repeated, len(report.quarantine)) == (len(observed), 0, 0)
    expected = observed.sort_values(["datastream", "time"], ignore_index=True)
    pd.testing.assert_frame_equal(kept, expected, check_dtype=False)


def test_the_ordinary_delay_is_lognormal(things, observed):
    """ln delay ~ N(ln 0.8, 0.4²): with n = 1,600 its mean errs by 0.4/√n = 0.01, its deviation by 0.4/√(2n) = 0.007."""
    table, _ = sent(things, observed)
    delay_s = (table["arrival"] - pd.to_datetime([json.loads(p)["time"] for p in table["payload"]])).dt.total_seconds()
    assert np.log(delay_s).mean() == pytest.approx(np.log(0.8), abs=0.04)
    assert np.log(delay_s).std() == pytest.approx(0.4, abs=0.03)


def test_duplicates_are_taken_once_and_the_truth_names_them(things, observed):
    table, truth = sent(things, observed, Duplicate("level-03", 0.3))
    report, kept = taken(things, table)
    (told,) = truth
    assert len(table) == len(observed) + len(told["sequences"])
    assert 90 < len(told["sequences"]) < 150  # 400 × 0.3 = 120, standard deviation 9
    assert report.repeated == len(told["sequences"])
    assert len(kept) == len(observed)
    again = table[table.duplicated(["topic", "sequence"], keep="first")]
    assert sorted(again["sequence"]) == told["sequences"]


def test_poison_of_every_kind_is_set_aside_with_its_reason(things, observed):
    table, truth = sent(things, observed, PoisonMessage("level-03", 0.2))
    report, kept = taken(things, table)
    (told,) = truth
    assert set(told["kinds"]) == set(POISONS)
    assert len(report.quarantine) == len(told["sequences"])
    assert len(kept) == len(observed) - len(told["sequences"])
    by_sequence = table[table["topic"].str.endswith("level-03")].set_index("sequence")["payload"]
    reasons = dict(zip(report.quarantine["payload"], report.quarantine["reason"], strict=True))
    wanted = {
        "wrong type": "the value is no number",
        "not a number": "not JSON",
        "wrong unit": "another unit than the ledger's",
        "truncated": "not JSON",
    }
    for place, kind in zip(told["sequences"], told["kinds"], strict=True):
        assert reasons[by_sequence[place]] == wanted[kind]


def test_late_messages_are_late_by_what_the_truth_says(things, observed):
    table, (told,) = sent(things, observed, Late("depth-01", median_s=600, sigma=0.5))
    own = table[table["topic"].str.endswith("depth-01")].set_index("sequence").sort_index()
    delay_s = (own["arrival"] - pd.to_datetime([json.loads(p)["time"] for p in own["payload"]])).dt.total_seconds()
    assert delay_s.median() == pytest.approx(600, rel=0.1)
    assert (delay_s - np.array(told["delays_s"])).between(0.0, 10.0).all()
    report, _ = taken(things, table)
    assert report.statistics.loc["street_depth", "late"] > 500 > report.statistics.loc["level_sensor", "late"]


def test_messages_out_of_order_come_after_later_ones(things, observed):
    table, (told,) = sent(things, observed, OutOfOrder("level-02", 0.1))
    order = table[table["topic"].str.endswith("level-02")]["sequence"].to_numpy()
    overtaken = {int(k) for place, k in enumerate(order) if (order[:place] > k).any()}
    assert overtaken == set(told["sequences"]) != set()
    report, kept = taken(things, table)
    assert report.accepted == len(observed) == len(kept)
    assert report.statistics["disordered"].sum() == report.statistics.loc["level_sensor", "disordered"] > 0


def test_swapped_devices_tell_each_others_values(things, observed):
    table, (told,) = sent(things, observed, SwappedIdentity("level-02", "level-03", begins=0.5))
    _, kept = taken(things, table)
    for mine, yours in (("level-02", "level-03"), ("level-03", "level-02")):
        values = kept[kept["datastream"] == mine].set_index("time")["value"]
        true = observed.pivot_table(index="time", columns="datastream", values="value")
        swapped = values.index >= told["first"]
        assert swapped.sum() == 200
        assert (values[~swapped] == true.loc[values.index[~swapped], mine]).all()
        assert (values[swapped] == true.loc[values.index[swapped], yours]).all()


def test_a_fault_on_one_sender_changes_no_other(things, observed):
    sound = sent(things, observed).table
    faulty = sent(things, observed, Duplicate("level-03", 0.5), PoisonMessage("level-03"), Late("level-03")).table
    others = sound[~sound["topic"].str.endswith("level-03")].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, faulty[~faulty["topic"].str.endswith("level-03")].reset_index(drop=True))
    again = sent(things, observed, Duplicate("level-03", 0.5), PoisonMessage("level-03"), Late("level-03")).table
    pd.testing.assert_frame_equal(faulty, again)


def test_the_truth_is_plain_data(things, observed):
    faults = [Duplicate("level-03"), PoisonMessage("level-03"), Late("level-02"), OutOfOrder("level-02")]
    truth = sent(things, observed, *faults, SwappedIdentity("level-02", "level-03")).truth
    assert json.loads(json.dumps(truth)) == truth
    assert {told["fault"] for told in truth} == {"duplicate", "poisonmessage", "late", "outoforder", "swappedidentity"}


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([Duplicate("level-99")], "level-99"),
        ([SwappedIdentity("level-02", "level-99")], "level-99"),
        ([Duplicate("level-02", 1.5)], "0 to 1"),
        ([Late("level-02", median_s=0.0)], "More than 0"),
        ([Late("level-02"), Late("level-02")], "second"),
        ([SwappedIdentity("level-02", "level-03", begins=2.0)], "0 to 1"),
    ],
)
def test_faults_that_make_no_sense_are_refused(things, observed, faults, words):
    with pytest.raises(TwinError, match=words):
        sent(things, observed, *faults)


GOOD = {"datastream": "level-03", "time": "2026-07-18T18:00:00+08:00", "value": 1.0, "unit": "m", "sequence": 0}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (json.dumps(GOOD), ""),
        (json.dumps({**GOOD, "value": True}), "the value is no number"),
        (json.dumps({**GOOD, "value": None}), "the value is no number"),
        (json.dumps(GOOD).replace("1.0", "1e999"), "the value is no number"),
        (json.dumps({**GOOD, "value": 1e6}), "out of range"),
        (json.dumps({**GOOD, "time": "2026-07-18T18:00:00"}), "the time is none, or has no zone"),
        (json.dumps({**GOOD, "time": 5}), "the time is none, or has no zone"),
        (json.dumps({**GOOD, "datastream": "level-99"}), "unknown datastream"),
        (json.dumps({**GOOD, "datastream": ["level-03"]}), "unknown datastream"),
        (json.dumps({**GOOD, "datastream": "level-02"}), "another datastream than its topic"),
        (json.dumps([1, 2]), "a field is missing"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (None, "not JSON"),
    ],
)
def test_what_is_read_and_what_is_set_aside(things, payload, reason):
    table = pd.DataFrame({"arrival": [TIMES[0]], "topic": ["practicum/SB01/x/level-03"], "payload": [payload]})
    report, kept = taken(things, table)
    assert [*report.quarantine["reason"]] == ([reason] if reason else [])
    assert len(kept) == (not reason)


def test_messages_without_payload_are_refused(things):
    with Store(":memory:") as store, pytest.raises(TwinError, match="lack payload"):
        ingest(things, pd.DataFrame({"arrival": [], "topic": []}), store)
