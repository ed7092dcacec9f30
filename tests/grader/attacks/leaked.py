"""Secrets leaked: nothing a student's process can reach holds the truth, a key, another's work, or the host's."""

from tests.grader.attacks.entry import Attack

FILES = [
    Attack(
        "the instructor's source, the lab's key, other courses",
        """
for path in ("<<SECRET>>", "<<LAB>>/key.py", "<<COURSE>>/source/secret", "<<COURSE>>/truth/secret",
             "<<COURSE>>/keys/secret",
             "../../source", "../../../source", "<<CHECKOUT>>/labs", "/practicum/labs", "/practicum/curriculum",
             "/practicum/grader/checks/judge.py", "/practicum/grader/workshop/lab.py", "/practicum/grader/cohort",
             "/practicum/site-packages/grader/__init__.py", "<<CHECKOUT>>/tests"):
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(10))
attempt("import of the checks", lambda: __import__("grader.checks.judge"))
attempt("other students", lambda: [name for name in os.listdir("..") if name != "practicum"] or None)
""",
        attempts=17,
    ),
    Attack(
        "the host's files and devices",
        """
for path in ("/etc/shadow", "/root/.bashrc", "/proc/kcore", "/dev/mem", "/dev/sda", "/dev/kmsg",
             "/sys/kernel/notes", "/sys/fs/cgroup",
             "/var/log", "/run/docker.sock", "/boot", "/proc/sysrq-trigger", "/dev/fuse", "/dev/net/tun",
             "/dev/ptmx"):
    attempt(path, lambda: os.listdir(path) or None if os.path.isdir(path) else open(path, "rb").read(10))
""",
        attempts=15,
    ),
    Attack(
        "links, and ways round through /proc",
        """
os.symlink("<<SECRET>>", "link"); os.symlink("/proc/self/root/../..<<SECRET>>", "link2")
for path in ("link", "link2", "/proc/1/root<<SECRET>>", "/proc/self/root<<SECRET>>", "/proc/1/cwd/../<<SECRET>>",
             "/proc/self/cwd/../../..<<SECRET>>"):
    attempt(path, lambda: open(path, "rb").read(10))
attempt("a hard link", lambda: os.link("<<SECRET>>", "hard"))
attempt("a file handle", lambda: libc.open_by_handle_at(-100, b"x" * 64, 0) >= 0)
""",
        attempts=8,
    ),
    Attack(
        "writing where only reading is meant",
        """
for path in ("data/levels.csv", "data/new", "/usr/x", "/practicum/x", "/practicum/twin_sandbox/__init__.py",
             "/etc/passwd", "/etc/ld.so.preload",
             "/practicum/site-packages/x.pth", "/x", "/dev/x", "/proc/sys/kernel/core_pattern",
             "/proc/sys/kernel/hostname",
             "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger", "/practicum/.cache/x"):
    attempt("write " + path, lambda: open(path, "ab"))
attempt("remove the bundle", lambda: os.rename("data", "gone") or True)
attempt("be spared", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000") and None or "set")
attempt("change its mode", lambda: os.chmod("data/levels.csv", 0o777) or True)
""",
        attempts=18,
    ),
]

