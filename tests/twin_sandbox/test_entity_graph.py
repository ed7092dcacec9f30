"""The graph over the tables, and what feeds what, against plain walks through the same tables."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin_sandbox.entity_tables import Small, code, table
from twin_sandbox.entities.tables import FACTS, TABLES
from twin_sandbox.errors import TwinError


def stated(twin) -> list[tuple[str, str, str]]:
    """Every relation, row by row."""
    found = []
    for name, schema in TABLES.items():
        rows = twin.entities[name]
        for column, predicate in schema.relations.items():
            found += [(subject, predicate, target) for subject, target in rows[column].items() if target]
    for name, schema in FACTS.items():
        about = [column for column, predicate in schema.relations.items() if predicate == "describes"]
        for column, predicate in schema.relations.items():
            if about and predicate != "describes":
                rows = twin.district.facts[name]
                found += [(a, predicate, b) for a, b in zip(rows[about[0]], rows[column], strict=True) if b]
    return found


def test_the_graph_holds_every_relation_of_the_tables_and_no_other(twin):
    edges = twin.graph.edges
    assert sorted(zip(edges["subject"], edges["predicate"], edges["object"], strict=True)) == sorted(stated(twin))
    assert len(twin.graph.codes) == sum(len(rows) for rows in twin.entities.values())


def test_what_one_states_the_other_hears(twin):
    for name in ("conduits", "devices", "lanes", "power_services", "buildings"):
        for subject in twin.entities[name].index[:20]:
            for predicate, target in twin.graph.out(subject):
                assert (predicate, subject) in twin.graph.into(target, predicate)


def test_a_manhole_drains_the_way_of_its_pipes_to_the_sea(twin):
    """Each manhole has one pipe that leaves it; from the station's tank several ways lead on."""
    pipes = twin.entities["conduits"]
    for start in twin.entities["junctions"].index[::17]:
        way = list(twin.feeds(start, "drains").index)
        assert way[-1] in twin.entities["outfalls"].index
        at, walked = start, []
        while at in twin.entities["junctions"].index:
            pipe = pipes[pipes["from_code"] == at].iloc[0]
            at = pipe["to_code"]
            walked += [pipe.name, at]
        assert way[: len(walked)] == walked


def test_a_subcatchment_drains_to_its_manhole_first(twin):
    for area, row in twin.entities["subcatchments"].iloc[::25].iterrows():
        assert twin.feeds(area, "drains").index[0] == row["outlet"]


def test_a_building_drains_from_where_it_stands(twin):
    building = twin.entities["buildings"].index[-1]
    first = twin.feeds(building, "drains").index[0]
    assert (
        twin.entities["subcatchments"].geometry[first].contains(twin.entity(building).geometry.representative_point())
    )


def test_with_a_manhole_all_above_it_lose_their_way_to_the_sea(twin):
    pipes, wrong = twin.entities["conduits"], twin.entities["wrong_connections"]

    def above(at):
        found = set()
        for pipe, row in pipes[pipes["to_code"] == at].iterrows():
            found |= {pipe, row["from_code"]} | above(row["from_code"])
        areas = twin.entities["subcatchments"]
        found |= set(areas.index[areas["outlet"] == at])
        return found | set(wrong.index[wrong["junction_code"] == at])

    for manhole in twin.entities["junctions"].index[::13]:
        assert set(twin.fed_by(manhole, "drains").index) == above(manhole)


def test_foul_water_of_a_wrong_connection_runs_to_the_sea_by_the_storm_sewers(twin):
    outfalls = set(twin.entities["outfalls"].index)
    for code_, row in twin.entities["wrong_connections"].iterrows():
        way = list(twin.feeds(code_, "drains").index)
        assert way[0] == row["junction_code"]
        assert way[-1] in outfalls
        assert twin.related(row["building_code"], "drains").index.tolist() == [code_]


def test_the_rain_of_a_wrongly_connected_house_still_drains_from_where_it_stands(twin):
    house = twin.entities["wrong_connections"]["building_code"].iloc[0]
    assert twin.feeds(house, "drains").index[0] in twin.entities["subcatchments"].index


@pytest.mark.parametrize(
    ("network", "source"), [("water", "water_sources"), ("heat", "heat_sources"), ("power", "grid_feeds")]
)
def test_every_served_building_is_fed_from_a_source(twin, network, source):
    served = {"water": "water_services", "heat": "heat_services", "power": "power_services"}[network]
    column = next(c for c, predicate in TABLES[served].relations.items() if predicate == "serves")
    houses = set(twin.entities["buildings"].index)
    fed = [code_ for code_ in dict.fromkeys(twin.entities[served][column]) if code_ in houses]
    assert fed
    for building in fed[::29]:
        way = twin.feeds(building, network)
        assert way["table"].iloc[0] in {served, "booster_pumps"}
        assert way["table"].iloc[-1] == source


def test_a_transformer_takes_its_houses_with_it(twin):
    service = twin.entities["power_services"].iloc[40]
    way = twin.feeds(service.name, "power")
    transformer = way.index[way["table"] == "transformers"][0]
    lost = twin.fed_by(transformer)
    assert {service.name, service["consumer_code"]} <= set(lost.index)
    assert set(lost["network"]) == {"power"}


PIPES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] != p[1]), max_size=14)


