# %% [markdown] id="title"
# # Storm night: rain meets high tide
#
# **Your seat:** operator on the night shift in the drainage control room of Gulls' Quay, a sample
# district that exists only here. **Time:** about 80 minutes. **You need:** pandas, reading a plot,
# writing a small function.
#
# Last night a storm crossed the district. Tonight another one is forecast, and this time it meets
# high tide: the gravity outlet will be shut, and every litre must be pumped. By the end of the shift you
# hand over three things: where water will stand, a program that runs the pumps, and one street to close,
# with the hours.
#
# Behind this notebook runs a mini-twin of the district: EPA SWMM in the sewers, and what they cannot take on the
# streets, where it runs over the ground in two dimensions, in cells of 10 m. The **public model** is the district
# as it was designed. The **real** district differs: its main sewer has aged, in a way that is yours alone.
# You never see it. You see what its sensors recorded.
#
# | what you do | points |
# |---|---|
# | repair the rain record | 3 |
# | find the sensor that lies | 2 |
# | compute how much water ran off | 2 |
# | say how rare the storm was | 2 |
# | calibrate the trunk sewer | 3 |
# | predict, then simulate, where water will stand | 3 |
# | write the pump controller | 4 |
# | choose a street to close, and when | 3 |
# | report to the morning shift (read by a person) | 4 |
#
# Run the cells from top to bottom with Shift+Enter. Where a cell says `YOUR CODE HERE`, it is yours to fill. The
# cell after it asks the course for a verdict; you may ask as often as you like while you practise.

# %% id="setup"
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from grader.student import check, submit

import twin_sandbox
from twin_sandbox import Reality, Scenario, Storm, Tide, kpi

twin = twin_sandbox.open_district()

# %% id="map"
twin.map()

# %% [markdown] id="see"
# ## 1. What the sensors saw
#
# `data/` holds your bundle. `ledger.csv` is the 台账, the ledger of devices: one row for each
# **datastream**, which is one quantity measured by one device. `observations.csv` is what they sent last
# night, from 18:00 to 21:30, every five minutes, in Beijing time (UTC+8).

# %% id="read"
ledger = pd.read_csv("data/ledger.csv", index_col="datastream")
observations = pd.read_csv("data/observations.csv", parse_dates=["time"])
observations["time"] = observations["time"].dt.tz_convert("Asia/Shanghai")
with open("data/last_night.json", encoding="utf-8") as file:
    night = json.load(file)

start = pd.Timestamp(night["start"]).tz_convert("Asia/Shanghai")
times = pd.date_range(start, start + pd.Timedelta(hours=night["horizon_h"]), freq="5min", name="time")
seen = observations.pivot_table(index="time", columns="datastream", values="value").reindex(times)
ledger[["kind", "quantity", "unit", "resolution", "host"]]

# %% [markdown] id="rain"
# ## 2. Repair the rain
#
# Two gauges stand in the district, and over one square kilometre it rains alike. `rain-01` lost its
# link for a while: a **gap**. `rain-02` sent everything, but its clock is set wrong: **clock skew**. Its
# times are all too late by the same whole number of five-minute steps.

# %% id="plot_rain"
seen[["rain-01", "rain-02"]].plot(figsize=(10, 3), ylabel="mm/h")
plt.show()

# %% [markdown] id="rain_task"
# ### Task: repair the rain record (3 points)
#
# Make `repaired_rain`, a Series: the rain intensity in mm/h of every five minutes of last night, at the times of
# `seen.index`, without a hole. Judged by its root mean square error against what really fell.

# %% answer="repaired_rain"
# repaired_rain = ...
# BEGIN SOLUTION
first, second = seen["rain-01"], seen["rain-02"]


def misfit(steps):
    shifted = second.shift(-steps)
    both = first.notna() & shifted.notna()
    return ((first - shifted)[both] ** 2).mean()


steps_late = min(range(0, 13), key=misfit)
repaired_rain = first.fillna(second.shift(-steps_late)).fillna(0.0)
# END SOLUTION

# %% check="repaired_rain" points=3

# %% [markdown] id="levels"
# ## 3. Find the sensor that lies