PROCESSES = [
    Attack(
        "other processes: environment, memory, descriptors, command lines",
        """
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
attempt("processes of the host", lambda: len(seen) > 4)
for pid in {os.getppid(), 1, <<HOSTPID>>, <<TESTPID>>} - {os.getpid()}:
    for name in ("environ", "mem", "maps", "auxv", "syscall", "stack", "pagemap"):
        attempt(f"{name} of {pid}", lambda: open(f"/proc/{pid}/{name}", "rb").read(8) or None)
    for name in ("fd", "map_files", "cwd", "root"):
        attempt(f"{name} of {pid}", lambda: os.listdir(f"/proc/{pid}/{name}"))
told = [pid for pid in seen if b"7391" in open(f"/proc/{pid}/cmdline", "rb").read()]
attempt("a command line that tells", lambda: told or None)
attempt("the host by signal 0", lambda: os.kill(<<HOSTPID>>, 0) or "reached")
attempt("the host by pidfd", lambda: os.pidfd_open(<<HOSTPID>>))
""",
        attempts=12,
    ),
    Attack(
        "tracing and reading memory across processes",
        """
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(8)
here, there = Part(ctypes.addressof(buffer), 8), Part(0x400000, 8)
for pid in {os.getppid(), 1, <<HOSTPID>>} - {os.getpid()}:
    attempt(f"ptrace {pid}", lambda: libc.ptrace(16, pid, 0, 0) >= 0)
    attempt(f"read {pid}", lambda: libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0)
    attempt(f"write {pid}", lambda: libc.process_vm_writev(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0)
attempt("trace me", lambda: libc.ptrace(0, 0, 0, 0) >= 0)
""",
        attempts=4,
    ),
    Attack(
        "inherited descriptors",
        """
harmless = ("/dev/null", "socket:", "/tmp/#", "/proc/", "pipe:", "anon_inode:")
links = {}
for number in os.listdir("/proc/self/fd"):
    try: links[number] = os.readlink(f"/proc/self/fd/{number}")
    except OSError: pass
odd = [link for link in links.values() if not link.startswith(harmless) and not link.endswith("proj.db")]
folders = [n for n in links if os.path.isdir(f"/proc/self/fd/{n}") and not links[n].startswith("/proc")]
attempt("descriptors", lambda: odd or None)
import socket
def peer(number):
    with socket.socket(fileno=os.dup(int(number))) as one:
        return int.from_bytes(one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)
outside = [number for number, link in links.items() if link.startswith("socket:") and not peer(number)]
attempt("connections beyond the grader's own", lambda: outside[1:] or None)
attempt("folders outside", lambda: folders or None)
""",
        attempts=3,
    ),
    Attack(
        "core dumps",
        """
import resource
attempt("raise the limit", lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)))
child = os.fork()
if child == 0: os.abort()
attempt("a core of a child", lambda: os.waitpid(child, 0)[1] & 0x80 > 0)
attempt("a core file", lambda: [name for name in os.listdir(".") if "core" in name] or None)
""",
        attempts=3,
    ),
]

