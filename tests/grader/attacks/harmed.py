"""The machine harmed: each meets a limit that is told, and costs its own cell at most."""

from tests.grader.attacks.entry import RIGHT, Attack, forges

MEMORY = [
    Attack("one array of 16 GiB", "attempt('a large array', lambda: len(bytearray(16 << 30)))", attempts=1),
    Attack(
        "memory bit by bit",
        "hoard = []\nwhile True: hoard.append(bytearray(b'x') * (16 << 20))",
        reports=("memory",),
    ),
    Attack(
        "memory by many processes",
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        hoard = bytearray(b'x') * (150 << 20)\n"
        "        time.sleep(60)\ntime.sleep(60)",
        reports=("memory",),
    ),
    Attack(
        "shared memory by mmap",
        "import mmap, time\nhoard = mmap.mmap(-1, 800 << 20)\nfor at in range(0, len(hoard), 4096): hoard[at] = 1\n"
        "time.sleep(60)",
        reports=("memory",),
    ),
    Attack(
        "memory outside the limits of a process: memfd, shmget, locked pages",
        """
import mmap
attempt("memfd", lambda: os.memfd_create("x"))
attempt("shmget", lambda: libc.shmget(0, 1 << 20, 0o1600) >= 0)
attempt("msgget", lambda: libc.msgget(0, 0o1600) >= 0)
attempt("mlockall", lambda: libc.mlockall(3) == 0)
""",
        attempts=4,
    ),
    Attack(
        "a folder of shared memory filled",
        "attempt('fill', lambda: open('/dev/shm/x', 'wb').write(bytes(60 << 20)))",
        attempts=1,
    ),
    Attack(
        "memory in socket buffers",
        """
import socket
def sockets():
    held = []
    try:
        while len(held) < 5_000:
            ends = socket.socketpair(); held.append(ends)
            ends[0].setblocking(False)
            try:
                while True: ends[0].send(bytes(1 << 16))
            except BlockingIOError: pass
    except OSError: pass
    return len(held) > 300 and len(held)
attempt("many sockets", sockets)
""",
        attempts=1,
    ),
    Attack(
        "deep recursion in Python",
        "import sys\nsys.setrecursionlimit(10**9)\ndef deep(n): return deep(n + 1)\ndeep(0)",
        maybe=("cell ended the process", "memory", "cell timed out"),
    ),
    Attack(
        "deep recursion in C",
        "thing = []\nfor _ in range(500_000): thing = [thing]\nimport json\n"
        "try: json.dumps(thing)\nexcept RecursionError: pass\n"
        "import copy\ntry: repr(thing); hash(str(thing))\nexcept RecursionError: pass",
        maybe=("cell ended the process",),
    ),
    Attack(
        "a zip that unpacks to gigabytes",
        """
import io, zipfile
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("x", bytes(60 << 20))
def unpack():
    for number in range(40):
        zipfile.ZipFile(packed).extract("x", f"out{number}")
attempt("unpack", unpack)
""",
        attempts=1,
    ),
]

FILES = [
    Attack(
        "scratch folders filled",
        """
def fill(folder):
    written = 0
    try:
        for number in range(40):
            with open(f"{folder}/big{number}", "wb") as file:
                for _ in range(15): file.write(bytes(4 << 20)); file.flush(); written += 4
    except OSError: pass
    return written > 100 and written
for folder in (".", "/tmp", "/dev/shm"): attempt("fill " + folder, lambda: fill(folder))
""",
        attempts=3,
        maybe=("memory",),
    ),
    Attack(
        "a million small files",
        """
def many(folder):
    made = 0
    try:
        while made < 50_000: open(f"{folder}/f{made}", "w").close(); made += 1
    except OSError: pass
    return made > 5_000 and made
for folder in (".", "/tmp", "/dev/shm"): attempt("many files in " + folder, lambda: many(folder))
""",
        attempts=3,
    ),
    Attack(
        "one file beyond the limit, one with a hole of a terabyte",
        """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
attempt("a long file", lambda: os.ftruncate(os.open("long", os.O_CREAT | os.O_RDWR), 1 << 40))
attempt("a hole", lambda: os.pwrite(os.open("hole", os.O_CREAT | os.O_RDWR), b"x", 1 << 40))
""",
        attempts=2,
    ),
    Attack(
        "thousands of open files",
        """
def opens():
    files = []
    try:
        while len(files) < 5_000: files.append(os.open("/dev/null", os.O_RDONLY))
    except OSError: pass
    for number in files: os.close(number)
    return len(files) > 600 and len(files)
attempt("open files", opens)
""",
        attempts=1,
    ),
    Attack(
        "names that break a terminal or a path",
        "import os\nfor name in ('\\x1b[2J', '-rf', 'a\\nb', '..\\u2215x', 'é' * 100): open(name, 'w').close()\n"
        "os.makedirs('/'.join(['d'] * 400), exist_ok=True)",
    ),
]

