"""Carbon accounts by hand, and of a run."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin_sandbox import Scenario, TwinError
from twin_sandbox.world.carbon import FACTORS, Account, account, carbon_kg


def test_an_account_adds_up_by_scope_area_and_person():
    """1,000 kWh × 0.5366 + 500 kWh × 0.396 bought, 100 kWh × 0.1999 + 10 L × 2.16 burnt."""
    own = Account({"electricity": 1000.0, "heat": 500.0, "gas": 100.0, "petrol": 10.0}, 200.0, 5.0)
    assert own.scope_kg(2) == pytest.approx(536.6 + 198.0)
    assert own.scope_kg(1) == pytest.approx(19.99 + 21.6)
    assert own.total_kg == pytest.approx(776.19)
    assert own.kg_m2 == pytest.approx(776.19 / 200.0)
    assert own.kg_person == pytest.approx(776.19 / 5.0)


def test_every_factor_follows_from_its_fuel_and_names_its_source():
    """C content × oxidised share × 44/12 (× heating value × density), and 0.11 t/GJ × 3.6 MJ/kWh."""
    assert FACTORS["gas"].kg == pytest.approx(15.3 * 0.99 * 44 / 12 * 3.6e-3, rel=1e-3)
    assert FACTORS["petrol"].kg == pytest.approx(18.9e-3 * 0.98 * 44 / 12 * 43.07 * 0.74, rel=3e-3)
    assert FACTORS["diesel"].kg == pytest.approx(20.2e-3 * 0.98 * 44 / 12 * 42.65 * 0.84, rel=3e-3)
    assert FACTORS["heat"].kg == pytest.approx(0.11 * 3.6)
    assert all(factor.source and factor.scope in (1, 2) for factor in FACTORS.values())


def test_the_account_of_a_run_counts_what_came_from_outside(twin):
    """Held from one kept moment to the next: Σ (load − sun) Δt and Σ station Δt, with fuel as it is told."""
    scenario = Scenario("noon", "2026-01-15 11:00+08:00", 2.0, engines=("buildings", "heat", "sun"))
    result = twin.run(scenario)
    own = account(result, {"diesel": 3.0})
    bought = result["buildings.electric_kw"].sum(axis=1) - result["sun.pv_kw"].sum(axis=1)
    assert own.used["electricity"] == pytest.approx(bought.iloc[:-1].sum() / 12, rel=1e-5)
    assert own.used["heat"] == pytest.approx(result["heat.source_kw"].iloc[:-1, 0].sum() / 12, rel=1e-5)
    assert own.used["gas"] > 0.0
    assert own.kg["diesel"] == pytest.approx(7.8)
    assert carbon_kg(result) == pytest.approx(own.total_kg - 7.8)
    assert own.people == 12_000


def test_a_run_without_buildings_has_no_account(twin):
    result = twin.run(Scenario("sun alone", "2026-01-15 11:00+08:00", 0.5, engines=("sun",)))
    with pytest.raises(TwinError, match="engine buildings"):
        account(result)


@given(st.sampled_from([*FACTORS, "coal"]), st.floats(), st.floats(), st.floats())
def test_any_account_is_kept_or_refused(carrier, amount, floor_m2, people):
    good = carrier in FACTORS and math.isfinite(amount) and amount >= 0.0 and floor_m2 > 0.0 and people > 0.0
    if good:
        assert Account({carrier: amount}, floor_m2, people).total_kg >= 0.0
    else:
        with pytest.raises(TwinError, match="carbon account"):
            Account({carrier: amount}, floor_m2, people)
