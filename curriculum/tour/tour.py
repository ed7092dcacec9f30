# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] id="title"
# # A tour of Gulls' Quay
#
# Gulls' Quay (鸥港) is the sample district that every lab works on. **It is not a real place**: a program drew it
# from one recipe and one seed, by the rules that planners and engineers in Chinese cities go by. Nothing here is
# graded. In half an hour you will have seen what the district holds, how to ask it questions, what its devices report,
# and how they fail.
#
# Run the cells from top to bottom with Shift+Enter. Change them; nothing can break.

# %% id="open"
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import twin_sandbox
from twin_sandbox import Scenario, Storm, Tide

twin = twin_sandbox.open_district()
district = twin.district
twin

# %% [markdown] id="above"
# ## 1. Above the ground, and below
#
# Drag to move, Ctrl and drag to turn, scroll to come nearer. Point at a building to see what it is.

# %% id="map_above"
twin.map()

# %% [markdown] id="below"
# Under the streets lie storm sewers, water mains, heat pipes, gas, cables and a utility tunnel, and basements under the
# larger buildings. Depths are drawn five times as deep as they are, or you would see nothing but a tangle.

# %% id="map_below"
twin.map(under=True)

# %% [markdown] id="classes"
# ## 2. Five classes of entity
#
# A digital twin of a city is made of *entities* (孪生体): things that have an identity, a place in space and time, a shape,
# a state, relations to others, and attributes with a source. They come in five classes: facilities, vehicles,
# buildings, people and enterprises. Each class has tables; each row is an entity; the index is its **unified code**.

# %% id="tables"
sizes = pd.DataFrame(
    [(table.entity_class.iat[0], name, len(table)) for name, table in twin.entities.items() if len(table)],
    columns=["class", "table", "entities"],
)
print(f"{sizes.entities.sum():,} entities in {len(sizes)} tables")
sizes.groupby("class").agg(tables=("table", lambda names: ", ".join(names)), entities=("entities", "sum"))

# %% [markdown] id="code"
# A code says where the entity stands, what it is, and which one; its last character is a check: mistype one character
# and the code is refused.

# %% id="one_code"
from twin_sandbox.entities.code import is_valid, parse_code

tower = twin.entities["buildings"].nlargest(1, "height_m").index[0]
mistyped = tower[:-2] + ("0" if tower[-2] != "0" else "1") + tower[-1]
print(tower, "valid:", is_valid(tower), parse_code(tower))
print(mistyped, "valid:", is_valid(mistyped))

# %% [markdown] id="facility"
# **A facility.** One of the three pumps that keep the district dry. Every attribute has a unit and says where it
# comes from.

# %% id="one_facility"
twin.entity(twin.entities["pumps"].index[0])

# %% [markdown] id="building"
# **A building**: the tallest one.

# %% id="one_building"
twin.entity(tower)

# %% [markdown] id="vehicle"
# **A vehicle**: an ambulance, and whose it is.

# %% id="one_vehicle"
vehicles = twin.entities["vehicles"]
twin.entity(vehicles.index[vehicles.kind == "ambulance"][0])

# %% [markdown] id="enterprise"
# **An enterprise.** Names say what a firm does and where; none is that of a real one.

# %% id="one_enterprise"
twin.entity(twin.entities["enterprises"].index[0])

# %% [markdown] id="person"
# **A person.** People have numbers, no names: nobody here is anybody.

# %% id="one_person"
twin.entity(twin.entities["residents"].index[0])

# %% [markdown] id="layers"
# ## 3. Layer by layer
#
# The same ground plan, four times: what a planner sees, what people do with it, and what keeps it supplied. Each
# figure reads tables and nothing else.

# %% id="ground_plan"
WEST, SOUTH, EAST, NORTH = twin.terrain.bounds_m


