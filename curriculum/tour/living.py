# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] id="title"
# # The living district
#
# The first tour showed what Gulls' Quay (鸥港) holds. This one sets it going: rain falls, pumps start, people go to work,
# lamps draw current. **The district is a sample, not a real place**; the programs that compute it are real, the same that
# water companies, grid operators and traffic planners use. Nothing here is graded.
#
# Run the cells from top to bottom with Shift+Enter. Every run is a few seconds. Change something and run it again.

# %% id="open"
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

import twin_sandbox
from twin_sandbox import Reality, Scenario, Storm, Tide, TwinError, kpi
from twin_sandbox.world.assemble import assemble
from twin_sandbox.world.session import Session

twin = twin_sandbox.open_district()
WEDNESDAY = pd.Timestamp("2026-07-15 00:00", tz="Asia/Shanghai")
WINTER_DAY = pd.Timestamp("2026-01-14 00:00", tz="Asia/Shanghai")
WEST, SOUTH, EAST, NORTH = twin.terrain.bounds_m


def ports(scenario):
    """What the engines of a scenario take and give: entities, unit and meaning of every port."""
    rows = [
        (name, way, quantity, len(port.codes), port.unit, port.means)
        for name, engine in assemble(twin.district, scenario, Reality()).items()
        for way, some in (("takes", engine.takes), ("gives", engine.gives))
        for quantity, port in some.items()
    ]
    table = pd.DataFrame(rows, columns=["engine", "", "quantity", "entities", "unit", "means"])
    return table.style.hide(axis="index").set_properties(**{"text-align": "left"})


def hours(table):
    """Hours of the day, for the axis of a picture."""
    return (table.index - table.index[0].normalize()) / pd.Timedelta("1h")


def ground(axis, title):
    """A quiet ground plan to draw on."""
    sea = np.where(twin.terrain.land_cover == 0, 1.0, np.nan)
    axis.imshow(sea, extent=(WEST, EAST, SOUTH, NORTH), cmap="Blues", vmin=0, vmax=3, interpolation="nearest")
    twin.entities["buildings"].plot(ax=axis, color="#e6e2da", linewidth=0)
    axis.set(title=title, xticks=[], yticks=[], xlim=(WEST, EAST), ylim=(SOUTH + 120, NORTH))
    axis.set_aspect("equal")
    axis.axis("off")


def coloured(axis, table, values, label, low, high, colours, width=2.2):
    """The lines of a table, coloured by one value each."""
    lines = twin.entities[table].geometry[values.index]
    drawn = LineCollection([np.asarray(line.coords)[:, :2] for line in lines], linewidths=width, cmap=colours, zorder=3)
    drawn.set_array(values.to_numpy())
    drawn.set_clim(low, high)
    axis.add_collection(drawn)
    axis.figure.colorbar(drawn, ax=axis, label=label, shrink=0.7)


# %% [markdown] id="engines"
# ## 1. The engines, one at a time
#
# An **engine** is an adapter over a library that professionals trust, or over a published scheme. It *takes* some
# quantities and *gives* others, each of entities with unified codes and in a stated unit: these are its **ports**. What
# it isn't given it works out for itself; left alone it gives what its library gives alone.
#
# ### People: where everyone is
#
# No library: the district's own tables say who lives, works and learns where, and when they go. The engine keeps the
# books, minute by minute; nobody is ever lost or in two places. From where people are follows what water they draw and
# how busy a building is.

# %% id="people_ports"
an_ordinary_day = {"start": WEDNESDAY, "horizon_h": 24, "report_step_s": 900}
people_alone = Scenario("people alone", engines=("people",), **an_ordinary_day)
ports(people_alone)

# %% id="people"
people = twin.run(people_alone)
where = people["people.whereabouts"]
use = twin.entities["buildings"]["use"]
occupants = people["people.occupants"].T.groupby(use).sum().T
figure, axes = plt.subplots(1, 2, figsize=(13, 3.8), layout="constrained")
axes[0].stackplot(hours(where), where.T, labels=[name.replace("_", " ") for name in where], colors=plt.cm.Set2.colors)
axes[0].set(title="Where people are", ylabel="people", xlabel="hour", xlim=(0, 23.75))
axes[0].legend(loc="lower left", fontsize=8)
for name in occupants.max().nlargest(6).index:
    axes[1].plot(hours(occupants), occupants[name], label=name)
