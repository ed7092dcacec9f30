"""The first tier: bubblewrap builds the file tree and the namespaces."""

import os
import shutil

from grader.isolation.plan import DEVICE_LINKS, DEVICES, INSIDE_UID, Plan

NAME = "bubblewrap"


def missing() -> str:
    """Why this tier cannot be tried on this machine; empty if it can."""
    return "" if shutil.which("bwrap") else "bubblewrap is not installed"


def command(plan: Plan) -> list[str]:
    """The command line that starts ``plan``; long arguments go by a descriptor, out of ``/proc/*/cmdline``."""
    arguments = _arguments(plan)
    settings = os.memfd_create("arguments", 0)
    os.write(settings, b"".join(argument.encode() + b"\0" for argument in arguments))
    os.lseek(settings, 0, os.SEEK_SET)
    plan.files.append(settings)
    return [shutil.which("bwrap") or "bwrap", "--args", str(settings), "--", *plan.program]


def _arguments(plan: Plan) -> list[str]:  # noqa: C901 - one loop a kind of mount, in their order
    arguments = [
        "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try",
        "--hostname", "sandbox", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL",
        "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_NET_ADMIN",
    ]  # fmt: skip
    if plan.as_root:
        # the mounts are made as root, so that Python may lie under an unreadable folder; each job then changes to
        # a real unprivileged user before anything of a student is read
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL"]
    else:
        arguments += ["--unshare-user", "--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID)]
    for name, value in plan.view.environment.items():
        arguments += ["--setenv", name, value]
    for folder in plan.folders:
        arguments += ["--perms", "0755", "--dir", str(folder)]
    # not bubblewrap's own --dev: its terminals would need a second user namespace, in which a job
    # could not mount its own folders
    arguments += ["--proc", "/proc", "--size", "65536", "--perms", "0755", "--tmpfs", "/dev"]
    for device in DEVICES:
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    for name, target in DEVICE_LINKS.items():
        arguments += ["--symlink", target, f"/dev/{name}"]
    for bind in plan.view.binds:
        arguments += ["--ro-bind", str(bind.source), str(bind.inside)]
    for name, target in plan.view.links.items():
        arguments += ["--symlink", target, name]
    for hidden in plan.view.hidden:
        arguments += ["--size", "4096", "--perms", "0755", "--tmpfs", str(hidden), "--remount-ro", str(hidden)]
    for path, content in plan.texts.items():
        text = os.memfd_create("text", 0)
        os.write(text, content.encode())
        os.lseek(text, 0, os.SEEK_SET)
        plan.files.append(text)
        arguments += ["--perms", "0644", "--ro-bind-data", str(text), path]
    for scratch, size_bytes in plan.scratch_bytes.items():
        arguments += ["--size", str(size_bytes), "--perms", "1777", "--tmpfs", scratch]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", plan.folder]