def plan(axis, title):
    """A quiet ground plan to draw on: sea, streets, buildings."""
    sea = np.where(twin.terrain.land_cover == 0, 1.0, np.nan)
    axis.imshow(sea, extent=(WEST, EAST, SOUTH, NORTH), cmap="Blues", vmin=0, vmax=3, interpolation="nearest")
    twin.entities["streets"].plot(ax=axis, color="#d8d4cc", linewidth=2.2, zorder=1)
    twin.entities["buildings"].plot(ax=axis, color="#e9e6e0", zorder=1)
    axis.set(title=title, xticks=[], yticks=[], xlim=(WEST, EAST), ylim=(SOUTH, NORTH))
    axis.set_aspect("equal")
    axis.axis("off")


def lines(axis, table, colour, label, width=1.2):
    """One network's lines."""
    twin.entities[table].plot(ax=axis, color=colour, linewidth=width, label=label, zorder=2)


# %% id="planner"
figure, axes = plt.subplots(1, 2, figsize=(14, 6.4), layout="constrained")
plan(axes[0], "Blocks by land use")
twin.entities["blocks"].plot(ax=axes[0], column="zone", alpha=0.75, legend=True, cmap="tab20", zorder=1.5,
                             legend_kwds={"fontsize": 7, "ncols": 2, "loc": "lower right"})
plan(axes[1], "In the street: trees, lamps, signals, bus lines, crossings")
twin.entities["trees"].plot(ax=axes[1], color="#5f9a57", markersize=2, zorder=2, label="trees")
twin.entities["poles"].plot(ax=axes[1], color="#b08a2e", markersize=2, zorder=2, label="lamp poles")
lines(axes[1], "crossings", "#333333", "crossings", 2.0)
lines(axes[1], "bus_lines", "#c05a3c", "bus lines", 0.9)
twin.entities["bus_stops"].plot(ax=axes[1], color="#c05a3c", marker="s", markersize=14, zorder=3, label="bus stops")
twin.entities["signals"].plot(ax=axes[1], color="#111111", marker="^", markersize=18, zorder=3, label="signals")
axes[1].legend(loc="lower right", fontsize=8);

# %% [markdown] id="supply"
# Water, heat and power reach each building; storm water leaves it. The drawing of a network is simple. What makes it a
# network is that each pipe and cable knows what it comes from and where it goes: `from_code`, `to_code`.

# %% id="networks"
figure, axes = plt.subplots(2, 2, figsize=(14, 12.4), layout="constrained")
plan(axes[0, 0], "Storm sewers, tank, pumps, outfalls")
conduits = twin.entities["conduits"]
conduits.plot(ax=axes[0, 0], color="#0072b2", linewidth=1.6 * conduits.diameter_m, zorder=2)
twin.entities["storages"].plot(ax=axes[0, 0], color="#0072b2", marker="s", markersize=60, zorder=3, label="tank")
twin.entities["outfalls"].plot(ax=axes[0, 0], color="#d55e00", markersize=40, zorder=3, label="outfalls")
axes[0, 0].legend(loc="lower right")
plan(axes[0, 1], "Water supply: mains, hydrants, booster pumps, feeds")
mains = twin.entities["water_pipes"]
mains.plot(ax=axes[0, 1], color="#3aa0d8", linewidth=6 * mains.diameter_m, zorder=2)
twin.entities["hydrants"].plot(ax=axes[0, 1], color="#d55e00", markersize=7, zorder=3, label="hydrants")
twin.entities["booster_pumps"].plot(ax=axes[0, 1], color="#5b3a8c", marker="^", markersize=26, zorder=3, label="booster pumps")
twin.entities["water_sources"].plot(ax=axes[0, 1], color="#0b4f7a", marker="*", markersize=160, zorder=3, label="feeds")
axes[0, 1].legend(loc="lower right")
plan(axes[1, 0], "Power: 10 kV rings, transformers, 0.4 kV, panels, chargers")
cables = twin.entities["power_lines"]
cables[cables.kv < 1].plot(ax=axes[1, 0], color="#d9a3c1", linewidth=0.8, zorder=2, label="0.4 kV")
cables[cables.kv > 1].plot(ax=axes[1, 0], color="#9b2f6d", linewidth=1.6, zorder=2, label="10 kV")
twin.entities["transformers"].plot(ax=axes[1, 0], color="#9b2f6d", marker="s", markersize=16, zorder=3, label="transformers")
twin.entities["pv_systems"].plot(ax=axes[1, 0], color="#e6b800", markersize=9, zorder=3, label="panels")
twin.entities["chargers"].plot(ax=axes[1, 0], color="#2a8f5b", markersize=6, zorder=3, label="chargers")
axes[1, 0].legend(loc="lower right")
plan(axes[1, 1], "Heat: station, pipes, substations, buildings served")
pipes = twin.entities["heat_pipes"]
pipes.plot(ax=axes[1, 1], color="#d55e00", linewidth=8 * pipes.diameter_m, zorder=2)
twin.entities["heat_services"].plot(ax=axes[1, 1], color="#e9a06a", linewidth=0.8, zorder=2)
twin.entities["heat_substations"].plot(ax=axes[1, 1], color="#8c2d04", markersize=16, zorder=3, label="substations")
twin.entities["heat_sources"].plot(ax=axes[1, 1], color="#8c2d04", marker="*", markersize=200, zorder=3, label="station")
axes[1, 1].legend(loc="lower right");

