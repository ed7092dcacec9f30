"""The landing page of a room, as a Jupyter server extension at ``practicum``."""

from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from grader.room.path import HANDED_IN, NEW, UNDER_WAY, Step, continue_with, path_of
from grader.room.workspace import TOURS, tour_path

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Practicum",
        "hello": "Learn to build and run a digital-twin city, by running one.",
        "now": "The district right now",
        "map": "Live map of the sample district",
        "next": "Next",
        "go_new": "Start the lab",
        "go_under way": "Continue",
        "go_handed in": "Improve and hand in again",
        "again": "All labs are handed in. Here is the one with most points to gain.",
        "minutes": "about {n} minutes",
        "points": "{n} points by machine, {m} by a person",
        "seat": "Your seat",
        "path": "Your path",
        "new": "not started",
        "under way": "under way",
        "handed in": "handed in",
        "score": "{score} of {most} points",
        "due": "no due date in practice",
        "open": "Open",
        "feedback": "Read the feedback",
        "no_feedback": "Feedback appears here after you hand in.",
        "first": "What to do first",
        "steps": "Open the lab with the button above. It is a notebook in a room of your own.|"
        "Run cells from the top with Shift+Enter. Where a cell says YOUR CODE HERE, it is yours to fill.|"
        "The cell after each answer asks the course for a verdict. Ask as often as you like.|"
        "Save, then run the last cell: it hands in. Points and feedback come within about a minute.",
        "tour": "Take the tour of the district",
        "tour_note": "Nothing to hand in: half an hour through its layers, its devices and their faults.",
        "living": "See the district live",
        "living_note": "Nothing to hand in: half an hour with engines that act on each other, from rain to traffic.",
        "where": "Where things are",
        "work": "Your work",
        "read": "Feedback",
        "feedback_at": "beside each lab's notebook, and on this page",
        "certificates": "Certificates",
        "certificate_note": "Practice certifies nothing: it is graded on your own machine. In a course, "
        "{share:.0f} % of the points that are checked by machine earn one.",
        "reached": "Your last hand-in would reach that.",
        "missing": "Your last hand-in is {n} points short of that.",
        "lab": "All files in JupyterLab",
        "empty": "There is no lab here yet. Build them with: practicum lab verify",
        "language": "中文",
        "district": "sample district",
        "domain": "{domain} · {level}",
    },
    "zh": {
        "title": "实训",
        "hello": "在运行一座数字孪生城区中，学会建造并运行它。",
        "now": "此刻的城区",
        "map": "样例城区实时地图",
        "next": "下一步",
        "go_new": "开始实验",
        "go_under way": "继续",
        "go_handed in": "改进并再次提交",
        "again": "全部实验均已提交。这一个还有最多的分可得。",
        "minutes": "约 {n} 分钟",
        "points": "机评 {n} 分，人评 {m} 分",
        "seat": "你的岗位",
        "path": "你的路径",
        "new": "未开始",
        "under way": "进行中",
        "handed in": "已提交",
        "score": "{score} / {most} 分",
        "due": "练习无截止时间",
        "open": "打开",
        "feedback": "查看反馈",
        "no_feedback": "提交后，反馈显示在这里。",
        "first": "先做什么",
        "steps": "用上面的按钮打开实验。它是你自己房间里的一个笔记本。|"
        "从上到下用 Shift+Enter 运行单元格，写有 YOUR CODE HERE 的单元格由你来填。|"
        "每个答案后面的单元格会向课程询问评判，次数不限。|"
        "先保存，再运行最后一个单元格即可提交。约一分钟后得到分数和反馈。",
        "tour": "先逛一逛这座城区",
        "tour_note": "无需提交：用半小时看它的图层、设备及其故障。",
        "living": "再看这座城区活起来",
        "living_note": "无需提交：用半小时看雨水、供水、电力、交通等引擎如何运行、如何相互作用。",
        "where": "东西在哪里",
        "work": "你的作业",
        "read": "反馈",
        "feedback_at": "在每个实验的笔记本旁，也在本页",
        "certificates": "证书",
        "certificate_note": "练习在你自己的机器上评分，不发证书。在课程中，机评分达到 {share:.0f} % 即可获得证书。",
        "reached": "你最近一次提交已达到。",
        "missing": "你最近一次提交还差 {n} 分。",
        "lab": "在 JupyterLab 中查看全部文件",
        "empty": "这里还没有实验。可用命令生成：practicum lab verify",
        "language": "English",
        "district": "样例城区",
        "domain": "{domain} · {level}",
    },
}
NAMES_ZH = {
    "sensing": "感知",
    "modeling": "建模",
    "data_governance": "数据治理",
    "simulation": "仿真",
    "scenario_building": "场景构建",
    "foundation": "基础",
    "practitioner": "实操",
    "expert": "专家",
}
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


