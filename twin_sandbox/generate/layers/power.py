"""Medium and low voltage: demand, transformers, 10 kV rings, low-voltage cables, consumers."""

from twin_sandbox.generate.layers.power_areas import draw_areas
from twin_sandbox.generate.layers.power_consumers import add_consumers
from twin_sandbox.generate.layers.power_demand import building_demand, write_profiles
from twin_sandbox.generate.layers.power_low import add_low
from twin_sandbox.generate.layers.power_medium import Network, add_medium
from twin_sandbox.generate.layers.site import Site


def add(site: Site) -> None:
    """Add the layer to the site."""
    write_profiles(site)
    demands = [building_demand(row) for row in site.tables["buildings"].rows]
    pumps_kw = sum(float(row["power_kw"]) for row in site.tables["pumps"].rows)
    areas = draw_areas(site.draft, demands, pumps_kw)
    net = Network(site)
    boards = add_medium(site, areas, demands, net)
    outlets = add_low(net, areas, boards, demands)
    add_consumers(net, areas, boards, outlets, demands)
