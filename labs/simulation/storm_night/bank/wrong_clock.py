# base: right_plain
# %% answer="repaired_rain"
repaired_rain = seen["rain-02"].fillna(0.0)