def loop_of(pipes):
    """A water network: junction 0 is the source, each pair a pipe, a service at every junction."""
    nodes = [code("water_sources", 1), *(code("water_junctions", k) for k in range(1, 8))]
    rows = [{"from_code": nodes[a], "to_code": nodes[b]} for a, b in sorted(pipes)]
    tables = {
        "water_sources": table("water_sources", [{}]),
        "water_junctions": table("water_junctions", [{}] * 7),
        "water_pipes": table("water_pipes", rows),
        "buildings": table("buildings", [{}] * 7),
        "water_services": table(
            "water_services",
            [{"building_code": code("buildings", k), "junction_code": nodes[k]} for k in range(1, 8)],
        ),
    }
    return Small(tables), nodes, sorted(pipes)


@settings(max_examples=40, deadline=None)
@given(pipes=PIPES, broken=st.integers(0, 13))
def test_in_a_loop_only_what_no_way_leads_to_is_lost(pipes, broken):
    """Against a walk over undirected pairs with and without the pipe."""
    district, _, order = loop_of(pipes)

    def reached(without):
        seen, grown = {0}, True
        while grown:
            grown = False
            for pair in order:
                if pair != without and len(seen & set(pair)) == 1:
                    seen |= set(pair)
                    grown = True
        return seen

    if not order:
        return
    k = broken % len(order)
    lost = district.fed_by(district.entities["water_pipes"].index[k], "water")
    houses = {c for c, name in lost["table"].items() if name == "buildings"}
    assert houses == {code("buildings", n) for n in reached(None) - reached(order[k])}


def test_the_way_of_the_ordinary_flow_is_taken_before_a_shorter_one_against_it():
    """Source 0 → 1 → 2 → 3 with the flow; 3 → 0 would be one pipe, but flows the other way."""
    district, nodes, _ = loop_of({(0, 1), (1, 2), (2, 3), (3, 0)})
    way = list(district.feeds(code("buildings", 3), "water").index)
    assert [step for step in way if step in nodes] == [nodes[3], nodes[2], nodes[1], nodes[0]]


def test_a_house_with_a_booster_depends_on_it():
    district, nodes, _ = loop_of({(0, 1)})
    boosters = table("booster_pumps", [{"building_code": code("buildings", 1), "junction_code": nodes[1]}])
    services = district.entities["water_services"].copy()
    services.loc[services.index[0], "booster_code"] = boosters.index[0]
    higher = Small({**district.entities, "booster_pumps": boosters, "water_services": services})
    assert higher.feeds(code("buildings", 1), "water")["table"].iloc[0] == "booster_pumps"
    assert services.index[0] in higher.fed_by(boosters.index[0]).index


def test_an_open_switch_cuts_its_line_and_a_closed_one_takes_it_along():
    """Feed → bus 1 → line → bus 2 → service; with the switch open nothing comes, closed its failure takes all."""
    buses = [code("power_buses", 1), code("power_buses", 2)]
    line = code("power_lines", 1)
    tables = {
        "grid_feeds": table("grid_feeds", [{"bus_code": buses[0]}]),
        "power_buses": table("power_buses", [{}, {}]),
        "power_lines": table("power_lines", [{"from_code": buses[0], "to_code": buses[1]}]),
        "buildings": table("buildings", [{}]),
        "power_services": table(
            "power_services", [{"consumer_code": code("buildings", 1), "bus_code": buses[1], "standby_bus_code": ""}]
        ),
    }
    for closed in (True, False):
        switch = {"bus_code": buses[0], "branch_code": line, "tie_bus_code": "", "is_closed": closed}
        district = Small({**tables, "power_switches": table("power_switches", [switch])})
        assert bool(len(district.feeds(code("buildings", 1), "power"))) is closed
        if closed:
            lost = set(district.fed_by(district.entities["power_switches"].index[0]).index)
            assert lost == {line, buses[1], code("power_services", 1), code("buildings", 1)}


def test_questions_that_cannot_be_answered_are_refused(twin):
    street, tree = twin.entities["streets"].index[0], twin.entities["trees"].index[0]
    with pytest.raises(TwinError, match="no valid unified code"):
        twin.related("SB01")
    with pytest.raises(TwinError, match="no entity of this district has it"):
        twin.feeds(code("streets", 1_000_000), "water")
    with pytest.raises(TwinError, match="One of: drains, water, heat, power"):
        twin.feeds(street, "telephone")
    with pytest.raises(TwinError, match="does not reach it"):
        twin.feeds(tree, "water")
    with pytest.raises(TwinError, match="part of no network"):
        twin.fed_by(tree)
    with pytest.raises(TwinError, match="no part of the network"):
        twin.fed_by(tree, "heat")


def test_related_names_predicate_and_direction(twin):
    pipe = twin.entities["conduits"].iloc[3]
    found = twin.related(pipe.name, "from")
    assert list(found.index) == [pipe["from_code"]]
    assert list(found["direction"]) == ["out"]
    back = twin.related(pipe["from_code"])
    assert ("from", "in") in set(zip(back["predicate"], back["direction"], strict=True))
    assert list(found.columns) == ["predicate", "direction", "table", "kind", "name_en", "name_zh", "geometry"]


def test_a_code_that_names_two_entities_makes_no_graph():
    rows = table("streets", [{}])
    with pytest.raises(TwinError, match="names two entities"):
        _ = Small({"streets": rows, "parks": rows.rename_axis("code")}).graph
