# base: right_plain
# %% answer="repaired_rain"
repaired_rain = seen["rain-01"].fillna(0.0)