CALLS = [
    Attack(
        "the network: loopback, abstract and path sockets, the outside, other families",
        """
import socket
def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
        return s.recv(20) or "connected"
attempt("loopback of the host", lambda: connect(socket.AF_INET, ("127.0.0.1", <<PORT>>)))
attempt("abstract socket", lambda: connect(socket.AF_UNIX, "\\0<<ABSTRACT>>"))
attempt("socket in a folder", lambda: connect(socket.AF_UNIX, "<<SOCKET>>"))
attempt("the outside", lambda: connect(socket.AF_INET, ("192.0.2.1", 80)))
attempt("the outside by IPv6", lambda: connect(socket.AF_INET6, ("2001:db8::1", 80)))
attempt("names", lambda: socket.getaddrinfo("example.org", 80))
for family in (17, 38, 40, 31, 29, 44):
    kind = socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_RAW
    attempt(f"family {family}", lambda: socket.socket(family, kind))
attempt("interfaces", lambda: [name for _, name in socket.if_nameindex() if name != "lo"] or None)
""",
        attempts=13,
    ),
    Attack(
        "kernel doors: keyrings, bpf, perf, io_uring, userfaultfd, namespaces, mounts, clocks",
        """
import platform
x86 = platform.machine() == "x86_64"
for name, numbers, arguments in (
    ("keyctl", (250, 219), (0, -3, 0)), ("add_key", (248, 217), (b"user", b"a", b"b", 1, -3)),
    ("request_key", (249, 218), (b"user", b"a", 0, -3)),
    ("bpf", (321, 280), (0, 0, 0)), ("perf", (298, 241), (0, 0, -1, -1, 0)), ("io_uring", (425, 425),
    (1, ctypes.create_string_buffer(256))),
    ("userfaultfd", (323, 282), (0,)), ("unshare user", (272, 97), (0x10000000,)), ("unshare net", (272, 97),
    (0x40000000,)),
    ("clone user", (56, 220), (0x10000000 | 17, 0, 0, 0, 0)), ("clone3", (435, 435), (0, 0)), ("setns", (308, 268),
    (0, 0)),
    ("mount", (165, 40), (b"none", b"/tmp", b"tmpfs", 0, 0)), ("umount", (166, 39), (b"/proc", 2)),
    ("pivot_root", (155, 41), (b".", b".")),
    ("chroot", (161, 51), (b"/tmp",)), ("open_tree", (428, 428), (-100, b"/", 1)), ("fsopen", (430, 430),
    (b"tmpfs", 0)),
    ("pidfd_getfd", (438, 438), (0, 0, 0)), ("kcmp", (312, 272), (1, 1, 0, 0, 0)), ("personality", (135, 92),
    (0x0040000,)),
    ("set the clock", (227, 112), (0, ctypes.create_string_buffer(16))), ("become root", (105, 146), (0,)),
    ("reboot", (169, 142), (0,)),
    ("kexec", (246, 104), (0, 0, 0, 0)), ("init_module", (175, 105), (0, 0, b"")), ("syslog", (103, 116),
    (3, ctypes.create_string_buffer(64), 64)),
    ("memfd_secret", (447, 447), (0,)), ("fanotify", (300, 262), (0, 0)), ("quotactl", (179, 60), (0, 0, 0, 0)),
):
    attempt(name, lambda: call(numbers[0 if x86 else 1], *arguments))
import fcntl, termios
attempt("type into the terminal", lambda: fcntl.ioctl(0, termios.TIOCSTI, b"x"))
attempt("a device", lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(8, 1)) or "made")
attempt("a setuid program", lambda: os.popen("su -c id 2>&1 < /dev/null").read().count("uid=0") > 0)
held = [line for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb"))]
attempt("capabilities", lambda: [line for line in held if int(line.split()[1], 16)] or None)
""",
        attempts=34,
    ),
    Attack(
        "32-bit calls round the filter",
        """
import mmap, platform
# mov eax, 26 (ptrace by the 32-bit table); int 0x80; ret
if platform.machine() == "x86_64":
    child = os.fork()
    if child == 0:
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(b"\\xb8\\x1a\\0\\0\\0\\xcd\\x80\\xc3")
        result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        os._exit(7 if result >= 0 else 0)
    attempt("a 32-bit call", lambda: os.waitpid(child, 0)[1] >> 8 == 7)
""",
    ),
]

TOLD = [
    Attack(
        "hidden inputs raised, printed, warned, logged",
        "import logging, os, sys, warnings",
        answers={
            "level": "level_m = 3.25",
            "depths": "depths_m = {'GQ-1': 0.5, 'GQ-2': 0.75}",
            "gate": "gate = {'code': 'GQ-7', 'open': True}",
            "double": """
def double(number):
    print(number); print(number, file=sys.stderr); warnings.warn(str(number)); logging.error(number)
    os.write(1, str(number).encode()); os.write(2, str(number).encode())
    raise ValueError(f"the input was {number}")
""",
        },
        deserves={"level": 2.0, "depths": 2.0, "double": 0.0, "gate": 2.0},
    ),
    Attack(
        "hidden inputs kept for a later call",
        "seen = []",
        answers={
            "level": "level_m = 3.25",
            "depths": "depths_m = {'GQ-1': 0.5, 'GQ-2': 0.75}",
            "gate": "gate = {'code': 'GQ-7', 'open': True}",
            "double": "def double(number):\n    seen.append(number)\n"
            "    return 2 * number if len(seen) == 1 else seen[0]",
        },
    ),
    Attack(
        "hidden inputs kept in a file for a later answer",
        "",
        answers={
            "double": "def double(number):\n    open('/tmp/seen', 'a').write(f'{number}\\n')\n    return 2 * number",
            "level": "level_m = 3.25",
            "depths": "depths_m = {'GQ-1': 0.5, 'GQ-2': 0.75}",
            "gate": "class Gate(dict):\n"
            "    def items(self): return [('code', open('/tmp/seen').read()), ('open', True)]\n"
            "gate = Gate(code='GQ-7', open=True)",
        },
    ),
]

LEAKED = {"files": FILES, "processes": PROCESSES, "calls": CALLS, "told": TOLD}
