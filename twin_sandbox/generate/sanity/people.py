"""Residents, households, enterprises, vehicles, trips."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely

from twin_sandbox.entities import District
from twin_sandbox.generate.layers.people_homes import WORKING_AGES
from twin_sandbox.generate.layers.people_trades import SECTORS, fits
from twin_sandbox.generate.layers.people_ways import GATES
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

CENSUS = "Seventh National Population Census, 2020"
SURVEYS = "urban travel surveys, practice"


def values(district: District) -> Iterator[Value]:
    """Figures of people, enterprises, vehicles and trips."""
    for part in (_people, _jobs, _vehicles, _trips):
        yield from part(district)


def _people(district: District) -> Iterator[Value]:
    residents, buildings = district.entities["residents"], district.entities["buildings"]
    homes = district.facts["households"].set_index("household")
    wanted = float(district.recipe["district"]["residents"])
    yield Value("persons", float(len(residents)), wanted, wanted, "people", "recipe, district.residents")
    living = residents["lives_in"].value_counts().reindex(buildings.index, fill_value=0)
    yield none_of("buildings_with_other_residents_than_counted", int((living != buildings["residents"]).sum()))
    yield none_of("persons_without_a_household", int((~residents["household"].isin(homes.index)).sum()))
    apart = residents["household"].map(homes["building_code"]) != residents["lives_in"]
    yield none_of("persons_apart_from_their_household", int(apart.sum()))
    members = residents["household"].value_counts().reindex(homes.index, fill_value=0)
    yield none_of("households_of_another_size", int((members != homes["size"]).sum()))
    oldest = residents.groupby("household")["age"].max()
    yield none_of("households_without_an_adult", int((oldest < 18).sum()))
    yield none_of("persons_outside_their_home", _outside(residents, "lives_in", buildings))
    age = residents["age"]
    for name, low, high, share in (("0_14", 0, 14, 0.1795), ("15_59", 15, 59, 0.6335), ("60_and_over", 60, 120, 0.187)):
        found = round(float(age.between(low, high).mean()), 4)
        yield Value(f"share_aged_{name}", found, share - 0.005, share + 0.005, "1", CENSUS)
    size = round(len(residents) / max(1, len(homes)), 3)
    yield Value("household_size_mean", size, 2.55, 2.69, "people", CENSUS)
    alone = round(float((homes["size"] == 1).mean()), 3)
    yield Value("households_of_one", alone, 0.22, 0.29, "1", CENSUS)
    men = float((residents["sex"] == "M").sum())
    yield Value("men_per_100_women", round(100 * men / max(1.0, len(residents) - men), 1), 97, 112, "1", CENSUS)


def _outside(people: pd.DataFrame, column: str, buildings: pd.DataFrame) -> int:
    """How many points lie outside the building that ``column`` names."""
    shapes = buildings["geometry"].reindex(people[column]).to_numpy()
    return int((~shapely.covers(shapes, people["geometry"].to_numpy())).sum())


def _jobs(district: District) -> Iterator[Value]:
    firms, residents, commuters = (district.entities[name] for name in ("enterprises", "residents", "commuters"))
    buildings = district.entities["buildings"]
    yield Value("enterprises", float(len(firms)), 300, 500, "1", RULE)
    works = pd.concat([residents["works_at"], commuters["works_at"]])
    works = works[works != ""]
    yield none_of("workers_at_unknown_enterprises", int((~works.isin(firms.index)).sum()))
    filled = works.value_counts().reindex(firms.index, fill_value=0)
    yield none_of("enterprises_with_other_workers_than_jobs", int((filled != firms["employees"]).sum()))
    yield Value("jobs_per_resident", round(float(firms["employees"].sum()) / len(residents), 3), 0.3, 0.5, "1", RULE)
    age = residents["age"].between(*WORKING_AGES)
    employed = float((residents["role"] == "worker")[age].mean())
    yield Value("employed_of_those_aged_16_to_59", round(employed, 3), 0.65, 0.85, "1", "labour surveys, practice")
    idle = (residents["role"] != "worker") & (residents["works_at"] != "")
    yield none_of("workplaces_of_people_who_do_not_work", int(idle.sum()))
    use = firms["building_code"].map(buildings["use"])
    misfit = [not isinstance(at, str) or not fits(at, trade) for at, trade in zip(use, firms["kind"], strict=True)]
    yield none_of("enterprises_in_an_unfit_building", sum(misfit))
    yield none_of("enterprises_outside_their_building", _outside(firms, "building_code", buildings))
    let = firms.groupby("building_code")["floor_area_m2"].sum()
    floor = (buildings.area * buildings["storeys"]).reindex(let.index)
    yield none_of("buildings_with_more_let_than_built", int((let > 1.001 * floor + 0.5).sum()))
    yield none_of("enterprises_of_unknown_sector", int((~firms["sector"].isin(list(SECTORS))).sum()), "GB/T 4754-2017")
    pupils = residents["attends"][residents["attends"] != ""].value_counts()
    room = firms["places"].reindex(pupils.index, fill_value=0)
    yield none_of("schools_with_more_pupils_than_places", int((pupils > room).sum()))
    school_age = residents["age"].between(6, 14)
    taught = float((residents["attends"] != "")[school_age].mean())
    yield Value("aged_6_to_14_at_school_here", round(taught, 3), 0.95, 1.0, "1", "Compulsory Education Law, art. 12")
    links = district.facts["supply_links"]
    known = links["from_code"].isin(firms.index) & links["to_code"].isin(firms.index)
    yield none_of("supply_links_to_unknown_enterprises", int((~known).sum()))
    ended = (links["until"] != "") & (links["until"] <= links["since"])
    yield none_of("supply_links_that_end_before_they_begin", int(ended.sum()))


def _vehicles(district: District) -> Iterator[Value]:
    vehicles, residents = district.entities["vehicles"], district.entities["residents"]
    homes = district.facts["households"].set_index("household")
    cars = vehicles[vehicles["kind"] == "car"]
    rate = 1000 * len(cars) / max(1, len(residents))
    yield Value("cars_per_1000_residents", round(rate), 150, 350, "1", "national and city statistics, 2023, order of")
    owned = cars["household"].value_counts().reindex(homes.index, fill_value=0)
    yield none_of("households_with_other_cars_than_counted", int((owned != homes["cars"]).sum()))
    driver = cars["driver_code"].map(residents["household"])
    yield none_of("cars_driven_by_strangers", int((driver != cars["household"]).sum()))
    yield none_of("drivers_below_18", int((cars["driver_code"].map(residents["age"]) < 18).sum()))
    yield none_of("drivers_of_two_cars", int(cars["driver_code"].duplicated().sum()))
    fleet = vehicles[vehicles["kind"] != "car"]
    orphans = ~fleet["owner_code"].isin(district.entities["enterprises"].index)
    yield none_of("vehicles_without_an_owner", int(orphans.sum()))
    yield none_of("plates_doubled", int(vehicles["plate"].duplicated().sum()))
    served = set(fleet.loc[fleet["kind"] == "bus", "line_code"])
    yield none_of("bus_lines_without_a_bus", int((~district.entities["bus_lines"].index.isin(served)).sum()))
    for kind, least, most in (("bus", 12, 30), ("ambulance", 2, 6), ("fire engine", 2, 6), ("fishing boat", 6, 30)):
        count = float((vehicles["kind"] == kind).sum())
        yield Value(f"{kind.replace(' ', '_')}_count", count, least, most, "1", RULE)


def _trips(district: District) -> Iterator[Value]:
    residents, commuters, trips = (*(district.entities[n] for n in ("residents", "commuters")), district.facts["trips"])
    local = trips["person_code"].isin(residents.index).to_numpy()
    yield none_of("trips_of_unknown_people", int((~local & ~trips["person_code"].isin(commuters.index)).sum()))
    count = max(1, int(local.sum()))
    yield Value("trips_per_resident", round(count / max(1, len(residents)), 2), 2.2, 2.6, "1/d", SURVEYS)
    ranges = {"walk": (0.25, 0.30), "e_bike": (0.20, 0.35), "car": (0.20, 0.30), "transit": (0.10, 0.20)}
    shares = trips["mode"][local].value_counts(normalize=True)
    for mode, (low, high) in ranges.items():
        yield Value(f"trips_by_{mode}", round(float(shares.get(mode, 0.0)), 3), low, high, "1", SURVEYS)
    quarters = np.bincount(trips["depart_s"][local].to_numpy() // 900, minlength=96)
    peak = float(np.convolve(quarters, np.ones(4)).max()) / count
    yield Value("peak_hour_of_the_day", round(peak, 3), 0.08, 0.11, "1", SURVEYS)
    drivers = district.entities["vehicles"]["driver_code"]
    drives = trips["drives"].astype(bool)
    yield none_of("trips_driven_without_a_car", int((local & drives & ~trips["person_code"].isin(drivers)).sum()))
    yield none_of("trips_driven_by_other_modes", int((drives & (trips["mode"] != "car")).sum()))
    yield none_of("days_that_do_not_chain", _broken(district))
    places = {*district.entities["buildings"].index, *district.entities["parks"].index, *GATES}
    known = trips["from_place"].isin(places) & trips["to_place"].isin(places)
    yield none_of("trips_to_unknown_places", int((~known).sum()))
    speed = trips["distance_m"] / trips["duration_s"]
    yield Value("trip_speed_greatest", round(float(speed.max()) * 3.6, 1), 3.0, 40.0, "km/h", RULE)
    walked = trips.loc[local & (trips["mode"] == "walk").to_numpy(), "distance_m"]
    yield Value("walk_length_median", round(float(walked.median())), 200, 1200, "m", SURVEYS)


def _broken(district: District) -> int:
    """Days that start elsewhere than at home, jump, overlap, end elsewhere or end after midnight."""
    trips = district.facts["trips"]
    trips = trips.sort_values(["person_code", "trip_order"], kind="stable")
    home = pd.concat([district.entities["residents"]["lives_in"], district.entities["commuters"]["gate"]])
    person, at = trips["person_code"].to_numpy(), trips["person_code"].map(home).to_numpy()
    origin, goal = trips["from_place"].to_numpy(), trips["to_place"].to_numpy()
    begins, ends = trips["depart_s"].to_numpy(), (trips["depart_s"] + trips["duration_s"]).to_numpy()
    same = person[1:] == person[:-1]
    first, last = np.append(True, ~same), np.append(~same, True)
    broken = (first & (origin != at)) | (last & (goal != at)) | (begins < 0) | (ends > 86400)
    broken[1:] |= same & ((origin[1:] != goal[:-1]) | (begins[1:] < ends[:-1]))
    return len(set(person[broken]))