# %% id="plot_levels"
level_streams = [name for name in seen.columns if name.startswith("level-")]
axes = seen[level_streams].plot(subplots=True, figsize=(10, 1.3 * len(level_streams)), sharex=True, legend=True)
axes[0].set_title("Water level, m above the city datum")
plt.show()

# %% [markdown] id="public_model"
# A model is a second witness. The cell below runs the twin for last night with your repaired rain and puts
# the model's level beside each sensor's. They won't quite agree: the main sewer, the **trunk**, is older
# than designed, and how rough it has become is what you will find out in section 5. Until then the model
# takes a middling guess. A sensor that lies does so in a way that no sewer does: it repeats one value exactly
# (**stuck**), steps aside from one reading to the next and stays there (**jump**), or creeps away and never
# comes back (**drift**). Leave `level-01` alone: it sits in the sump, where pumps make the level jump honestly.

# %% id="last_night"
def tide_of(facts):
    """The tide as the harbour office gives it: mean level, range, time of high water, surge."""
    return Tide(facts["mean_m"], facts["range_m"], pd.Timestamp(facts["high_at"]), facts["surge_m"])


def scenario_of(name, facts, rain_mm_h):
    """A run of one night; `rain_mm_h` is the rain intensity of each five minutes from its start on."""
    storm = Storm.from_series(np.asarray(rain_mm_h), step_s=300)
    begin = pd.Timestamp(facts["start"])
    return Scenario(name, begin, facts["horizon_h"], storm, storm_start=begin, tide=tide_of(facts["tide"]), pumps="rules")


def modelled_levels(result):
    """The model's level at each level sensor: a table like `seen`."""
    hosts = ledger.loc[level_streams, "host"]
    return result.water.levels_m[hosts.tolist()].set_axis(level_streams, axis=1).reindex(seen.index)


# A reading stands for the five minutes before its time, so the first one belongs to the time before the run.
rain = repaired_rain if isinstance(globals().get("repaired_rain"), pd.Series) else seen["rain-02"].fillna(0.0)
guess = twin.run(scenario_of("last night", night, rain.iloc[1:]), reality=Reality(trunk_roughness_n=0.027))
modelled = modelled_levels(guess)

# %% id="plot_residuals"
axes = (seen[level_streams] - modelled).plot(subplots=True, figsize=(10, 1.3 * len(level_streams)), sharex=True)
axes[0].set_title("Seen minus modelled, m")
plt.show()

# %% [markdown] id="faulty_task"
# ### Task: find the sensor that lies (2 points)
#
# One level sensor has one fault from some moment on. Name its datastream, the fault (`"stuck"`, `"jump"`
# or `"drift"`) and the time since when, as `faulty`. One point for the sensor and the fault together, one
# more for the moment (within 40 minutes): it is your evidence.

# %% answer="faulty_sensor"
# faulty = {"datastream": "level-..", "fault": "...", "since": "2026-07-17T..:.."}
# BEGIN SOLUTION
sewer = [name for name in level_streams if name != "level-01"]
residual = seen[sewer] - modelled[sewer]
change = seen[sewer].diff()

repeats = {name: (change[name] == 0).astype(int).groupby((change[name] != 0).cumsum()).sum() for name in sewer}
longest = {name: runs.max() for name, runs in repeats.items()}
jumps = residual.diff().abs()
jump = {name: jumps[name].max() for name in sewer}
late = residual[residual.index >= residual.index[-1] - pd.Timedelta("90min")]
hours = (late.index - late.index[0]).total_seconds() / 3600
slope = {name: np.polyfit(hours[late[name].notna()], late[name].dropna(), 1)[0] for name in sewer}

stuck = max(longest, key=longest.get)
jumped = max(jump, key=jump.get)
drifting = max(slope, key=lambda name: abs(slope[name]))
if longest[stuck] >= 18:
    start = repeats[stuck].idxmax()
    since = change.index[(change[stuck] != 0).cumsum() == start][0]
    faulty = {"datastream": stuck, "fault": "stuck", "since": since.isoformat()}
