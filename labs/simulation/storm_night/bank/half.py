# base: blank
# %% answer="faulty_sensor"
spread = (seen[level_streams].diff() == 0).sum()
faulty = {"datastream": "level-01", "fault": "stuck", "since": seen.index[0]}
# %% answer="repaired_rain"
errors = [((seen["rain-01"] - seen["rain-02"].shift(-k)) ** 2).mean() for k in range(13)]
repaired_rain = seen["rain-01"].fillna(seen["rain-02"].shift(-int(np.argmin(errors)))).fillna(0.0)
# %% answer="runoff_volume"
land = twin.entities["subcatchments"]
runoff_m3 = repaired_rain.sum() / 12 / 1000 * (land["area_m2"] * land["runoff_coefficient"]).sum()
# %% answer="storm_depth"
def storm_depth_mm(return_period_a, minutes):
    return 17.969 * (1 + 1.24 * np.log10(return_period_a)) / (minutes + 18.415) ** 0.785 * minutes
# %% answer="trunk_roughness"
misfits = {}
for n in np.linspace(0.022, 0.032, 5):
    levels = modelled_levels(twin.run(last_night, reality=Reality(trunk_roughness_n=float(n))))
    misfits[n] = (levels - seen[level_streams]).abs().median().median()
# %% answer="standing_water"
# I did not get this far.
