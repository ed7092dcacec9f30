"""Courses made for stock nbgrader, graded by value.

``course`` reads the folders, ``notebook`` the instructor's notebooks, ``placing`` puts a submission's cells into
them, ``names`` says what a cell binds and needs. A notebook is run by ``run``: test cells in the checker, over names
that ``namespace`` fetches (``checking`` judges them, ``points`` scores them); those that cannot work so run beside the
student and are marked as not certifiable. ``grading`` does it for an assignment, ``sheet`` writes what nbgrader reads.
"""
