# base: right_plain
# %% answer="runoff_volume"
land = twin.entities["subcatchments"]
runoff_m3 = repaired_rain.sum() / 1000 * (land["area_m2"] * land["runoff_coefficient"]).sum()
# %% answer="storm_depth"
def storm_depth_mm(return_period_a, minutes):
    return 17.969 * (1 + 1.24 * np.log(return_period_a)) / (minutes + 18.415) ** 0.785 * minutes
