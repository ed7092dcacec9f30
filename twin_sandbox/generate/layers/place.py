"""The place: lanes, signals, kerbside, blocks, roofs, services, harbour, beach, rooms below the ground.

Everything stands on the drawn streets, blocks and buildings, which it leaves as they are.
"""

from twin_sandbox.generate.layers import place_underground as underground
from twin_sandbox.generate.layers.place_blocks import add_blocks, add_sites
from twin_sandbox.generate.layers.place_bus import add_buses
from twin_sandbox.generate.layers.place_harbour import add_beaches, add_berths
from twin_sandbox.generate.layers.place_kerbs import add_kerbside_parking, add_poles, add_trees
from twin_sandbox.generate.layers.place_lanes import add_crossings, add_lanes, add_midblock_crossings, add_signals
from twin_sandbox.generate.layers.place_network import add_nodes
from twin_sandbox.generate.layers.place_roofs import add_details, add_roofs
from twin_sandbox.generate.layers.place_services import add_services
from twin_sandbox.generate.layers.site import Site


def add(site: Site) -> None:
    """Add the layer to the site."""
    network = add_nodes(site)
    add_lanes(site, network)
    add_signals(site, network)
    add_crossings(site, network)
    blocks = add_blocks(site)
    schools = add_services(site)
    stops = add_buses(site, network)
    add_midblock_crossings(site, network, [*schools, *stops])
    add_poles(site, network)
    add_kerbside_parking(site, network)
    add_sites(site, blocks)
    add_trees(site, network)
    add_roofs(site)
    add_details(site, blocks)
    add_berths(site)
    add_beaches(site)
    underground.add_rooms(site)
    underground.add_tunnel(site, network)
    underground.add_gas(site, network)
    underground.add_wells(site)
