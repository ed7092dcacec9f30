# base: right_plain
# %% answer="pump_controller"
def pump_controller(m):
    return {"pump_1": 0.0, "pump_2": 0.0, "pump_3": 0.0, "gate_1": 0.0}