axes[1].set(title="People in buildings, by use", xlabel="hour", xlim=(0, 23.75))
axes[1].legend(fontsize=8);

# %% [markdown] id="buildings_text"
# ### Buildings and sun: rooms by ISO 13790, panels by pvlib
#
# Each building is five thermal resistances and one capacity, the *simple hourly method* of **EN ISO 13790**: from sun, air
# and people follow the temperature of its rooms, what heat or cold it asks for, and what current it draws. **pvlib**
# computes what panels on roofs yield; each sees its own horizon of houses and hills. Neither takes anything that it
# couldn't do without.

# %% id="buildings_ports"
rooms_and_sun = Scenario("rooms and sun", engines=("buildings", "sun"), **an_ordinary_day)
ports(rooms_and_sun)

# %% id="buildings"
rooms = twin.run(rooms_and_sun)
indoor, electric, roofs = rooms["buildings.indoor_c"], rooms["buildings.electric_kw"], rooms["sun.pv_kw"]
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
homes = indoor[use.index[use == "residential"]]
axes[0].fill_between(hours(homes), *homes.quantile([0.1, 0.9], axis=1).to_numpy(), color="#e3b58c", label="8 of 10 houses")
axes[0].plot(hours(homes), homes.median(axis=1), color="#a4501d", label="median")
air = rooms_and_sun.weather_or_ordinary().at(rooms.times)["temperature_c"]
axes[0].plot(hours(indoor), air, color="#5a87a8", linestyle="--", label="outside")
axes[0].set(title="Air in rooms of homes [°C]", xlabel="hour")
axes[0].legend(fontsize=8)
axes[1].plot(hours(electric), electric.sum(axis=1) / 1000, color="#9b2f6d")
axes[1].set(title="What all buildings draw [MW]", xlabel="hour", ylim=(0, None))
axes[2].plot(hours(roofs), roofs.sum(axis=1) / 1000, color="#d9a400")
axes[2].set(title="What the roofs yield [MW]", xlabel="hour");

# %% [markdown] id="heat_text"
# ### Heat: hot water under way
#
# In winter a station sends water of 120 °C through pairs of pipes to 30 substations. The engine follows the water as
# *plugs*, first in, first out (the *node method*), and the exchangers in the substations. It takes what the houses ask for,
# so the rooms run with it.

# %% id="heat_ports"
a_winter_day = Scenario("heat in winter", WINTER_DAY, 24, engines=("buildings", "heat"), report_step_s=900)
ports(a_winter_day)

# %% id="heat"
winter = twin.run(a_winter_day)
supply_c, source_kw = winter["heat.supply_c"].iloc[4:], winter["heat.source_kw"].iloc[4:]
asked = winter["heat.heat_supplied_kw"].iloc[4:].sum(axis=1)
figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained", width_ratios=(1, 1.15))
axes[0].plot(hours(source_kw), source_kw.sum(axis=1) / 1000, color="#8c2d04", label="the station puts in")
axes[0].plot(hours(source_kw), asked / 1000, color="#d55e00", label="the houses get")
axes[0].set(title="Heat on a day in January [MW]", xlabel="hour", ylim=(0, None))
axes[0].legend()
ground(axes[1], "Water as it comes to each substation (sample district)")
twin.entities["heat_pipes"].plot(ax=axes[1], color="#e0a184", linewidth=1.4, zorder=2)
stations = twin.entities["heat_substations"].geometry[supply_c.columns].centroid
dots = axes[1].scatter(stations.x, stations.y, c=supply_c.mean(), cmap="inferno", s=55, zorder=4)
figure.colorbar(dots, ax=axes[1], label="°C, mean of the day", shrink=0.7);

# %% [markdown] id="supply_text"
# ### Water supply: EPANET
#
# **EPANET**, by the US Environmental Protection Agency, is what water companies compute networks with: pressure, flow and
# chlorine in every main. Here demands depend on pressure (*pressure-driven analysis*), tall houses have their tanks and
# booster pumps, and every litre is counted.

# %% id="supply_ports"
supply_alone = Scenario("water supply alone", engines=("supply",), **an_ordinary_day)
ports(supply_alone)

