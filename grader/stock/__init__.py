"""Courses made for stock nbgrader, graded by value.

``course`` reads the folders, ``notebook`` the instructor's notebooks, ``placing`` puts a submission's cells into
them, ``names`` says what a cell sets and needs. ``run`` runs a notebook: the test cells in the checker, over names
that ``namespace`` fetches (``checking`` judges them, ``points`` scores them), and beside the student those that cannot
work so, which are marked as not certifiable; ``study`` finds out which, from the instructor's own solution.
``grading`` does an assignment, ``record`` keeps what was found, ``sheet`` writes what formgrader shows, ``execute`` is
the engine inside ``nbgrader autograde``.
"""
