"""nbgrader's formgrader for a full course and for what students hand in: quick, guarded, the rubric at hand.

A Jupyter server extension that stands in for ``nbgrader.server_extensions.formgrader``.
"""

from pathlib import Path
from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "grader.gradebook.formgrader"}]


def _load_jupyter_server_extension(app: Any) -> None:  # noqa: ANN401 - Jupyter's signature
    from grader.gradebook.formgrader.extension import Formgrader

    facts = app.web_app.settings.get("practicum_room", {})
    formgrader = Formgrader(parent=app)
    formgrader.rubrics = Path(facts.get("rubrics", "rubrics"))
    formgrader.root_dir = app.root_dir
    formgrader.debug = False  # nbgrader would show all settings in a page, a password in the database's URL with them
    formgrader.log = app.log
    formgrader.initialize([])
    formgrader.init_tornado_settings(app.web_app)
    formgrader.init_handlers(app.web_app)
