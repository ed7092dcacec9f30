# base: right_plain
# %% answer="pump_controller"
def pump_controller(m):
    return {"pump_1": 1.0, "pump_2": 1.0, "pump_3": 1.0, "gate_1": 1.0}
