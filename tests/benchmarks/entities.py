"""What ten times the entities costs, as ratios: ``python -m tests.benchmarks.entities [--json]``.

The aim is at most 12 for each kind of work: writing and reading the tables, the graph, what is near, what feeds what,
the district as of a day.
"""

import json
import sys

from twin_sandbox.bench import COPIES, scale_costs
from twin_sandbox.world.twin import open_district


def main() -> None:
    """Measure and print."""
    ratios = scale_costs(open_district().district)
    if "--json" in sys.argv:
        print(json.dumps(ratios))  # noqa: T201 - a command's output
        return
    for name, ratio in ratios.items():
        print(f"{name:<8} {COPIES} times the entities: × {ratio:.2f}")  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