# %% [markdown] id="life"
# Twelve thousand people live here, and some two thousand come to work. On an ordinary weekday they make the trips of the
# right-hand figure: the demand for water, power and streets follows from them.

# %% id="people"
residents, trips = twin.entities["residents"], district.facts["trips"]
figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
ages = pd.cut(residents.age, range(0, 101, 5), right=False)
for sex, sign, colour in (("F", 1, "#c8795a"), ("M", -1, "#5a87a8")):
    counts = ages[residents.sex == sex].value_counts().sort_index()
    axes[0].barh(range(len(counts)), sign * counts.to_numpy(), color=colour, label={"F": "women", "M": "men"}[sex])
axes[0].set(title="Residents by age", yticks=range(0, 20, 4), yticklabels=range(0, 100, 20), xlabel="people")
axes[0].legend()
plan(axes[1], "Where people live (blue) and work (red)")
homes = residents.groupby("lives_in").size()
firms = twin.entities["enterprises"]
jobs = firms.groupby("building_code")["employees"].sum()
spots = twin.entities["buildings"].representative_point()
axes[1].scatter(spots[homes.index].x, spots[homes.index].y, s=homes / 3, color="#3b6fa0", alpha=0.6, zorder=3)
axes[1].scatter(spots[jobs.index].x, spots[jobs.index].y, s=jobs / 3, color="#c0392b", alpha=0.5, zorder=3)
by_hour = trips.assign(hour=trips.depart_s // 3600).groupby(["hour", "mode"]).size().unstack(fill_value=0)
by_hour.plot.bar(stacked=True, ax=axes[2], width=0.9, colormap="Set2")
axes[2].set(title="Trips of a weekday by hour and mode", xlabel="hour", ylabel="trips");

# %% [markdown] id="sheets"
# Every table has a **data sheet**: how it came to be, what it may be used for, and the unit and source of each column.

# %% id="data_sheets"
pd.DataFrame({name: {"how it came to be": sheet.en} for name, sheet in district.sheets.items()}).T.style.set_properties(
    **{"text-align": "left", "max-width": "60em"}
)

# %% [markdown] id="questions"
# ## 4. Questions in a line
#
# What feeds the tower? Follow the water from its taps up to the city's main.

# %% id="feeds"
twin.feeds(tower, "water")[["table", "name_en"]]

# %% [markdown] id="fails"
# And the other way round: who is without power if this transformer fails?

# %% id="fed_by"
transformer = twin.feeds(tower, "power").query("table == 'transformers'").index[0]
lost = twin.fed_by(transformer, "power")
lost[lost.table == "buildings"][["kind", "name_en"]].head(12)

# %% [markdown] id="near_text"
# What is within 50 m of it?

# %% id="near"
twin.near(tower, 50, "buildings")[["use", "storeys", "name_en", "distance_m"]]

# %% [markdown] id="history"
# Cities change. As of a day in May 2005 there were other buildings, and some that still stand had another use.

# %% id="as_of"
then = twin.as_of("2005-05-01")
figure, axes = plt.subplots(1, 2, figsize=(13, 5.6), layout="constrained", sharex=True, sharey=True)
for axis, shown, title in ((axes[0], then, "As of 1 May 2005"), (axes[1], twin, "Today")):
    shown.entities["buildings"].plot(ax=axis, column="use", cmap="tab10")
    former = shown.entities["former_buildings"] if shown is then else shown.entities["former_buildings"].iloc[:0]
    if len(former):
        former.plot(ax=axis, color="none", edgecolor="#c0392b", linewidth=1.2)
    axis.set_title(f"{title}: {len(shown.entities['buildings'])} buildings")
    axis.axis("off")

# %% [markdown] id="things"
# ## 5. Things: devices that watch the district
#
# Above ground, below ground, in the air and on the water. Each has a row in the ledger (台账): what it measures, how
# finely, how often, whose it is, and in which state.

# %% id="device_map"
things = twin.things
figure, axis = plt.subplots(figsize=(10, 8.4), layout="constrained")
plan(axis, "Devices by space")
for (space, group), colour in zip(things.groupby("space"), ("#d55e00", "#5b3a8c", "#0072b2", "#009e73"), strict=False):
    axis.scatter(group.x_m, group.y_m, s=22, color=colour, label=f"{space} ({group.code.nunique()})", zorder=3)
axis.legend(loc="lower right");

# %% id="kinds"
kinds = things.groupby("kind").agg(
    devices=("code", "nunique"), measures=("quantity", lambda names: ", ".join(dict.fromkeys(names))),
    every_s=("interval_s", "min"), space=("space", "first"), example=("name_en", "first"),
)
print(f"{things.code.nunique()} devices of {len(kinds)} kinds")
kinds

# %% [markdown] id="wot"
# What a device can do is said in a **Thing Description**, a standard of the W3C: a program that has never met this
# vendor can read its properties, their units and limits, and the commands that it takes.

# %% id="description"
import json

from twin_sandbox.things.description import thing_description

pump = things[things.kind == "pump_status"].code.iat[0]
print(json.dumps(thing_description(district, pump), indent=1, ensure_ascii=False)[:1800], "…")

# %% [markdown] id="days"
# What does each of them tell? Here is a **typical curve** of a day for each quantity (the text of `reference_observations`
# says so, and from where). No engine has run for it: in a run, devices tell what the engines found, as the second tour shows.

# %% id="a_day"
from twin_sandbox.things.reference import reference_observations

rng = np.random.default_rng(1)
day = reference_observations(district, pd.Timestamp("2026-07-18 00:00", tz="Asia/Shanghai"), 24, rng).table
shown = day.merge(things.reset_index()[["datastream", "kind", "quantity", "unit"]], on="datastream")
firsts = shown.drop_duplicates(["kind", "quantity"])[["kind", "quantity", "datastream", "unit"]]
columns = 6
figure, axes = plt.subplots(-(-len(firsts) // columns), columns, figsize=(15, 1.75 * -(-len(firsts) // columns)),
                            layout="constrained")
for axis in axes.flat:
    axis.axis("off")
for axis, (kind, quantity, stream, unit) in zip(axes.flat, firsts.itertuples(index=False), strict=False):
    one = shown[shown.datastream == stream]
    axis.axis("on")
    axis.plot(one.time, one.value, linewidth=1.1, color="#1f5f8b")
    axis.set_title(f"{kind.replace('_', ' ')}\n{quantity} [{unit}]", fontsize=7.5)
    axis.set_xticks([])
    axis.tick_params(labelsize=6)

# %% [markdown] id="storm"
# Now a run: a storm of ten years, at high tide, in sewers (EPA SWMM) and on the streets. The devices there then report
# what *that run* says.

# %% id="run"
start = pd.Timestamp("2026-07-18 18:00", tz="Asia/Shanghai")
storm = Scenario("ten-year storm", start, 5, Storm.chicago(10), start + pd.Timedelta("1h"),
                 Tide(0.0, 2.8, start + pd.Timedelta("2h")))
result = twin.run(storm)
print(result)
twin.map(result)

# %% [markdown] id="faults"
# ## 6. How devices fail
#
# A device that never fails exists in brochures. Seven faults change what a device *measures*; each is drawn from a
# stated distribution, and its truth is kept (here you may see it; in a lab you may not). Grey: what was true.
# Orange: what the device says.

# %% id="sensor_faults"
from twin_sandbox.things import faults

level = result.water.levels_m[things.loc["level-03", "host"]].resample("1min").interpolate()
examples = {
    "noise: every value is a little off": faults.Noise("level-03", sd=0.06),
    "gap: the radio is silent": faults.Gap("level-03", count=3, mean_minutes=25),
    "drift: the zero point creeps away": faults.Drift("level-03", rate_per_h=0.35, begins=0.3),
    "bias: it slipped on its mount": faults.Bias("level-03", offset=0.5, begins=0.45),
    "stuck: a frozen register": faults.Stuck("level-03", begins=0.3, lasts=0.35),
    "spike: single wild values": faults.Spike("level-03", mean_count=6, size=1.5),
    "clock skew: right values, wrong times": faults.ClockSkew("level-03", seconds=1800),
}
figure, axes = plt.subplots(2, 4, figsize=(15, 5.6), layout="constrained", sharex=True, sharey=True)
axes[1, 3].axis("off")
for axis, (title, fault) in zip(axes.flat, examples.items(), strict=False):
    told = faults.apply(level, fault, np.random.default_rng(4)).series
    axis.plot(level.index, level, color="#9aa0a6", linewidth=2.4)
    axis.plot(told.index, told.where(told.index.to_series().diff() < pd.Timedelta("2min")), color="#d55e00", linewidth=1.1)
    axis.set_title(title, fontsize=9)
    axis.set_xticks([])

# %% [markdown] id="message_faults"
# Five more happen on the way: two devices swap their names, a message comes twice, late, after its successors, or cannot
# be read at all. The store takes each observation once, and sets aside what it can't read, with the reason.

# %% id="messages"
import tempfile

from twin_sandbox.things.store import Store
from twin_sandbox.things.ingest import ingest
from twin_sandbox.things.messages import Duplicate, Late, OutOfOrder, PoisonMessage, SwappedIdentity, messages

observed = twin.observe(result, np.random.default_rng(2))
ways = [
    SwappedIdentity("level-03", "level-05", begins=0.5), Duplicate("level-02", share=0.3), Late("level-04", median_s=600),
    OutOfOrder("level-06", share=0.3), PoisonMessage("rain-01", share=0.2),
]
sent = messages(things, observed, np.random.default_rng(3), ways)
with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/observations.sqlite") as store:
    taken = ingest(things, sent.table, store)
print(taken)
sent.table[["arrival", "topic", "payload"]].head(6)

# %% id="message_pictures"
sequence = sent.table.assign(stream=sent.table.topic.str.rsplit("/").str[-1])
figure, axes = plt.subplots(1, 4, figsize=(15, 3.4), layout="constrained")
true = observed.pivot(index="time", columns="datastream", values="value")
for name, colour in (("level-03", "#0072b2"), ("level-05", "#d55e00")):
    axes[0].plot(true.index, true[name], color="#c9ccd1", linewidth=4)
    told = [json.loads(text) for text in sequence[sequence.stream == name].payload]
    axes[0].plot(pd.to_datetime([one["time"] for one in told]), [one["value"] for one in told], color=colour, label=name)
axes[0].set_xticks([])
axes[0].set_title("swapped identity from half-time on", fontsize=9)
axes[0].legend(fontsize=7)
twice = sequence[sequence.stream == "level-02"].sequence.value_counts().sort_index()
axes[1].bar(twice.index, twice, color=np.where(twice > 1, "#d55e00", "#c9ccd1"))
axes[1].set_title("duplicate: times that each message came", fontsize=9)
for axis, stream, title in ((axes[2], "level-04", "late: delay of each message [min]"),
                            (axes[3], "level-06", "out of order: sequence by arrival")):
    own = sequence[sequence.stream == stream].sort_values("arrival")
    if stream == "level-04":
        stamps = pd.to_datetime(own.payload.map(lambda text: json.loads(text)["time"]))
        axis.bar(own.sequence, (own.arrival.to_numpy() - stamps.to_numpy()) / pd.Timedelta("1min"), color="#d55e00")
    else:
        axis.plot(np.arange(len(own)), own.sequence, marker=".", color="#d55e00")
    axis.set_title(title, fontsize=9)

# %% [markdown] id="poison"
# And the poison messages, as they came:

# %% id="poisoned"
poisoned = [message for message in sent.truth if message["fault"] == "poisonmessage"]
for payload in sequence[sequence.stream == "rain-01"].payload:
    try:
        readable = isinstance(json.loads(payload, parse_constant=str)["value"], int | float)
    except ValueError:
        readable = False
    if not readable:
        print(payload)

# %% [markdown] id="formats"
# ## 7. In other programs' files
#
# The district travels as GeoParquet, GeoPackage, GeoJSON, CityJSON, EPANET and SWMM input, and comes back. Here the
# buildings go out as closed solids with roofs, and are read again.

# %% id="cityjson"
from twin_sandbox import formats

with tempfile.TemporaryDirectory() as folder:
    formats.write(district, "cityjson", f"{folder}/quay.city.json")
    back = formats.read(f"{folder}/quay.city.json")["buildings"]
area = twin.entities["buildings"].area
print(f"{len(back)} buildings; greatest change of a ground area: {(back.area - area[back.index]).abs().max():.4f} m²")

# %% [markdown] id="hidden"
# ## 8. The district behind the district
#
# What you have seen is the **public model**: the district as designed. In a lab, the *real* one is a little different:
# an old sewer is rougher, a gully is full of leaves, a main leaks, a sensor lies. How, is drawn for each student from a
# key that only the course holds. You never see it. You see what its devices report, and what happens when you act.

# %% id="rougher"
from twin_sandbox import Reality

real = twin.run(storm, reality=Reality(trunk_roughness_n=0.026, inlet_factor=0.6))
both = pd.DataFrame({"as designed": result.water.street_depth_m.max(), "as it might be": real.water.street_depth_m.max()})
both.set_index(twin.entities["low_areas"].name_en).plot.barh(figsize=(9, 4.4), color=["#9aa0a6", "#0072b2"],
                                                          xlabel="greatest depth of water in a ten-year storm [m]", ylabel="");

# %% [markdown] id="end"
# ## What is real here, and what is simplified
#
# - **Drawn by rules**: streets, buildings, pipes and cables follow the spacings, diameters, slopes and ratings of
#   Chinese standards; `practicum district check` lists each figure with its range and source.
# - **Sample people**: their ages, households, jobs and trips have the statistics of a coastal city, and nobody's data.
# - **Engines**: this tour ran sewers and streets alone. Water supply, power, traffic, heat, buildings and people have
#   engines too, which run with the storm on one clock: the second tour, `living.ipynb` beside this one, sets them going.
# - **Simplified**: streets in cells of 10 m; buildings without rooms; ground flat in the 3-D view.
#
# Now take the first lab.
