"""Whatever stands in a recipe, reading it gives a recipe or one clear refusal that names the key."""

import copy
import tomllib
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin_sandbox.errors import TwinError
from twin_sandbox.generate import recipe as reading
from twin_sandbox.generate import sample_recipe

TREE = tomllib.loads(sample_recipe().read_text(encoding="utf-8"))


def places(node, path=()):
    """Every place in the tree: tables, lists and values."""
    if path:
        yield path
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


PLACES = list(places(TREE))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(PLACES), values)
def test_any_value_anywhere_is_taken_or_refused_by_its_key(place, value):
    """None stands for "left out", which TOML cannot say."""
    tree = copy.deepcopy(TREE)
    node = tree
    for key in place[:-1]:
        node = node[key]
    if value is None:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    told = ""
    with mock.patch.object(reading.tomllib, "loads", side_effect=[tree, TREE]):
        try:
            reading.read_recipe(sample_recipe())
        except TwinError as refusal:
            told = str(refusal)
    assert not told or ("recipe.toml, " in told and "Allowed" in told)
