# %% answer="trunk_roughness"
trunk_roughness_n = 0.013
# %% answer="standing_water"
calibrated = twin.run(tonight)
standing_water = calibrated.water.street_depth_m.max()
# %% answer="pump_controller"
def pump_controller(m):
    return {}
# %% answer="street_closure"
low, vehicles = twin.entities["low_areas"], forecast["vehicles_per_h"]
gains = {}
for code, depth in calibrated.water.street_depth_m.items():
    street = low.loc[code, "street_code"]
    if street in vehicles:
        flow = vehicles[street] / 12
        gains[street] = pd.Series((np.select([depth > 0.30, depth > 0.15], [60, 20], 0) - 15) * flow, depth.index)
street = max(gains, key=lambda s: gains[s].clip(lower=0).sum())
shut = gains[street][gains[street] > 0].index
closure = {"street": street, "close_at": shut[0], "reopen_at": shut[-1] + pd.Timedelta("5min")}