# %% id="supply"
water = twin.run(supply_alone)
inflow, pressure = water["supply.inflow_m3s"].sum(axis=1) * 1000, water["supply.pressure_m"]
busiest = inflow.iloc[1:].idxmax()
figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained", width_ratios=(1, 1.15))
axes[0].plot(hours(pressure), inflow, color="#0072b2")
axes[0].axvline((busiest - WEDNESDAY) / pd.Timedelta("1h"), color="#9aa0a6", linestyle=":")
axes[0].set(title="What the city's two mains give [L/s]", xlabel="hour", ylim=(0, None))
ground(axes[1], f"Pressure at the greatest hour, {busiest:%H:%M} (sample district)")
pipes = twin.entities["water_pipes"]
mean_head = pd.Series([pressure.loc[busiest].reindex([a, b]).mean() for a, b in zip(pipes.from_code, pipes.to_code)], pipes.index)
coloured(axes[1], "water_pipes", mean_head.dropna(), "head [m]", 30, 45, "viridis")

# %% [markdown] id="power_text"
# ### Power: power-grid-model
#
# **power-grid-model** (LF Energy) solves the flow in the whole network, from two 10 kV feeds to each building's service:
# voltages, loads of cables and transformers, losses. The engine adds what moves between two solutions: batteries, tap
# changers, diesel sets, switchboards under water, breakers.

# %% id="power_ports"
power_alone = Scenario("power alone", engines=("power",), **an_ordinary_day)
ports(power_alone)

# %% id="power"
power = twin.run(power_alone)
voltage, feed = power["power.voltage_pu"], power["power.feed_kw"]
peak = power["power.served_kw"].sum(axis=1).idxmax()
figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained", width_ratios=(1, 1.15))
axes[0].stackplot(hours(feed), feed.T / 1000, labels=["Feed 1", "Feed 2"], colors=["#9b2f6d", "#d9a3c1"])
axes[0].plot(hours(feed), power["power.pv_given_kw"].sum(axis=1) / 1000, color="#d9a400", label="roofs")
axes[0].set(title="What the grid's feeds and the roofs give [MW]", xlabel="hour")
axes[0].legend(fontsize=8)
ground(axes[1], f"Voltage at the peak, {peak:%H:%M} (sample district)")
cables = twin.entities["power_lines"]
coloured(axes[1], "power_lines", voltage.loc[peak].reindex(cables.to_code).set_axis(cables.index).dropna(), "voltage by the rated one", 0.98, 1.03, "plasma", 1.6)

# %% [markdown] id="traffic_text"
# ### Traffic: SUMO
#
# **SUMO**, of the German Aerospace Center, moves every vehicle over streets and crossings; here in its *mesoscopic* model,
# in which vehicles queue in segments of streets. The trips are those of the table `trips`, with buses and traffic that
# only passes through.

# %% id="traffic_ports"
morning = Scenario("a morning's traffic", WEDNESDAY + pd.Timedelta("7h"), 2, engines=("traffic",))
ports(morning)

# %% id="traffic"
traffic = twin.run(morning)
vehicles, speed = traffic["traffic.vehicles"].iloc[1:], traffic["traffic.speed_kmh"].iloc[1:]
mean_kmh = (vehicles * speed.fillna(0)).sum() / vehicles.sum().where(vehicles.sum() > 0)
flow = traffic["traffic.flow_vehicles_h"].iloc[1:].mean()
figure, axis = plt.subplots(figsize=(8.6, 6.2), layout="constrained")
ground(axis, "Speed of vehicles, 7 to 9 h; width by flow (sample district)")
coloured(axis, "streets", mean_kmh.dropna(), "km/h", 5, 40, "RdYlGn", 1 + flow[mean_kmh.dropna().index] / 180)

# %% [markdown] id="drainage_text"
# ### Drainage: SWMM below, shallow water above
#
# **EPA SWMM** computes rain, runoff and sewers. What a full sewer cannot take stands and runs on the streets: there a
# *local-inertial* scheme, a shallow-water model of flood studies, moves it over the ground in two dimensions. The two
# exchange water at 847 gullies every five seconds. The grid is 10 m here; 5 m is finer and four times the work.

# %% id="drainage_ports"
begins = WEDNESDAY + pd.Timedelta("17h")
storm_night = Scenario(
    "storm of 30 years", begins, 2.5, Storm.chicago(30), begins + pd.Timedelta("15min"),
    Tide(0.0, 2.8, begins + pd.Timedelta("64min")), engines=("drainage",), grid_m=10,
)
ports(storm_night)

# %% id="drainage"
with Session(twin.district, storm_night) as session:
    inland = session.clock.engines["drainage"].model.inland
    storm = session.result()
