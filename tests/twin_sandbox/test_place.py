"""The place as built: what a planner, a surveyor or a fire officer would hold it to."""

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon

from twin_sandbox.entities import read_district
from twin_sandbox.entities.tables import FACTS, TABLES
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build_district, sample_recipe
from twin_sandbox.generate.layers.place_roofs import main_wing
from twin_sandbox.generate.picture import draw_below, draw_map
from twin_sandbox.generate.picture_above import swept
from twin_sandbox.generate.recipe import read_recipe
from twin_sandbox.generate.sanity import place

TEXT = sample_recipe().read_text("utf-8")


@pytest.fixture(scope="module")
def district():
    return read_district(build_district())


def test_every_figure_of_the_place_is_in_its_range(district):
    values = list(place.values(district))
    assert len(values) >= 50
    assert [value.name for value in values if not value.ok] == []


def test_lanes_keep_to_the_right_and_lead_from_their_first_node_to_their_last(district):
    lanes, nodes = district.entities["lanes"], district.entities["street_nodes"].geometry
    streets = district.entities["streets"].geometry
    for lane in lanes.itertuples():
        start, end = nodes[lane.from_code], nodes[lane.to_code]
        first, last = (shapely.Point(lane.geometry.coords[k]) for k in (0, -1))
        assert first.distance(start) < first.distance(end)
        assert last.distance(end) < last.distance(start)
        a, b = (lane.geometry.interpolate(share, normalized=True) for share in (0.45, 0.55))
        centre = streets[lane.street_code]
        foot = centre.interpolate(centre.project(a))
        # the centre line lies to the left: the cross product with the way of travel is positive
        assert (b.x - a.x) * (foot.y - a.y) - (b.y - a.y) * (foot.x - a.x) > 0


def test_the_underpass_joins_both_halves_of_its_street(district):
    """Its portals are nodes of two segments each, and it alone crosses the avenue without meeting it."""
    nodes, lanes = district.entities["street_nodes"], district.entities["lanes"]
    portals = set(nodes.index[nodes["kind"] == "portal"])
    streets = district.entities["streets"]
    (tunnel,) = streets.index[streets["street_class"] == "underpass"]
    own = lanes[lanes["street_code"] == tunnel]
    assert set(own["from_code"]) == set(own["to_code"]) == portals
    for portal in portals:
        assert len(set(lanes[lanes["to_code"] == portal]["street_code"])) == 2


def test_a_crossing_reaches_from_kerb_to_kerb(district):
    streets, crossings = district.entities["streets"], district.entities["crossings"]
    width = streets["width_m"].loc[crossings["street_code"]].to_numpy()
    assert np.allclose(crossings.length, width, atol=0.05)
    assert crossings.geometry.values.intersects(streets.geometry.loc[crossings["street_code"]].values).all()


def test_signals_follow_the_streets_rank(district):
    """Three phases where two arterials meet, and there alone; longer cycles on larger streets."""
    signals, streets = district.entities["signals"], district.entities["streets"]
    for signal in signals.itertuples():
        near = streets[streets.distance(signal.geometry) < 1.0]
        arterials = set(near[near["street_class"] == "arterial"]["name_en"])
        assert (signal.phases == 3) == (len(arterials) == 2)
    assert signals[signals["phases"] == 3]["cycle_s"].min() > signals[signals["phases"] == 2]["cycle_s"].max()


def test_bus_lines_run_on_streets_and_call_in_order(district):
    roads = shapely.union_all(district.entities["streets"].geometry.buffer(0.5).values)
    lines, stops, calls = (
        district.entities["bus_lines"],
        district.entities["bus_stops"],
        district.facts["bus_line_stops"],
    )
    assert lines.geometry.within(roads).all()
    for code, part in calls.groupby("line_code"):
        assert part["distance_m"].is_monotonic_increasing
        assert list(part["stop_order"]) == list(range(1, len(part) + 1))
        assert stops.geometry.loc[part["stop_code"]].distance(lines.geometry[code]).max() < 25


