"""What a sandboxed process can see: a small file tree laid out like a checkout, bound read-only."""

import os
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import grader
from grader.errors import GraderError
from grader.isolation.fonts import font_list
from grader.isolation.job import Ground

INSIDE = Path("/practicum")
HOME = Path("/home/practicum")
FONTS = INSIDE / ".cache" / "fonts"
_STUDENT_MODULES = ("__init__.py", "errors.py", "student.py", "isolation")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/fonts",
    "/etc/alternatives",
    "/etc/mime.types",
)
_GRADER = Path(grader.__file__).resolve().parent
_CHECKOUT = _GRADER.parent
_ACCOUNT = "practicum:x:{uid}:{uid}:practicum:/home/practicum:/bin/sh\n"


@dataclass(frozen=True)
class Bind:
    """A file or folder of this machine, shown read-only at ``inside``."""

    source: Path
    inside: Path


@dataclass
class View:
    """The file tree of one sandbox; later entries cover earlier ones.

    Args:
        binds: what is shown.
        hidden: folders that a bind brings along and an empty one covers.
        links: symbolic links, name to target.
        environment: all variables the process gets.
    """

    binds: list[Bind] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def checkout() -> Path:
    """The folder that holds our own packages."""
    return _CHECKOUT


def python_inside() -> str:
    """The interpreter's path, the same inside and outside; packages come by PYTHONPATH."""
    return os.path.realpath(sys.executable)


def passwd(uids: Iterable[int]) -> str:
    """The accounts that exist inside: root, and whichever of ``uids`` a job runs as."""
    return "root:x:0:0:root:/:/bin/false\n" + "".join(_ACCOUNT.format(uid=uid) for uid in uids)


def bare_view() -> View:
    """Python, its packages and nothing of ours but this package: what the probe starts with."""
    view = View()
    _add_system(view)
    _add_packages(view)
    _add_own(view, _STUDENT_MODULES)
    return view


def student_view(ground: Ground) -> View:
    """What student code may see: no labs, keys, banks, curriculum, courses, nor a student's files."""
    view = bare_view()
    _add_twin(view, ground)
    fonts = font_list()
    if fonts is not None:
        view.binds.append(Bind(fonts.resolve(), FONTS / fonts.name))
    view.environment["PRACTICUM_SANDBOX"] = "student"
    view.environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    return view


def checker_view(ground: Ground) -> View:
    """What the checks may see: the grader and the lab, and no file of a student."""
    view = View()
    _add_system(view)
    _add_packages(view)
    _add_own(view, ("",))
    _add_twin(view, ground)
    view.binds.append(_bind(ground.lab, lab_inside(ground.lab), "lab"))
    view.environment["PRACTICUM_SANDBOX"] = "checker"
    view.environment["MPLBACKEND"] = "agg"
    return view


def lab_inside(lab: Path) -> Path:
    """Where the checker finds the lab's folder."""
    return INSIDE / "labs" / lab.parent.name / lab.name


def _bind(source: Path, inside: Path, what: str) -> Bind:
    if not source.exists():
        raise GraderError(f"{what} {source}", "not found", then="Build or fetch it first, then grade again.")
    return Bind(source.resolve(), inside)


def _add_system(view: View) -> None:
    view.binds.append(Bind(Path("/usr"), Path("/usr")))
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = Path("/", name)
        if path.is_symlink():
            view.links[str(path)] = str(path.readlink())
        elif path.is_dir():
            view.binds.append(Bind(path, path))
    for name in _SYSTEM_FILES:
        if Path(name).exists():
            view.binds.append(Bind(Path(name), Path(name)))
    view.links["/etc/mtab"] = "/proc/self/mounts"
    prefix = Path(python_inside()).parent.parent
    if not prefix.is_relative_to("/usr"):
        view.binds.append(Bind(prefix, prefix))
    view.environment.update(
        PATH=f"{prefix}/bin:/usr/bin:/bin",
        HOME=str(HOME),
        TMPDIR="/tmp",  # noqa: S108 - private to the sandbox
        LANG="C.UTF-8",
        USER="practicum",
        TERM="dumb",
        IPYTHONDIR="/tmp/ipython",  # noqa: S108 - private to the sandbox
        PYTHONNOUSERSITE="1",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONHASHSEED="0",
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        NUMEXPR_NUM_THREADS="1",
        JE_ARROW_MALLOC_CONF="background_thread:false",  # a parent that forks has one thread
        MPLCONFIGDIR="/tmp/matplotlib",  # noqa: S108 - private to the sandbox
        PRACTICUM_FONTS=str(FONTS),
        PRACTICUM_CACHE=str(INSIDE / ".cache"),
    )


def _add_packages(view: View) -> None:
    inside = []
    folders = package_folders()
    for number, folder in enumerate(folders):
        target = INSIDE / f"site-packages-{number}" if number else INSIDE / "site-packages"
        view.binds.append(Bind(folder, target))
        inside.append(str(target))
    view.environment["PYTHONPATH"] = os.pathsep.join([str(INSIDE), *inside])
    # an installation, or a checkout under a folder that is shown anyway, brings our packages and the labs along
    own = [folder / name for folder in folders for name in ("grader", "twin_sandbox")]
    data = [Path(sys.prefix).resolve() / "share" / "practicum", _CHECKOUT if (_CHECKOUT / "labs").is_dir() else None]
    for ours in (*own, *data):
        if ours is not None and ours.is_dir():
            seen = [bind for bind in view.binds if ours.is_relative_to(bind.source)]
            view.hidden += [bind.inside / ours.relative_to(bind.source) for bind in seen]


def package_folders() -> list[Path]:
    """Where this Python finds packages."""
    named = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    named += [entry for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
    return list(dict.fromkeys(Path(entry).resolve() for entry in named if Path(entry).is_dir()))


def _add_own(view: View, modules: tuple[str, ...]) -> None:
    package = _GRADER
    for name in modules:
        source = package / name if name else package
        if source.exists():
            view.binds.append(Bind(source, INSIDE / "grader" / name))


def _add_twin(view: View, ground: Ground) -> None:
    twin = _CHECKOUT / "twin_sandbox"
    view.binds.append(_bind(twin, INSIDE / "twin_sandbox", "package"))
    view.binds.append(_bind(ground.datasets, INSIDE / "datasets", "datasets"))
    district = ground.district.resolve()
    view.binds.append(_bind(district, INSIDE / ".cache" / "districts" / district.name, "district"))
    networks = district.parent.parent / "networks"  # street networks made once, a second each
    if networks.is_dir():
        view.binds.append(Bind(networks, INSIDE / ".cache" / "networks"))
    if ground.kernels is not None:
        view.binds.append(_bind(ground.kernels, INSIDE / ".cache" / "kernels", "compiled kernels"))