tank = twin.entities["storages"].index[0]
deepest = storm.finished["drainage"].records.deepest_m
figure, axes = plt.subplots(1, 2, figsize=(13, 4.8), layout="constrained", width_ratios=(1, 1.25))
since = (storm.times - begins) / pd.Timedelta("1min")
axes[0].plot(since, storm["drainage.level_m"][tank], color="#2f7d5b", label="water in the tank")
axes[0].plot(since, storm_night.tide.level_m(storm.times), color="#8a97a8", label="sea")
axes[0].step(since, (storm["drainage.pump_kw"] > 0).sum(axis=1), color="#c4553d", label="pumps running")
axes[0].set(title="Tank, sea and pumps [m above datum; number]", xlabel="minutes")
axes[0].legend(fontsize=8)
ground(axes[1], "Deepest water on the streets (sample district)")
shown = axes[1].imshow(np.where((deepest > 0.05) & inland, deepest, np.nan), extent=(WEST, EAST, SOUTH, NORTH), cmap="YlGnBu", vmin=0, vmax=0.8, zorder=3)
figure.colorbar(shown, ax=axes[1], label="m, above 5 cm", shrink=0.7);

# %% [markdown] id="water_map_text"
# The same water in 3-D. Drag to move, Ctrl and drag to turn, scroll to come nearer.

# %% id="water_map"
twin.map(storm)

# %% [markdown] id="balance"
# Every run shows its balance: what came in, went out and stayed, and what is unaccounted for.

# %% id="balances"
pd.Series(storm.balances["drainage"]).round(4).to_frame("m³, shares")

# %% [markdown] id="coupling"
# ## 2. Acting on each other
#
# One **clock** steps all engines of a run. What one gives another takes over **wires**: a file of a few lines each says
# which, and why. Both ends speak of the same entities, so a wire needs no more than two names.

# %% id="wires"
from twin_sandbox.world.wiring import Wire, Wiring, read_wiring

wiring = read_wiring()
pd.DataFrame([(str(wire), wire.delay_s, wire.why) for wire in wiring.wires], columns=["wire", "delay [s]", "why"])

# %% [markdown] id="flood_text"
# ### Water slows a street
#
# The same evening, with a storm of 50 years, drainage and traffic together. First with the wire from depth to traffic
# cut, then as it is. Vehicles slow down in water and turn back before 30 cm of it (Pregnolato et al. 2017).

# %% id="flood"
def wet_evening(name, **more):
    return Scenario(
        name, begins, 2, Storm.chicago(50), begins + pd.Timedelta("15min"),
        Tide(0.0, 2.8, begins + pd.Timedelta("64min")), engines=("drainage", "traffic"), grid_m=10, **more,
    )


dry_minds = twin.run(wet_evening("wire cut"), wiring=wiring.without("drainage.street_depth_m"))
coupled = twin.run(wet_evening("as it is"))
names = twin.entities["streets"]["name_en"]
depth = coupled["drainage.street_depth_m"]
busy = dry_minds["traffic.flow_vehicles_h"].mean() * depth.max().reindex(dry_minds["traffic.flow_vehicles_h"].columns)
street = busy.drop(index=names[names == "Lotus Underpass"].index).idxmax()
since = (coupled.times - begins) / pd.Timedelta("1min")
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
axes[0].plot(since, depth[street] * 100, color="#0072b2")
axes[0].axhline(30, color="#9aa0a6", linestyle=":")
axes[0].set(title=f"Water on {names[street]} [cm]", xlabel="minutes")
for result, colour in ((dry_minds, "#9aa0a6"), (coupled, "#d55e00")):
    axes[1].plot(since[1:], result["traffic.speed_kmh"][street].iloc[1:], color=colour, label=result.scenario.name)
    axes[2].plot(since, result["traffic.vehicles"].sum(axis=1), color=colour, label=result.scenario.name)
axes[1].set(title="Speed there [km/h]", xlabel="minutes", ylim=(0, None))
axes[2].set(title="Vehicles on all streets", xlabel="minutes")
axes[2].legend();

# %% [markdown] id="controller_text"
# ### Someone acts: a session with a controller
#
# `twin.session` stops at each control step, so that a program (or you) can look and act. This one shuts a street as soon
# as 15 cm stand on it, and opens it again when it is passable. `session.sees` and `session.sets` list what can be seen
# and set.