PROCESSES = [
    Attack(
        "a fork bomb",
        """
def bomb():
    children = []
    try:
        while len(children) < 500:
            child = os.fork()
            if child == 0:
                import time; time.sleep(60); os._exit(0)
            children.append(child)
    except OSError: pass
    return len(children) > 100 and len(children)
attempt("fork bomb", bomb)
""",
        reports=("leftover process",),
        attempts=1,
    ),
    Attack(
        "a bomb of threads",
        """
import threading
def threads():
    stop, started = threading.Event(), []
    try:
        while len(started) < 500:
            one = threading.Thread(target=stop.wait); one.start(); started.append(one)
    except RuntimeError: pass
    stop.set()
    for one in started: one.join()
    return len(started) > 100 and len(started)
attempt("threads", threads)
""",
        attempts=1,
    ),
    Attack("os._exit", "import os\nos._exit(0)", reports=("cell ended the process",)),
    Attack(
        "a signal to oneself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        maybe=("cell ended the process",),
    ),
    Attack("a crash in C", "import ctypes\nctypes.string_at(0)", reports=("cell ended the process",)),
    Attack(
        "signals to parents, to process 1 and to everybody",
        """
import signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    for pid in (os.getppid(), 1, <<HOSTPID>>, <<TESTPID>>):
        attempt(f"{number} to {pid}", lambda: os.kill(pid, number))
attempt("signal 0 to the host", lambda: os.kill(<<HOSTPID>>, 0) or "reached")
""",
        attempts=1,
        maybe=("cell ended the process",),
    ),
    Attack(
        "SIGKILL to parents",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(1, signal.SIGKILL)",
        maybe=("cell ended the process",),
    ),
    Attack("SIGKILL to everybody", "import os, signal\nos.kill(-1, signal.SIGKILL)", maybe=("cell ended the process",)),
    Attack(
        "limits raised, priority raised",
        """
import resource
for number in range(16):
    attempt(f"limit {number}", lambda: resource.setrlimit(number, (resource.RLIM_INFINITY,) * 2) if
            resource.getrlimit(number)[1] not in (-1, resource.RLIM_INFINITY) else None)
attempt("priority", lambda: os.nice(-5))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) or "set")
""".replace("if\n            resource", "if resource"),
        attempts=5,
    ),
    forges("exit, quit and sys.exit", "", last="import sys\nexit()\nquit()\nsys.exit(0)"),
]

OUTPUT = [
    Attack("100 MB on one line", "print('x' * 100_000_000)", reports=("output cut",)),
    Attack(
        "100 MB by C on descriptor 1",
        "import os\nfor _ in range(100): os.write(1, b'x' * 1_000_000)",
        reports=("output cut",),
        maybe=("memory",),
    ),
    Attack("lines without end", "for number in range(50_000): print(number)", reports=("output cut",)),
    Attack(
        "pictures, HTML and results without end",
        "from IPython.display import HTML, Image, display\nfor _ in range(50):\n"
        "    display(Image(b'\\x89PNG' + bytes(100_000), format='png'), HTML('<b>' * 10_000))",
        reports=("output cut",),
    ),
    Attack(
        "a traceback of 100 MB",
        "raise ValueError('x' * 100_000_000)",
        maybe=("memory", "cell ended the process", "output cut"),
    ),
    Attack(
        "displays that are no JSON",
        "from IPython.display import display\nloop = {}; loop['x'] = loop\n"
        "display({'text/plain': loop, 7: {1, 2}, 'application/json': float('nan')}, raw=True)",
    ),
    Attack(
        "ten thousand displays updated",
        "from IPython.display import display\n"
        "h = display('x', display_id='a')\nfor n in range(2_000): h.update('y' * 50)",
        maybe=("output cut",),
    ),
    Attack("text that is no text: lone surrogates, escapes, nulls", "print('\\ud800\\x00\\x1b[2J\\u202e')\n'\\udfff'"),
]

# each of these needs the cell's whole time, and more where C code hears no interrupt
LOOPS = [
    Attack("an endless loop", "while True: pass", reports=("cell timed out",)),
    Attack(
        "an endless loop that swallows interrupts",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        reports=("cell timed out",),
    ),
    Attack("an endless sum in C", "import itertools\nsum(itertools.repeat(1))", reports=("cell timed out",)),
    Attack(
        "a regular expression that backtracks for ever",
        "import re\nre.match('(a+)+$', 'a' * 64 + 'b')",
        reports=("cell timed out",),
    ),
    Attack(
        "powers of big integers",
        "9 ** 9 ** 9 % 7",
        reports=("cell timed out",),
        maybe=("memory", "cell ended the process"),
    ),
]

CALLS = [
    forges(
        "hidden calls that never return",
        "",
        answers=RIGHT | {"double": "def double(number):\n    while True: pass"},
        deserves={"level": 2.0, "depths": 2.0, "double": 0.0, "gate": 2.0},
    ),
    forges(
        "hidden calls that end the process",
        "",
        answers=RIGHT | {"double": "import os\ndef double(number):\n    os._exit(0)"},
        deserves={"level": 2.0, "depths": 2.0, "double": 0.0, "gate": 2.0},
    ),
    forges(
        "hidden calls that leave processes behind",
        "",
        answers=RIGHT
        | {
            "double": "import os, time\ndef double(number):\n    if os.fork() == 0:\n"
            "        os.setsid(); time.sleep(60)\n    return 2 * number"
        },
        deserves={"level": 2.0, "depths": 2.0, "double": 2.0, "gate": 2.0},
    ),
    forges(
        "a process that refuses to fork",
        "",
        last="import os, grader.isolation.student as student\nstudent._fork = os.fork = lambda: 0",
        answers=RIGHT,
        deserves={"level": 2.0, "depths": 2.0, "double": 0.0, "gate": 0.0},
        reports=("answers lost",),
    ),
]

HARMED = {"memory": MEMORY, "files": FILES, "processes": PROCESSES, "output": OUTPUT, "hidden calls": CALLS}