elif abs(slope[drifting]) > 0.35:
    line = np.polyfit(hours[late[drifting].notna()], late[drifting].dropna(), 1)
    since = late.index[0] + pd.Timedelta(hours=-line[1] / line[0])
    faulty = {"datastream": drifting, "fault": "drift", "since": since.isoformat()}
else:
    faulty = {"datastream": jumped, "fault": "jump", "since": jumps[jumped].idxmax().isoformat()}
# END SOLUTION

# %% check="faulty_sensor" points=2

# %% [markdown] id="runoff"
# ## 4. How much water, and how rare
#
# Rain that falls on roofs and streets runs off; on grass, most of it soaks in. Each **subcatchment**
# (汇水区, the land that drains to one manhole) has a **runoff coefficient** ψ, the share that runs off, in
# `twin.entities["subcatchments"]` beside its `area_m2`.
#
# ### Task: how much water ran off (2 points)
#
# Compute `runoff_m3`: the volume that ran off last night, in m³, as rain depth × area × ψ over all subcatchments.

# %% answer="runoff_volume"
# runoff_m3 = ...
# BEGIN SOLUTION
subcatchments = twin.entities["subcatchments"]
depth_m = repaired_rain.sum() / 12 / 1000  # twelve readings an hour, 1000 mm in a metre
runoff_m3 = depth_m * (subcatchments["area_m2"] * subcatchments["runoff_coefficient"]).sum()
# END SOLUTION

# %% check="runoff_volume" points=2

# %% [markdown] id="rarity"
# Cities publish a **storm intensity formula** (暴雨强度公式): the mean intensity $i$ of a storm of
# duration $t$ minutes that comes once in $P$ years. Suzhou's of 2025 is
#
# $$ i = \frac{17.969\,(1 + 1.24\,\lg P)}{(t + 18.415)^{0.785}} \quad \text{mm/min} $$
#
# ### Task: how rare was it (2 points)
#
# Write `storm_depth_mm(return_period_a, minutes)`: the depth in mm of such a storm. It will be called with
# numbers that you don't know, from 5 to 180 minutes. Then compare: how many years must one wait for a
# night like last night?

# %% answer="storm_depth"
# def storm_depth_mm(return_period_a, minutes): ...
# BEGIN SOLUTION
def storm_depth_mm(return_period_a, minutes):
    intensity_mm_min = 17.969 * (1 + 1.24 * np.log10(return_period_a)) / (minutes + 18.415) ** 0.785
    return intensity_mm_min * minutes
# END SOLUTION

# %% check="storm_depth" points=2

# %% [markdown] id="calibrate"
# ## 5. Calibrate
#
# A pipe's **roughness** (Manning's $n$) says how much its wall slows the water. The public model takes
# $n = 0.013$ for the trunk sewer, as built. Yours is older. All that is known: it is the same along the
# trunk, and anything from 0.022 to 0.032 is as likely as anything else.
#
# `Reality(trunk_roughness_n=...)` runs the twin with another roughness. A rough pipe needs a steeper
# water surface for the same flow, so the levels upstream rise.

# %% id="one_run"
hours_that_count = {**night, "horizon_h": 2.5}  # then the sewers are nearly empty; a shorter run is a quicker one
last_night = scenario_of("last night", hours_that_count, rain.iloc[1:31])
rough = twin.run(last_night, reality=Reality(trunk_roughness_n=0.030))
(seen[level_streams] - modelled_levels(rough)).abs().mean().rename("mean misfit at n = 0.030, m")

# %% [markdown] id="calibrate_task"
# ### Task: calibrate the trunk sewer (3 points)
#
# Find `trunk_roughness_n`, to within 0.001. Leave out the sensor that lies. A run takes a second or two: ten
# or so are enough, if you choose each by what the ones before it gave.

# %% answer="trunk_roughness"
# trunk_roughness_n = ...
# BEGIN SOLUTION
healthy = [name for name in level_streams if name != faulty["datastream"]]


def misfit_m2(n):
    error = seen[healthy] - modelled_levels(twin.run(last_night, reality=Reality(trunk_roughness_n=n)))[healthy]
    return (error**2).mean().mean()


from scipy.optimize import minimize_scalar