def number(value: float) -> str:
    """Points without a needless ``.0``."""
    return f"{value:g}"


def landing_page(steps: list[Step], workspace: Path, base_url: str, language: str, *, live: bool) -> str:
    """The page as HTML.

    Args:
        steps: the student's path.
        workspace: their folder.
        base_url: of the server, with a slash at both ends.
        language: "en" or "zh".
        live: whether the server has the live map.
    """
    words = WORDS[language]
    following = continue_with(steps)
    return _TEMPLATES.get_template("landing.html.j2").render(
        w=words,
        language=language,
        other="zh" if language == "en" else "en",
        base=base_url,
        workspace=str(workspace),
        live=live,
        steps=[_shown(step, language) for step in steps],
        following=_shown(following, language) if following else None,
        all_done=bool(steps) and all(step.status == HANDED_IN for step in steps),
        first=words["steps"].split("|"),
        tours=[
            {"title": words[name], "note": words[f"{name}_note"], "notebook": tour_path(name)}
            for name in TOURS
            if (Path(workspace) / tour_path(name)).is_file()
        ],
    )


def _shown(step: Step, language: str) -> dict[str, Any]:
    words, lab = WORDS[language], step.lab
    by_person = sum(task.points for task in lab.tasks if task.kind == "manual")
    names = NAMES_ZH if language == "zh" else {}
    short = lab.cut * step.max_score - (step.score or 0.0)
    return {
        "title": (lab.title_zh or lab.title) if language == "zh" else lab.title,
        "place": words["domain"].format(
            domain=names.get(lab.domain, lab.domain.replace("_", " ")), level=names.get(lab.level, lab.level)
        ),
        "seat": lab.seat,
        "minutes": words["minutes"].format(n=lab.minutes),
        "points": words["points"].format(n=number(step.max_score), m=number(by_person)),
        "notebook": step.notebook,
        "status": words[step.status],
        "state": {NEW: "new", UNDER_WAY: "open", HANDED_IN: "done"}[step.status],
        "go": words[f"go_{step.status}"],
        "score": ""
        if step.score is None
        else words["score"].format(score=number(step.score), most=number(step.max_score)),
        "share": 0 if step.score is None else round(100 * step.score / step.max_score),
        "when": f"{datetime.fromisoformat(step.graded_at).astimezone():%Y-%m-%d %H:%M}" if step.graded_at else "",
        "feedback": step.feedback,
        "certificate": words["certificate_note"].format(share=lab.cut * 100),
        "reached": ""
        if step.score is None
        else words["reached"]
        if step.reached_cut
        else words["missing"].format(n=number(round(short, 2))),
    }


class LandingPage(JupyterHandler):
    """``practicum?lang=en``: where a student's day begins."""

    @web.authenticated
    def get(self) -> None:
        """The page, read from the workspace each time."""
        facts = self.settings["practicum_room"]
        language = self.get_argument("lang", "") or self.get_cookie("practicum_language") or "en"
        language = language if language in WORDS else "en"
        self.set_cookie("practicum_language", language, path=self.base_url, samesite="Lax")
        steps = path_of(Path(facts["workspace"]), Path(facts["labs"]), Path(facts["practice"]), facts["student"])
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(landing_page(steps, Path(facts["workspace"]), self.base_url, language, live=bool(facts["live"])))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "grader.room.landing"}]


def _load_jupyter_server_extension(server: Any) -> None:  # noqa: ANN401 - jupyter_server is not typed
    base = server.web_app.settings["base_url"]
    server.web_app.add_handlers(".*$", [(url_path_join(base, "practicum"), LandingPage)])
