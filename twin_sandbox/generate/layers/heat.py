"""The heat loop."""

from twin_sandbox.generate.layers.site import Site


def add(site: Site) -> None:
    """Add the layer to the site."""