# %% id="controller"
with twin.session(wet_evening("streets shut early"), step_s=300) as session:
    orders = 0
    drivable = session.clock.engines["traffic"].takes["closed"].codes
    shut = dict.fromkeys(drivable, 0.0)
    while not session.done:
        wet = session.see("drainage.street_depth_m").reindex(drivable)
        wanted = {code: float(wet[code] > 0.15) for code in drivable}
        changed = {code: state for code, state in wanted.items() if state != shut[code]}
        shut, orders = wanted, orders + len(changed)
        session.step({"traffic.closed": changed} if changed else {})
    guarded = session.result()
print(f"{orders} orders to shut or open a street")

# %% [markdown] id="kpi_text"
# ### Key figures
#
# Was it worth it? `kpi.told` gives every key figure that a result allows, each with its unit and definition.

# %% id="kpis"
runs = (dry_minds, coupled, guarded)
table = pd.DataFrame({run.scenario.name: {name: one["value"] for name, one in kpi.told(run).items()} for run in runs})
table.assign(unit={name: one["unit"] for name, one in kpi.told(coupled).items()},
             definition={name: one["definition"] for name, one in kpi.told(coupled).items()}).round(2)

# %% [markdown] id="outage_text"
# ### A power cut and the taps above
#
# In the evening the cable from the grid to a switching station fails. Booster pumps in tall houses stand still with it; a
# tank on the roof lasts a while. This scenario is one of the samples, in YAML. It is text: read it, change it, run it.

# %% id="outage_file"
from twin_sandbox.data import data_folder
from twin_sandbox.world.scenario_file import read_scenario

samples = data_folder("datasets") / "gulls_quay" / "scenarios"
print((samples / "feeder_outage.yaml").read_text(encoding="utf-8"))

# %% id="outage"
outage = twin.run(read_scenario(samples / "feeder_outage.yaml", twin.district))
dark = (outage["power.energised"][outage["buildings.electric_kw"].columns] < 0.5).sum(axis=1)
head = outage["supply.service_pressure_m"]
roof = outage["supply.roof_tank_m3"]
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
axes[0].step(hours(head), dark, color="#333333", where="post")
axes[0].set(title="Buildings without power", xlabel="hour")
axes[1].plot(hours(head), roof.sum(axis=1), color="#5b3a8c")
axes[1].set(title="Water in the tanks on roofs [m³]", xlabel="hour", ylim=(0, None))
axes[2].plot(hours(head), (head <= 0).sum(axis=1), color="#0072b2")
axes[2].set(title="Buildings whose uppermost tap is dry", xlabel="hour")
for axis in axes:
    axis.axvspan(18.5, 20, color="#f0e3d0", zorder=0)

# %% [markdown] id="heat_wave_text"
# ### A heat wave
#
# Hotter air warms the rooms; cooling draws current; voltages sink, and tap changers at the feeds answer. Cooling is
# computed by the rooms, carried by a wire, and felt by the grid.

# %% id="heat_wave"
from twin_sandbox.world.weather import Weather

together = ("people", "buildings", "sun", "power")
ordinary = twin.run(Scenario("ordinary", engines=together, **an_ordinary_day))
hot_air = Weather.heat_wave(WEDNESDAY, 86400, highest_c=37)
hot = twin.run(Scenario("heat wave", engines=together, weather=hot_air, **an_ordinary_day))
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
for result, colour in ((ordinary, "#5a87a8"), (hot, "#c0392b")):
    label = result.scenario.name
    axes[0].plot(hours(electric), result["buildings.cooling_kw"].sum(axis=1) / 1000, color=colour, label=label)
    axes[1].plot(hours(electric), result["power.transformer_load"].max(axis=1) * 100, color=colour)
    live = result["power.voltage_pu"].where(lambda volt: volt > 0)
    axes[2].plot(hours(electric), live.min(axis=1), color=colour)
axes[0].set(title="Heat that cooling takes out of rooms [MW]", xlabel="hour")
axes[0].legend()
axes[1].set(title="Load of the busiest transformer [%]", xlabel="hour")
axes[2].set(title="Lowest voltage, by the rated one", xlabel="hour");

# %% [markdown] id="yaml_text"
# ## 3. A scenario of your own
#
# A scenario says when, which weather, what fails and who takes part. Write one; mistakes are named all at once, with
# line and fix, before anything runs. Here are some.