best = minimize_scalar(misfit_m2, bounds=(0.022, 0.032), method="bounded", options={"xatol": 0.0002, "maxiter": 9})
trunk_roughness_n = float(best.x)
# END SOLUTION

# %% check="trunk_roughness" points=3

# %% [markdown] id="tonight"
# ## 6. Where the water will stand
#
# `data/tonight.json` is the forecast: the rain intensity of every five minutes from 18:00 to 22:30, the tide, and
# the traffic.

# %% id="forecast"
with open("data/tonight.json", encoding="utf-8") as file:
    forecast = json.load(file)

begin = pd.Timestamp(forecast["start"]).tz_convert("Asia/Shanghai")
rain_tonight = pd.Series(
    forecast["rain_mm_h"], index=pd.date_range(begin, periods=len(forecast["rain_mm_h"]), freq="5min")
)
tonight = scenario_of("tonight", forecast, rain_tonight)
figure, (above, below) = plt.subplots(2, 1, figsize=(10, 4), sharex=True)
above.bar(rain_tonight.index, rain_tonight, width=0.003)
above.set_ylabel("rain, mm/h")
below.plot(rain_tonight.index, tonight.tide.level_m(rain_tonight.index))
below.set_ylabel("tide, m")
plt.show()

# %% [markdown] id="predict"
# Before you run it: how deep will the underpass get, in metres? Write your guess down. It is not graded,
# and it will stand beside the result.

# %% id="prediction"
my_prediction_m = None  # your guess, in metres

# %% [markdown] id="standing_task"
# ### Task: where the water will stand (3 points)
#
# Simulate tonight with your calibrated trunk and the pumps on their standing rules. Make `standing_water`:
# the greatest depth in metres in each **low area** (低洼处), a Series by the low area's code.
# `result.water.street_depth_m` has a column for each: the deepest water along its street.

# %% answer="standing_water"
# standing_water = ...
# BEGIN SOLUTION
calibrated = twin.run(tonight, reality=Reality(trunk_roughness_n=trunk_roughness_n))
standing_water = calibrated.water.street_depth_m.max()
# END SOLUTION

# %% check="standing_water" points=3

# %% id="compare"
if "calibrated" in globals():
    print(f"my prediction for the underpass: {my_prediction_m} m")
    places = twin.entities["low_areas"][["name_en", "kind"]]
    display(places.assign(depth_m=globals()["calibrated"].water.street_depth_m.max().round(2)).sort_values("depth_m"))

# %% id="flood_map"
twin.map(globals().get("calibrated"))

# %% [markdown] id="pumps"
# ## 7. Run the pumps
#
# The **standing rules** start a pump when the sump is high and stop it when it is low. They know nothing of
# the rain to come. And tonight the mains feed is out: the station runs on its diesel set, and fuel is so
# short that the duty engineer prices a kWh at 210 CNY. Water in the streets costs more. So pump what the
# streets need, when they need it, and no more: an empty tank before the peak is worth more than any pump at the peak.
#
# A controller is a function: measurements in, settings out. Every five minutes it is given a dict, and it
# returns a setting from 0 to 1 for `pump_1`, `pump_2`, `pump_3` and `gate_1` (a flap keeps the sea out of an open
# gate). What it has never named obeys the standing rules; what it named keeps its setting.

# %% id="measurements"
def control_room(m):
    """What the control room sees of a run. (`m` also has every node and street of the model, as dicts by code.)"""
    return {name: value for name, value in m.items() if "." not in name}


with twin.session(tonight, step_s=300) as session:
    first_measurements = control_room(session.measurements())
first_measurements

# %% id="night_cost"
def night_cost(result):
    """What a night costs in CNY: flood damage, 210 a kWh of diesel power, 300 a pump start."""
    return kpi.flood_damage(result) + 210 * kpi.pump_energy_kwh(result) + 300 * kpi.pump_starts(result)


def drive(controller):
    """What tonight costs with this controller, in your calibrated district."""
    reality = Reality(trunk_roughness_n=globals().get("trunk_roughness_n", 0.013))
    acts = controller and (lambda m: controller(control_room(m)))
    return night_cost(twin.run(tonight, reality=reality, controller=acts))


