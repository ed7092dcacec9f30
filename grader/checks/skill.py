"""Skill against a baseline and an oracle, and points in coarse steps.

Coarse steps keep a score from telling a hidden input bit by bit.
"""

import math

Steps = tuple[tuple[float, float], ...]


def skill(cost: float, baseline_cost: float, oracle_cost: float) -> float:
    """(baseline − student) ÷ (baseline − oracle), clipped to [0, 1]: 0 as good as the baseline, 1 as the oracle.

    Costs are in any one unit, lower is better. Anything that is not a number has no skill.
    """
    room = baseline_cost - oracle_cost
    if room <= 0:
        raise ValueError(f"the oracle ({oracle_cost:g}) must do better than the baseline ({baseline_cost:g})")
    share = (baseline_cost - cost) / room
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0


def skill_steps(full_at: float, half_at: float) -> Steps:
    """Full points from ``full_at``, half of them from ``half_at``, none below."""
    return ((full_at, 1.0), (half_at, 0.5))


def earned(share: float, steps: Steps, max_score: float) -> float:
    """Points for ``share``: those of the highest step reached; ``steps`` fall from the highest."""
    return next((round(points * max_score, 6) for at, points in steps if share >= at), 0.0)
