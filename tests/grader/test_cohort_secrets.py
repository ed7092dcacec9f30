"""No byte of the truth is within reach of a student's process while it is graded."""

from tests.grader.isolation_runs import LIMITS, RIGHT, TRUTH, a_job, grade, shown

NEEDLE = "the-level-that-nobody-may-know-7391"

# The searched text never stands in the cell, which would find itself: each byte is one higher, here and while looking.
SEARCH = """
import os
up = bytes((byte + 1) % 256 for byte in range(256))
def sought(text):
    return bytes((byte + 1) % 256 for byte in text)
planted = "a text that the cell " + str(2 * 21) + " keeps"
def places():
    for name in ("environ", "cmdline", "maps", "mountinfo", "status"):
        for process in ("self", "1"):
            try:
                yield name, open(f"/proc/{process}/{name}", "rb").read()
            except OSError:
                pass
    for number in os.listdir("/proc/self/fd"):
        try:
            yield "fd", os.readlink(f"/proc/self/fd/{number}").encode()
            if os.path.isfile(f"/proc/self/fd/{number}"):
                yield "fd", open(f"/proc/self/fd/{number}", "rb").read(1 << 20)
        except OSError:
            pass
    for root in ("/tmp", "/dev/shm", os.getcwd(), os.path.expanduser("~")):
        for folder, _, files in os.walk(root):
            for file in files:
                try:
                    yield "file", open(os.path.join(folder, file), "rb").read(1 << 20)
                except OSError:
                    pass
    with open("/proc/self/mem", "rb", 0) as memory, open("/proc/self/maps") as maps:
        for line in maps.read().splitlines():
            span, rights = line.split()[:2]
            if "r" not in rights or "w" not in rights:
                continue
            first, last = (int(end, 16) for end in span.split("-"))
            try:
                memory.seek(first)
                yield "memory", memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                pass
found = {}
for place, content in places():
    raised = content.translate(up)
    for what, text in (("planted", PLANTED), ("needle", HIDDEN)):
        if text in raised:
            found.setdefault(what, set()).add(place)
print("searched:", {what: sorted(where) for what, where in found.items()})
"""


def raised(text: str) -> str:
    return repr(bytes((byte + 1) % 256 for byte in text.encode()))


def test_the_truth_is_nowhere_in_a_students_process(tmp_path):
    cell = SEARCH.replace("PLANTED", raised("a text that the cell 42 keeps")).replace("HIDDEN", raised(NEEDLE))
    truth = TRUTH | {"needle": NEEDLE}
    report = grade(a_job(tmp_path, {**RIGHT, "search": cell}, truth=truth), LIMITS)
    # What the process itself holds is found, so the search works; the truth is not.
    assert shown(report, "search").strip() == "searched: {'planted': ['memory']}"
    assert NEEDLE not in str(report.outputs)
    assert NEEDLE not in str(report.verdicts)