def test_a_blocks_figures_are_those_of_its_buildings(district):
    blocks, buildings = district.entities["blocks"], district.entities["buildings"]
    details = district.facts["building_details"].set_index("building_code")
    floor = (buildings.area * buildings["storeys"]).groupby(details["block_code"].reindex(buildings.index)).sum()
    wanted = floor.reindex(blocks.index, fill_value=0.0) / blocks.area
    assert np.allclose(blocks["floor_area_ratio"], wanted, atol=0.002)


def test_roofs_make_sense_in_three_dimensions(district):
    """rise = tan(pitch) by half the span; a footprint seen at that pitch has the roof's area."""
    buildings = district.entities["buildings"]
    roofs = district.facts["roofs"].set_index("building_code")
    assert set(roofs["roof_kind"]) == {"flat", "gable", "hip", "shed"}
    for code, roof in roofs.iterrows():
        plan = buildings.geometry[code]
        wing = main_wing(plan)
        run = wing.span_m if roof["roof_kind"] == "shed" else wing.span_m / 2
        assert roof["ridge_m"] - roof["eaves_m"] == pytest.approx(run * np.tan(np.radians(roof["pitch_deg"])), abs=0.03)
        assert roof["roof_area_m2"] == pytest.approx(plan.area / np.cos(np.radians(roof["pitch_deg"])), rel=0.003)
        assert 0 < roof["usable_pv_m2"] < roof["roof_area_m2"]
        assert 0 <= roof["ridge_direction_deg"] < 180


@pytest.mark.parametrize(
    ("plan", "wing"),
    [
        (shapely.box(0, 0, 20, 10), (20, 10, 90)),
        (shapely.box(0, 0, 8, 12), (12, 8, 0)),
        # an L of a bar 20 by 4 and a leg 7 by 12: the leg is wider, so it is the main wing, its ridge northward
        (Polygon([(0, 0), (20, 0), (20, 4), (7, 4), (7, 12), (0, 12)]), (12, 7, 0)),
    ],
)
def test_the_main_wing_is_the_widest_rectangle(plan, wing):
    found = main_wing(plan)
    assert (found.length_m, found.span_m, found.bearing_deg) == pytest.approx(wing, abs=0.11)


def test_a_turned_plan_has_its_ridge_turned():
    turned = shapely.affinity.rotate(shapely.box(0, 0, 20, 10), 30, origin=(0, 0))
    assert main_wing(turned).bearing_deg == pytest.approx(60, abs=0.1)


def test_switchboards_of_some_houses_lie_below_the_street(district):
    """The lesson of flooded basements needs both kinds."""
    details = district.facts["building_details"].set_index("building_code")
    above = details["switchboard_level_m"] - district.entities["buildings"]["floor_m"].reindex(details.index)
    with_basement = details["has_basement"].astype(bool)
    assert (above[~with_basement] > 0).all()
    assert 5 <= int((above[with_basement] < -2).sum()) <= 60


def test_people_live_in_dwellings_alone(district):
    details = district.facts["building_details"].set_index("building_code")
    people = district.entities["buildings"]["residents"].reindex(details.index)
    assert ((details["dwellings"] > 0) == (people > 0)).all()


def test_every_basement_is_that_of_a_house_which_says_so(district):
    details = district.facts["building_details"].set_index("building_code")
    rooms = district.entities["underground"]
    below = rooms[rooms["building_code"] != ""]
    assert set(below["building_code"]) == set(details.index[details["has_basement"].astype(bool)])
    depth = district.entities["buildings"]["floor_m"].loc[below["building_code"]].to_numpy() - below["bottom_m"]
    assert np.allclose(depth, details["basement_depth_m"].loc[below["building_code"]], atol=0.02)


def test_the_tunnel_is_one_level_bore_from_chamber_to_chamber(district):
    tunnels, chambers = district.entities["utility_tunnels"], district.entities["tunnel_chambers"]
    assert list(tunnels["to_code"][:-1]) == list(tunnels["from_code"][1:])
    assert tunnels["length_m"].max() <= 100
    assert ((chambers["ground_m"] - chambers["invert_m"]) > tunnels["height_m"].max() + 2.0).all()


