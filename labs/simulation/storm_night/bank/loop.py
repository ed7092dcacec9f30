# base: right_steps
# %% answer="runoff_volume"
while True:
    pass
