# base: half
# %% answer="storm_depth"
def storm_depth_mm(return_period_a, minutes):
    raise ValueError(f"hidden inputs: {return_period_a} {minutes}")
# %% answer="pump_controller"
def pump_controller(m):
    raise ValueError(f"hidden night: {m}")