# %% id="yaml_mistakes"
try:
    read_scenario("""
name: My evening
start: 2026-07-15 17:00
horizon_h: 6
engines: [suply, power]
faults:
  - {kind: pipe_brake, pipe: SB010002FWP00016, coefficient: 0.02, start: "+0:30"}
""", twin.district)
except TwinError as error:
    print(error)

# %% id="yaml"
burst = read_scenario("""
name: A main bursts at the harbour
start: 2026-07-15 17:00+08:00
horizon_h: 3
engines: [people, supply, power]
report_step_s: 300
faults:
  - {kind: pipe_break, pipe: SB010002FWP00016, coefficient: 0.02, start: "+0:30"}
""", twin.district)
burst.events

# %% [markdown] id="devices_text"
# ## 4. Devices, and a command to a valve
#
# People in a control room don't see the truth: they see what devices report, with their noise and at their intervals. And
# they act by commands to devices. This operator knows the pressure sensor in Harbour Road and one valve with an actuator.
# The command is checked against the device's Thing Description, logged, and acts at the next step.

# %% id="valve"
from twin_sandbox.things.commands import Command, CommandLog

things = twin.things
sensor = things.loc["pressure-05"]
actuator = things.loc["valve-01", "code"]
log = CommandLog(twin.district)
with twin.session(burst, step_s=300) as session:
    while not session.done:
        if session.see("supply.pressure_m")[sensor.host] < 36 and log.table().empty:
            status = log.send(Command(actuator, "set_opening", 0.0, session.time + pd.Timedelta("30min")))
            print(f"{session.time:%H:%M}: pressure is low. Half an hour to find the place; the valve is ordered shut: {status}")
        session.step(log.due(session.time, session.sets))
    mended = session.result()
log.table()

# %% id="observed"
left_alone = twin.run(burst)
told = twin.observe(mended, np.random.default_rng(5))
by_sensor = told[told.datastream == "pressure-05"]
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
axes[0].plot(hours(left_alone["supply.pressure_m"]), left_alone["supply.pressure_m"][sensor.host], color="#c9ccd1", label="if nobody acts")
axes[0].plot(hours(mended["supply.pressure_m"]), mended["supply.pressure_m"][sensor.host], color="#0072b2", label="true")
axes[0].set(title=f"Head at {sensor.name_en} [m]", xlabel="hour", ylim=(0, 48))
axes[0].legend(loc="lower right")
clock = (by_sensor.time - WEDNESDAY) / pd.Timedelta("1h")
axes[1].plot(clock, by_sensor.value, ".", color="#d55e00", label="the device says")
axes[1].plot(hours(mended["supply.pressure_m"]), mended["supply.pressure_m"][sensor.host] * 0.00980665, color="#0072b2", linewidth=1, label="true")
axes[1].set(title="The same as the device tells it [MPa]", xlabel="hour", ylim=(0, 0.47))
axes[1].legend(loc="lower right")
axes[2].plot(hours(left_alone["supply.leak_m3s"]), left_alone["supply.leak_m3s"].sum(axis=1) * 1000, color="#c9ccd1", label="if nobody acts")
axes[2].plot(hours(mended["supply.leak_m3s"]), mended["supply.leak_m3s"].sum(axis=1) * 1000, color="#0072b2", label="with the order")
axes[2].set(title="What the burst lets out [L/s]", xlabel="hour")
axes[2].legend()
print(f"{told.datastream.nunique()} datastreams report this run")

# %% [markdown] id="save_text"
# ## 5. Save, resume, many at once
#
# A session can be saved and taken up again, in another program or on another day: it goes on as if it had never stopped.

# %% id="resume"
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    with twin.session(burst, step_s=900) as session:
        session.step({"supply.valve_open": {things.loc["valve-01", "host"]: 0.5}})
        session.step()
        saved = session.save(Path(folder) / "evening.json")
        at_once = session.result()
    with twin.resume(saved) as session:
        print("taken up at", session.time)
        later = session.result()
same = all(np.array_equal(at_once[name], later[name], equal_nan=True) for name in at_once.quantities)
print("every value is the same:", same)

# %% [markdown] id="ensemble_text"
# `twin.ensemble` runs many scenarios at once, each in a process of its own (or on a Dask cluster by its address). Two
# storms, side by side:

# %% id="ensemble"
def with_storm(years):
    return Scenario(
        f"{years} years", begins, 1.5, Storm.chicago(years), begins, Tide(0.0, 2.8, begins + pd.Timedelta("49min")),
        engines=("people", "drainage"), grid_m=10,
    )


