"""A sandbox is shown the kernels that were compiled outside it, and loads them instead of compiling."""

import shutil
from dataclasses import replace

import pytest

from grader.isolation.staging import Staging
from tests.grader.isolation_runs import LIMITS, a_ground, a_job, grade, shown
from twin_sandbox.engines.drainage.compiled import compile_kernels

RUN = """
import time
import numpy as np
from twin_sandbox.engines.drainage.surface import Surface, plain_grid
begun = time.process_time()
surface = Surface(plain_grid(np.zeros((9, 9)), 5.0, 0.02))
surface.advance(60.0, 1e-4)
print("stands", round(surface.ledger.stored_m3, 6), "loaded" if time.process_time() - begun < 5.0 else "compiled")
"""


def a_flood(folder, district):
    district.mkdir(parents=True, exist_ok=True)
    return a_job(folder, {"flood": RUN}, points=("volume_m3",)), replace(a_ground(folder), district=district)


@pytest.mark.parametrize("private", [False, True], ids=["open to all", "its owner's alone"])
def test_student_code_floods_a_street_with_the_compiled_kernel(tmp_path, private):
    compiled = compile_kernels()
    shutil.copytree(compiled, tmp_path / "kernels" / compiled.name)
    if private:
        (tmp_path / "kernels").chmod(0o700)
    job, ground = a_flood(tmp_path, tmp_path / "districts" / "0123456789abcdef")
    report = grade(job, LIMITS, ground)
    assert shown(report, "flood").split() == ["stands", "12.15", "loaded"]


def test_without_compiled_kernels_the_job_has_none(tmp_path):
    with Staging() as staging:
        _, ground = a_flood(tmp_path, tmp_path / "districts" / "0123456789abcdef")
        assert staging.stage(ground).kernels is None
