"""nbgrader's formgrader extension with our handlers, templates and exporter in the places it has for them."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from jupyter_server.utils import url_path_join
from nbgrader.server_extensions.formgrader import handlers
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from tornado import web

from grader.gradebook.book import template_folders
from grader.gradebook.formgrader.pages import PageExporter, guarded_handlers

_HERE = Path(__file__).parent


class Formgrader(FormgradeExtension):  # type: ignore[misc]  # nbgrader publishes no types
    """The formgrader of one course.

    ``rubrics`` is the folder of the rubrics that essays are read by.
    """

    rubrics = Path("rubrics")

    def build_extra_config(self) -> Any:  # noqa: ANN401 - traitlets publishes no types
        """The page of one submission is made from our template."""
        config = super().build_extra_config()
        config.HTMLExporter.template_name = "practicum"
        config.HTMLExporter.extra_template_basedirs = template_folders()
        config.HTMLExporter.extra_template_paths = [handlers.template_path]
        return config

    def init_tornado_settings(self, webapp: Any) -> None:  # noqa: ANN401
        """Pages escape what is put into them."""
        super().init_tornado_settings(webapp)
        loader = FileSystemLoader([handlers.template_path])
        webapp.settings["nbgrader_jinja2_env"] = Environment(loader=loader, autoescape=True)
        webapp.settings["nbgrader_exporter"] = PageExporter(Path(self.coursedir.root), self.rubrics, config=self.config)

    def init_handlers(self, webapp: Any) -> None:  # noqa: ANN401
        """Every address of nbgrader's, guarded."""
        routes = [
            *guarded_handlers(),
            (r"/formgrader/practicum/(.*)", web.StaticFileHandler, {"path": str(_HERE / "static")}),
            (r"/formgrader/static/(.*)", web.StaticFileHandler, {"path": handlers.static_path}),
            (r"/formgrader/.*", handlers.Template404),
        ]
        base_url = webapp.settings["base_url"]
        webapp.add_handlers(".*$", [(url_path_join(base_url, route[0].lstrip("/")), *route[1:]) for route in routes])