def test_gas_flows_from_the_gate_to_every_street_end(district):
    """Each main leads away from the gate, so that from one node all others are reached downstream."""
    pipes = district.entities["gas_pipes"]
    below = {}
    for pipe in pipes.itertuples():
        below.setdefault(pipe.from_code, set()).add(pipe.to_code)
    (gate,) = set(pipes["from_code"]) - set(pipes["to_code"])
    seen, queue = set(), [gate]
    while queue:
        node = queue.pop()
        if node not in seen:
            seen.add(node)
            queue += below.get(node, ())
    assert seen == set(pipes["from_code"]) | set(pipes["to_code"])


def test_ships_lie_in_water_and_cranes_stand_on_the_quay(district):
    terrain = district.terrain
    for crane in district.entities["cranes"].geometry:
        assert terrain.elevation_m[terrain.cell(crane.x, crane.y)] > 2
    assert (district.entities["berths"]["depth_m"] > district.entities["berths"]["draught_m"]).all()


def test_services_keep_to_buildings_of_their_use(district):
    wanted = {row["name_en"]: row["uses"] for row in district.recipe["place"]["service"]}
    services, buildings = district.entities["services"], district.entities["buildings"]
    assert len(services) == len(wanted)
    for service in services.itertuples():
        assert buildings["use"][service.building_code] in wanted[service.name_en]
        assert buildings.geometry[service.building_code].contains(service.geometry)


@pytest.mark.parametrize(
    ("found", "put", "named"),
    [
        ('street = "Anning Road", from_x', 'street = "Nowhere", from_x', "place.tunnel.street"),
        ("gas_gate = { x = 1100", "gas_gate = { x = 9999", "place.gas_gate.x"),
        ("headway_min = 8", "headway_min = 0", r"place.bus_line\[0\].headway_min"),
        ('kind = "fire_station"', 'kind = "volcano"', r"place.service\[0\].kind"),
        ('uses = ["shop", "office"]\ncapacity = 4', "uses = []\ncapacity = 4", r"place.service\[0\].uses"),
        ("draught_m = 3.6", 'draught_m = "deep"', r"place.berth\[0\].draught_m"),
        ("x_m = [0, 190]", "x_m = [0]", r"place.beach\[0\].x_m"),
    ],
)
def test_an_absurd_recipe_of_the_place_is_refused(tmp_path, found, put, named):
    text = TEXT.replace(found, put, 1)
    assert text != TEXT
    file = tmp_path / "recipe.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(TwinError, match=named):
        read_recipe(file)


def test_every_column_of_the_place_is_described(district):
    import tomllib

    from twin_sandbox.entities.schema import place as schema

    sheets = tomllib.loads((sample_recipe().parent / "sheets" / "place.toml").read_text("utf-8"))
    tables = {**schema.TABLES, **schema.FACTS}
    assert set(sheets) == set(tables)
    for name, table in tables.items():
        assert set(sheets[name]["columns"]) == set(table.columns), name
    assert sum(len(district.entities[name]) for name in schema.TABLES) < 12_000
    assert set(schema.TABLES) <= set(TABLES)
    assert set(schema.FACTS) <= set(FACTS)


def test_the_shadow_of_a_square_is_a_hexagon():
    """A 10 m square moved by (6, 6): its own 100 m² and twice 10 by 6 m for the sides that face the way."""
    assert swept(shapely.box(0, 0, 10, 10), 6, 6).area == pytest.approx(220)


@pytest.mark.parametrize("draw", [draw_map, draw_below])
def test_a_map_is_full_of_different_things(district, tmp_path, draw):
    from PIL import Image

    file = tmp_path / "map.png"
    draw(district, file)
    picture = np.asarray(Image.open(file).convert("RGB"))
    assert picture.shape[1] == 1800
    inner = picture[120:1600, 40:-40].reshape(-1, 3)
    _, counts = np.unique(inner // 16, axis=0, return_counts=True)
    assert (counts > len(inner) * 2e-4).sum() > 60
    assert counts.max() < 0.7 * len(inner)


def test_a_map_without_chinese_fonts_is_in_english(district, tmp_path, monkeypatch):
    from twin_sandbox.generate import picture

    monkeypatch.setattr(picture, "CHINESE", ())
    draw_map(district, tmp_path / "map.png")  # a missing glyph would be a warning, and warnings are errors here
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
