"""What one hostile notebook tries against each sandbox; each prints a line that begins with LEAK where it gets through.

Names in capitals are filled in by the test: ports, paths and processes of the host.
"""

TRY = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, action):
    try:
        result = action()
    except BaseException as error:
        print("held", name, type(error).__name__, error)
    else:
        print("LEAK" if result not in (None, False) else "held", name, result)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    return None if result < 0 else f"returned {result}"
"""

WALLS = {
    "files": """
for path in ("/etc/shadow", "SECRET", "LAB/key.py", "/root/.bashrc", "/proc/kcore", "/dev/mem", "/sys/kernel/notes",
             "/proc/1/root/etc/shadow", "/proc/HOSTPID/environ", "CHECKOUT/labs",
             "/practicum/labs", "/practicum/curriculum", "/practicum/grader/checks/judge.py",
             "/practicum/grader/workshop/lab.py", "/practicum/site-packages/grader/__init__.py"):
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(10))
attempt("other bundles", lambda: [name for name in os.listdir("..") if name != "practicum"] or None)
attempt("imports", lambda: __import__("grader.checks.judge"))
""",
    "symlinks": """
os.symlink("SECRET", "link")
attempt("a link to the host", lambda: open("link").read())
os.symlink("/proc/self/root/../../SECRET", "link2")
attempt("a link through proc", lambda: open("link2").read())
""",
    "writing": """
for path in ("data/levels.csv", "/usr/x", "/practicum/x", "/practicum/twin_sandbox/__init__.py", "/etc/passwd",
             "/practicum/site-packages/x.pth", "/x", "/dev/x", "/proc/sys/kernel/core_pattern",
             "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger"):
    attempt("write " + path, lambda: open(path, "ab"))
attempt("remove the bundle", lambda: os.rename("data", "gone") or True)
""",
    "network": """
import socket
def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
        return s.recv(20) or "connected"
attempt("loopback of the host", lambda: connect(socket.AF_INET, ("127.0.0.1", PORT)))
attempt("abstract socket", lambda: connect(socket.AF_UNIX, "\\0ABSTRACT"))
attempt("socket in a folder", lambda: connect(socket.AF_UNIX, "SOCKET"))
attempt("the outside", lambda: connect(socket.AF_INET, ("192.0.2.1", 80)))
attempt("names", lambda: socket.getaddrinfo("example.org", 80))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("packets", lambda: socket.socket(17, socket.SOCK_RAW))
attempt("kernel ciphers", lambda: socket.socket(38, socket.SOCK_SEQPACKET))
""",
    "processes": """
import signal
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
attempt("processes of the host", lambda: len(seen) > 4)
for pid in {os.getppid(), 1, HOSTPID} - {os.getpid()}:
    attempt(f"memory of {pid}", lambda: open(f"/proc/{pid}/mem", "r+b"))
    attempt(f"descriptors of {pid}", lambda: os.listdir(f"/proc/{pid}/fd"))
attempt("signal the host", lambda: os.kill(HOSTPID, 0) or "reached")
attempt("trace", lambda: None if libc.ptrace(16, os.getppid(), 0, 0) < 0 else "traced")
harmless = ("/dev/null", "socket:", "/tmp/#", "/proc/", "pipe:", "anon_inode:", "/practicum/site-packages/pyproj/")
numbers = [number for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{number}")]
links = [os.readlink(f"/proc/self/fd/{number}") for number in numbers]
attempt("descriptors", lambda: [link for link in links if not link.startswith(harmless)] or None)
os.kill(os.getppid(), signal.SIGKILL)
""",
    "calls": """
for name, number, arguments in (
    ("unshare user", UNSHARE, (0x10000000,)), ("unshare net", UNSHARE, (0x40000000,)),
    ("mount", MOUNT, (b"none", b"/tmp", b"tmpfs", 0, 0)), ("bpf", BPF, (0, 0, 0)), ("keyctl", KEYCTL, (0, -3, 0)),
    ("io_uring", 425, (1, ctypes.create_string_buffer(256))), ("userfaultfd", USERFAULTFD, (0,)),
    ("memfd", MEMFD, (b"x", 0)), ("shmget", SHMGET, (0, 4096, 0o1600)), ("clone3", 435, (0, 0)),
    ("clone user", CLONE, (0x10000000 | 17, 0, 0, 0, 0)), ("chroot", CHROOT, (b"/tmp",)),
    ("set the clock", CLOCK, (0, ctypes.create_string_buffer(16))), ("become root", SETUID, (0,)),
    ("pidfd_getfd", 438, (0, 0, 0)), ("perf", PERF, (0, 0, -1, -1, 0)), ("personality", PERSONALITY, (0x0040000,)),
):
    attempt(name, lambda: call(number, *arguments))
import fcntl, termios
attempt("type into the terminal", lambda: fcntl.ioctl(0, termios.TIOCSTI, b"x"))
attempt("memfd by name", lambda: os.memfd_create("x"))
attempt("a device", lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(8, 1)) or "made")
attempt("a setuid program", lambda: os.popen("su -c id 2>&1 < /dev/null").read().count("uid=0") > 0)
""",
    "floods": """
