"""How much a sound device errs: white noise by quantity, from the accuracy that its class of instrument must keep."""

ORDINARY_NOISE: dict[str, tuple[float, bool]] = {
    # drains
    "rain intensity": (0.05, True),  # WMO-No. 8 (2021), volume I, chapter 6
    "sea level": (0.01, False),  # IOC Manual on Sea Level Measurement: 1 cm
    "water level": (0.01, False),  # 0.1 to 0.25 % of a range of 5 m
    "depth of water on the street": (0.005, False),
    "pump setting": (0.0, False),
    # weather: WMO-No. 8 (2021), volume I, annex 1.A, achievable uncertainty
    "air temperature": (0.1, False),
    "relative humidity": (1.5, False),
    "wind speed": (0.25, False),
    "wind direction": (2.5, False),
    "air pressure": (0.08, False),
    "global irradiance": (0.03, True),
    "wind speed aloft": (0.25, False),
    "visibility": (0.05, True),
    # air and sound
    "PM2.5 concentration": (0.1, True),
    "PM10 concentration": (0.1, True),
    "nitrogen dioxide concentration": (0.1, True),
    "ozone concentration": (0.1, True),
    "sound level": (0.7, False),
    # water supply
    "water pressure": (0.001, False),
    "water flow": (0.01, True),
    "free chlorine": (0.03, True),
    "turbidity": (0.05, True),
    "water volume": (0.0, False),
    "building water flow": (0.01, True),
    "hydrant pressure": (0.002, False),
    "valve opening": (0.0, False),
    # heat and power: meters of class 1 err by at most 1 %, here two standard deviations
    "supply temperature": (0.15, False),
    "return temperature": (0.15, False),
    "heat power": (0.01, True),
    "transformer load": (0.005, True),
    "voltage": (0.0025, True),
    "winding temperature": (1.0, False),
    "electric power": (0.005, True),
    "electric energy": (0.0, False),
    "PV power": (0.005, True),
    "charging power": (0.005, True),
    "charger occupied": (0.0, False),
    "lamp dimming": (0.0, False),
    "lamp power": (0.01, True),
    # streets
    "signal plan": (0.0, False),
    "vehicle flow": (0.03, True),
    "vehicle speed": (1.0, False),
    "lane flow": (0.02, True),
    "lane occupancy": (0.05, True),
    "pedestrian flow": (0.08, True),
    "parking bay occupied": (0.0, False),
    "bin fill level": (2.0, False),
    "lorry passes": (0.0, False),
    # safety
    "cover tilt": (0.2, False),
    "methane, share of lower explosive limit": (0.3, False),
    "groundwater level": (0.01, False),
    "structure tilt": (0.02, False),
    "smoke obscuration": (0.03, False),
    "room temperature": (0.3, False),
    "carbon monoxide": (1.0, False),
    "lift vibration": (0.3, False),
    "lift door cycles": (0.0, False),
    # sea and air
    "gate opening": (0.0, False),
    "significant wave height": (0.03, True),
    "wave period": (0.1, False),
    "water temperature": (0.05, False),
    "salinity": (0.1, False),
    "dissolved oxygen": (0.1, False),
    "sea turbidity": (0.05, True),
    "flight height": (0.3, False),
    "battery charge": (0.0, False),
    "connected devices": (0.0, False),
}
"""Quantity → (standard deviation in its unit, whether it is a share of the value instead), see `faults.Noise`.

Where no source stands beside it the figure is this project's own, of the order that data sheets of such instruments
give: a sensing lab must not rest on it.
"""
