"""District heat on the coldest day: loads, temperatures, speeds, losses, how long the water is under way."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd

from twin_sandbox.entities import District
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

HEAT = "CJJ 34-2022"
_HEAT_KJ_KGK, _DENSITY_KG_M3, _SOIL_C = 4.2, 950.0, 5.0


def values(district: District) -> Iterator[Value]:
    """Figures of the layer."""
    if district.entities["heat_pipes"].empty:
        return
    yield from _loads(district)
    yield from _temperatures(district)
    yield from _pipes(district)


def _loads(district: District) -> Iterator[Value]:
    services, substations, buildings = (
        district.entities[name] for name in ("heat_services", "heat_substations", "buildings")
    )
    use = services["building_code"].map(buildings["use"])
    yield none_of("heat_services_of_unknown_buildings", int(use.isna().sum()))
    yield none_of("buildings_with_two_heat_services", int(services["building_code"].duplicated().sum()))
    for name, mine, low, high in (
        ("homes", use == "residential", 35.0, 45.0),
        ("public", use != "residential", 50.0, 70.0),
    ):
        each = 1000 * services.loc[mine, "design_load_kw"].sum() / services.loc[mine, "floor_area_m2"].sum()
        yield Value(f"heat_load_of_{name}", round(float(each), 1), low, high, "W/m²", f"{HEAT}, 3.1")
    floor = services["building_code"].map(buildings.area * buildings["storeys"])
    wrong = (floor / services["floor_area_m2"] - 1).abs() > 0.01
    yield none_of("heated_floor_areas_wrong", int(wrong.sum()))
    homes = buildings[buildings["residents"] > 0]
    share = homes.loc[homes.index.isin(services["building_code"]), "residents"].sum() / homes["residents"].sum()
    yield Value("people_with_district_heat", round(float(share), 2), 0.6, 1.0, "1", RULE)
    load = services.groupby("substation_code")["design_load_kw"].sum().reindex(substations.index)
    ratio = substations["rated_kw"] / load
    yield none_of("heat_substations_without_a_house", int(load.isna().sum()))
    yield Value("heat_substation_spare_least", round(float(ratio.min()), 2), 1.0, 1.5, "1", "practice")
    yield Value("heat_substation_largest", float(substations["rated_kw"].max()), 100, 6000, "kW", "practice")
    station = district.entities["heat_sources"]["rated_kw"].sum() / load.sum()
    yield Value("heat_station_spare", round(float(station), 2), 1.0, 1.5, "1", "practice")


def _temperatures(district: District) -> Iterator[Value]:
    table = district.entities["heat_substations"]
    for column, low, high in (
        ("primary_supply_c", 110, 130),
        ("primary_return_c", 50, 70),
        ("secondary_supply_c", 45, 55),
        ("secondary_return_c", 35, 45),
    ):
        outside = int((~table[column].between(low, high)).sum())
        yield none_of(f"{column[:-2]}_outside_{low}_to_{high}_c", outside, f"{HEAT}, 4.2")


def _pipes(district: District) -> Iterator[Value]:
    pipes, sources, services = (district.entities[n] for n in ("heat_pipes", "heat_sources", "heat_services"))
    substations = district.entities["heat_substations"]
    speed = pipes["design_kg_s"] / _DENSITY_KG_M3 / (np.pi / 4 * pipes["diameter_m"] ** 2)
    yield Value("heat_pipe_speed_least", round(float(speed.min()), 2), 0.3, 2.5, "m/s", f"{HEAT}, 7.3")
    main = pipes["kind"] == "heat main"
    yield Value("heat_main_speed_least", round(float(speed[main].min()), 2), 0.5, 2.5, "m/s", f"{HEAT}, 7.3")
    yield Value("heat_pipe_speed_greatest", round(float(speed.max()), 2), 0.5, 2.5, "m/s", f"{HEAT}, 7.3")
    up = dict(zip(pipes["to_code"], pipes.index, strict=True))
    yield none_of("heat_nodes_fed_twice", int(pipes["to_code"].duplicated().sum()))
    load = services.groupby("substation_code")["design_load_kw"].sum()
    mass: dict[str, float] = defaultdict(float)
    delay, lost = [], 0
    begin: dict[str, str] = pipes["from_code"].to_dict()
    seconds = (pipes["length_m"] / speed).to_dict()
    for code, row in substations.iterrows():
        span = row["primary_supply_c"] - row["primary_return_c"]
        node, gone = row["node_code"], 0.0
        while node in up and gone < 1e6:
            mass[up[node]] += float(load.get(code, 0.0)) / (_HEAT_KJ_KGK * span)
            gone += seconds[up[node]]
            node = begin[up[node]]
        lost += node not in sources.index
        delay.append(gone / 60.0)
    yield none_of("heat_substations_that_no_station_feeds", lost)
    found = pd.Series(mass).reindex(pipes.index).fillna(0.0)
    yield none_of("heat_pipes_with_another_flow", int(((found - pipes["design_kg_s"]).abs() > 0.01).sum()))
    yield Value("heat_delay_longest", round(max(delay), 1), 5.0, 60.0, "min", RULE)
    yield Value("heat_delay_shortest", round(min(delay), 1), 0.5, 20.0, "min", RULE)
    # one pipe of the pair hot, the other cooled
    mean_c = (sources["supply_c"].iloc[0] + sources["return_c"].iloc[0]) / 2 - _SOIL_C
    loss_kw = float((2 * pipes["insulation_w_mk"] * pipes["length_m"]).sum()) * mean_c / 1000.0
    yield Value("heat_lost_underground", round(loss_kw / float(load.sum()), 4), 0.001, 0.08, "1", "practice")
    yield Value("heat_cover_least", float(pipes["depth_m"].min()), 0.6, 3.0, "m", f"{HEAT}, 8.2")