def fill(folder):
    written = 0
    try:
        for number in range(40):
            with open(f"{folder}/big{number}", "wb") as file:
                for _ in range(15):
                    file.write(bytes(4 << 20)); file.flush(); written += 4
    except OSError:
        pass
    for number in range(40):
        try: os.unlink(f"{folder}/big{number}")
        except OSError: pass
    return written > 200 and written
def many(folder):
    made = 0
    try:
        while made < 50_000:
            open(f"{folder}/f{made}", "w").close(); made += 1
    except OSError:
        pass
    for number in range(made):
        os.unlink(f"{folder}/f{number}")
    return made > 10_000 and made
for folder in (".", "/tmp", "/dev/shm"):
    attempt("fill " + folder, lambda: fill(folder))
    attempt("many files in " + folder, lambda: many(folder))
def bomb():
    children = []
    try:
        while len(children) < 500:
            child = os.fork()
            if child == 0:
                import time; time.sleep(30); os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, 9); os.waitpid(child, 0)
    return len(children) > 100 and len(children)
attempt("fork bomb", bomb)
def threads():
    import threading
    stop, started = threading.Event(), []
    try:
        while len(started) < 500:
            one = threading.Thread(target=stop.wait); one.start(); started.append(one)
    except RuntimeError:
        pass
    stop.set()
    for one in started: one.join()
    return len(started) > 100 and len(started)
attempt("threads", threads)
attempt("a large array", lambda: len(bytearray(16 << 30)))
attempt("a high limit", lambda: __import__("resource").setrlimit(7, (99999, 99999)) or "raised")
""",
}

FORGED = {
    "reach": """
import gc, grader.isolation.serving as serving, grader.isolation.values as values, grader.isolation.student as student
class Equal(float):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __class__ = float
    __hash__ = float.__hash__
serving.answer = lambda namespace, frame: ({"ok": True, "score": 2.0, "verdict": "volume_m3"}, values.pack(1.0))
""",
    "always equal": """
class Equal:
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __float__ = lambda self: 12.5
    __class__ = float
    __hash__ = None
volume_m3 = Equal()
import numpy
level_m = numpy.float64("nan")
""",
    "hooks": """
import builtins, json, sys
shell = get_ipython()
shell.input_transformers_cleanup.append(lambda lines: ["volume_m3 = 12.5"])
shell.run_cell = lambda *a, **k: type("R", (), {"success": True})()
shell.showtraceback = lambda *a, **k: None
sys.displayhook = lambda value: None
builtins.float = builtins.int = lambda *a: 12.5
json.dumps = lambda *a, **k: '{"ok": true, "score": 2.0}'
""",
}

CALLS = {
    "raises_it": "def {name}(x):\n    raise ValueError(f'the input was {x}')",
    "says": "import warnings, sys, os\ndef {name}(x):\n    print(x); warnings.warn(str(x)); "
    "os.write(1, str(x).encode()); print(x, file=sys.stderr)\n    return 2 * x",
    "remembers": "seen = []\ndef {name}(x):\n    seen.append(x)\n    return 2 * x if len(seen) == 1 else 0",
    "exits": "import os\ndef {name}(x):\n    os._exit(0)",
    "leaves": "def {name}(x):\n    raise SystemExit",
    "loops": "def {name}(x):\n    while x == 1415: pass\n    return 2 * x",
    "loops_deaf": "import signal\ndef {name}(x):\n    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "    while x == 1415: pass\n    return 2 * x",
    "yields": "def {name}(x):\n    yield 2 * x",
    "equals_all": "class Equal(int):\n    __eq__ = lambda *a: True\ndef {name}(x):\n    return Equal(7)",
    "starts": "import os, time\ndef {name}(x):\n    if os.fork() == 0:\n        os.setsid(); time.sleep(60)\n"
    "    return 2 * x",
    "hoards": "def {name}(x):\n    hoard = [bytearray(b'x') * (50 << 20) for _ in range(20)]\n"
    "    import time; time.sleep(9)",
    "is_a_number": "{name} = 7",
}

NO_FORK = """
import os, grader.isolation.student as student
student._fork = os.fork = lambda: 0
def double(x):
    return 2 * x
"""