small, large = twin.ensemble([with_storm(3), with_storm(100)], jobs=2, progress=lambda done, of: print(f"{done} of {of}"))
figure, axis = plt.subplots(figsize=(9, 3.4), layout="constrained")
for result, colour in ((small, "#6fb1d6"), (large, "#1e3f7a")):
    over = (result["drainage.street_depth_m"] > 0.15).sum(axis=1)
    axis.step((result.times - begins) / pd.Timedelta("1min"), over, color=colour, label=f"storm of {result.scenario.name}")
axis.set(title="Streets with more than 15 cm of water (sample district)", xlabel="minutes")
axis.legend();

# %% [markdown] id="noise_text"
# ## 6. An engine of your own
#
# Noise has devices in this district and no engine yet. Here is one. Traffic noise beside a road, by the British procedure
# *Calculation of Road Traffic Noise* (CRTN, 1988, charts 3 and 4): from flow *q* [vehicles/h] and speed *V* [km/h], the level
# that is exceeded for a tenth of an hour, 10 m from the kerb, without lorries:
#
# $$L_{10} = 42.2 + 10 \log_{10} q + 33 \log_{10}(V + 40 + 500/V) - 68.8 \quad \mathrm{dB(A)}$$
#
# Three calls and two sets of ports are all that the clock asks for. Then two wires bring it flow and speed from traffic.

# %% id="noise_engine"
from twin_sandbox.engines.protocol import Finished, Outputs, Port


class RoadNoise:
    """L10 beside streets, 10 m from the kerb, by CRTN (1988); 20 to 300 km/h, from 50 vehicles an hour on."""

    step_s = 60

    def __init__(self, streets):
        codes = tuple(streets)
        self.takes = {"flow_vehicles_h": Port(codes, "1/h", "vehicles that pass"), "speed_kmh": Port(codes, "km/h", "their speed")}
        self.gives = {"l10_db": Port(codes, "dB", "level exceeded for a tenth of the time")}

    def start(self):
        return Outputs(0.0, {"l10_db": np.full(len(self.takes["speed_kmh"].codes), np.nan)})

    def step(self, until_s, inputs):
        flow = np.where(inputs["flow_vehicles_h"] >= 50, inputs["flow_vehicles_h"], np.nan)
        speed = np.clip(inputs["speed_kmh"], 20, 300)
        level = 42.2 + 10 * np.log10(flow) + 33 * np.log10(speed + 40 + 500 / speed) - 68.8
        return Outputs(until_s, {"l10_db": level})

    def finish(self):
        return Finished()

    def close(self):
        pass


# %% id="noise"
rush = Scenario("rush hour", WEDNESDAY + pd.Timedelta("7.5h"), 1, engines=("traffic",))
engines = assemble(twin.district, rush, Reality())
engines["noise"] = RoadNoise(engines["traffic"].gives["speed_kmh"].codes)
own_wires = [Wire("traffic", quantity, "noise", quantity) for quantity in ("flow_vehicles_h", "speed_kmh")]
own_wiring = Wiring((*wiring.wires, *own_wires), wiring.every_s)
with Session(twin.district, rush, wiring=own_wiring, engines=engines) as session:
    loud = session.result()["noise.l10_db"]
level = loud.mean().dropna()
figure, axis = plt.subplots(figsize=(8.6, 6.2), layout="constrained")
ground(axis, "Traffic noise 10 m from the kerb, 7:30 to 8:30 (sample district)")
coloured(axis, "streets", level, "L10 [dB(A)], from 50 vehicles/h on", 55, 75, "magma_r", 3)

# %% [markdown] id="end"
# ## What is real here, and what is simplified
#
# - **Real**: the engines and their equations; each left alone gives what its library gives, and every run shows its balances.
# - **Sample**: the place, its people and firms, its weather. Figures are those of a seaside district of its kind, of no
#   real one.
# - **Simplified**: power is balanced three-phase without short circuits; the city's water mains hold their head whatever is
#   drawn; a building is one zone; gas and groundwater have no physics; a jam makes nobody late who is on foot. The guide,
#   `curriculum/guides/engines.md`, has a page on each engine with its sources and limits.
#
# The same from a terminal: `practicum twin run SCENARIO.yaml --out FOLDER` runs a scenario, `practicum twin check` prints
# each engine's figures beside the range that a specialist expects, `practicum twin bench` what it costs on your machine.