print(f"standing rules: {drive(None):,.0f} CNY")

# %% [markdown] id="pump_task"
# ### Task: run the pumps (4 points)
#
# Write `pump_controller(m)`. It will drive three hidden nights in the real district, each with its own
# storm and tide. Skill is 0 for the standing rules and 1 for the best policy known: half the points from
# 0.4, all from 0.7. A call may take 0.2 s; where it fails, the last good setting stays. Pumps that never stop, or never
# start, do worse than the rules: try it with `drive`.

# %% answer="pump_controller"
# def pump_controller(m): ...
# BEGIN SOLUTION
def pump_controller(m):
    on = 1.0 if m["sump_m"] > -1.0 or (m["forecast_rain_mm"] > 15 and m["sump_m"] > -4.0) else 0.0
    return {"pump_1": on, "pump_2": on, "pump_3": on, "gate_1": 1.0}


print(f"pump_controller: {drive(pump_controller):,.0f} CNY")
# END SOLUTION

# %% check="pump_controller" points=4

# %% [markdown] id="closure"
# ## 8. Close a street
#
# You have one crew and one barrier: one street, closed once. A vehicle that drives into more than 15 cm of
# water costs 20 units, into more than 30 cm 60 units; a vehicle that is turned away costs 15. Tonight is no usual
# evening, as a diversion leads along a part of Anning Road: `forecast["vehicles_per_h"]` tells how many vehicles an
# hour are expected on each street. Each low area names the street it drowns, `street_code`.
#
# ### Task: close a street (3 points)
#
# Decide `closure`: the code of a street, `close_at` and `reopen_at`. It is replayed in what really
# happens tonight, with the pumps on their standing rules. Skill is 0 for what needs
# no knowledge of your city (the public model's choice, a street shut all evening, none at all) and 1 for the best
# decision there is: half the points from 0.75, all from 0.9. Five minutes
# earlier or later at either end count as the same.

# %% answer="street_closure"
# closure = {"street": "...", "close_at": "2026-07-18T..:..", "reopen_at": "2026-07-18T..:.."}
# BEGIN SOLUTION
low_areas = twin.entities["low_areas"]
vehicles = forecast["vehicles_per_h"]
harm = {}  # cost of each five minutes in which a street stays open, less what closing it costs
for code, depth in calibrated.water.street_depth_m.items():
    street = low_areas.loc[code, "street_code"]
    if street in vehicles:
        each = np.select([depth > 0.30, depth > 0.15], [60.0, 20.0], 0.0) - 15.0
        gain = each * vehicles[street] / 12
        harm[street] = np.maximum(harm.get(street, gain), gain)

best = 0.0
for street, gain in harm.items():
    total = np.concatenate([[0.0], np.cumsum(gain)])
    for first in range(len(gain)):
        last = first + 1 + int(total[first + 1 :].argmax())
        if total[last] - total[first] > best:
            best = total[last] - total[first]
            shut, reopen = (calibrated.water.street_depth_m.index[0] + k * pd.Timedelta("5min") for k in (first, last))
            closure = {"street": street, "close_at": shut.isoformat(), "reopen_at": reopen.isoformat()}
# END SOLUTION

# %% check="street_closure" points=3

# %% [markdown] id="report_intro"
# ## 9. Report to the morning shift
#
# Half a page for someone who wasn't here: what is broken and since when, what you changed in the model and
# why, where water will stand and how sure you are, what the pumps and the barrier will do. Name your
# numbers. A person reads it, by the rubric *after the storm*.

# %% [markdown] essay="night_report" points=4 rubric="after_the_storm"
# *Write your report here.*

# %% [markdown] id="done"
# ## What you can do now
#
# You can tell a sensor's fault from a city's behaviour, repair a record, put a model and a
# measurement against each other until the model is worth believing, and turn it into two decisions that
# stand up in a reality you can't see. In the map of competencies this is **simulate a storm and act
# on it** (simulation, practitioner).
#
# Save the notebook (Ctrl+S), then run the last cell to hand it in.

# %% id="submit"
submit()
