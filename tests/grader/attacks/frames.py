"""Frames that a student's process writes on its own descriptors, round the code that should write them."""

from tests.grader.attacks.entry import NONE, Attack, forges

# finds the connection to the controller, whatever its number is
PIPE = """
import json, os, socket, struct, sys, time
def connections():
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"): yield int(name)
        except OSError: pass
numbers = list(connections())
def raw(data):
    for number in numbers:
        os.set_blocking(number, True)
        while data: data = data[os.write(number, data):]
def frame(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("!II", len(text), len(body)) + text + body
"""

LOST = {"reports": ("cell ended the process",)}


def speaks(name: str, source: str, **more: object) -> Attack:
    """A cell that writes on the connection before its own result comes."""
    return Attack(name, PIPE + source, **LOST | more)


CONTROL = [
    speaks("a header of 4 GiB", "raw(struct.pack('!II', 0xFFFFFFFF, 0))"),
    speaks("a body of 4 GiB", "raw(struct.pack('!II', 2, 0xFFFFFFFF) + b'{}')"),
    speaks("a header that is no JSON", "raw(frame(b'\\xff\\x00{'))"),
    speaks("a header that is a list, a number, a text", "raw(frame(b'[]') + frame(b'7') + frame(b'\"x\"'))"),
    speaks("a header nested 30,000 deep", "raw(frame(b'[' * 30_000 + b']' * 30_000))"),
    speaks("a header of numbers that JSON does not know", "raw(frame(b'{\"cell\": NaN, \"cpu_s\": -Infinity}'))"),
    speaks("a header with a number of 60,000 digits", "raw(frame(b'{\"cell\": ' + b'9' * 60_000 + b'}'))"),
    speaks("another protocol", "raw(b'GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')"),
    speaks("a result for another cell", "raw(frame({'cell': 'gate', 'ok': True}, b'[]'))"),
    speaks("a verdict", "raw(frame({'verdict': 'level', 'score': 2.0}, b'{\"task\": \"level\", \"score\": 2.0}'))"),
    speaks("the sealing before its turn", "raw(frame({'sealed': True}))"),
    speaks("readiness once more", "raw(frame({'ready': True}))"),
    speaks("a frame cut short, then silence", "raw(struct.pack('!II', 100, 0) + b'{\"cell\"'); os._exit(0)"),
    speaks("the connection closed", "for number in numbers: os.close(number)"),
    speaks(
        "the same result twice",
        "raw(frame({'cell': 'attack', 'ok': True, 'cut': False}, b'[]'))",
        deserves=NONE,
        reports=("cell ended the process", "notebook given up"),
    ),
    Attack(
        "descriptors sent by the hundred",
        PIPE
        + """
for number in numbers:
    connection = socket.socket(fileno=os.dup(number))
    connection.setblocking(True)
    head = frame({"cell": "attack", "ok": True, "cut": False}, b"[]")
    socket.send_fds(connection, [head[:1]], [0] * 200)
    connection.sendall(head[1:])
    connection.detach()
""",
        deserves=NONE,
        reports=("cell ended the process", "notebook given up"),
    ),
    speaks("a flood that nobody reads", "raw(bytes(200 << 20))"),
    Attack(
        "a process that talks while the notebook runs",
        PIPE + "if os.fork() == 0:\n    while True: raw(frame({'cell': 'level', 'ok': True}, b'[]'))\ntime.sleep(5)",
        reports=("cell ended the process",),
    ),
    Attack("a fork that comes back from the cell", "import os\nos.fork()", deserves=NONE,
           reports=("cell ended the process", "notebook given up"), maybe=("leftover process",)),
]  # fmt: skip

ANSWER = (
    PIPE
    + """
def packed(tree, *blobs):
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return struct.pack(f"!II{len(blobs)}I", len(text), len(blobs), *map(len, blobs)) + text + b"".join(blobs)
ARRAY = {"t": "array", "dtype": "<f8", "shape": [1], "v": 0}
def tells(*data):
    def double(number):
        global numbers
        numbers = list(connections())
        for each in data: raw(each)
        time.sleep(0.3)
        os._exit(0)
    return double
"""
)
THREE = {"level": 2.0, "depths": 2.0, "double": 0.0, "gate": 2.0}


def answers(name: str, reply: str) -> Attack:
    """A notebook whose function writes ``reply`` on the connection of its fork, in the place of a result."""
    return Attack(name, ANSWER, last=f"double = tells(frame({reply}))", deserves=THREE)


REPLIES = [
    answers("an answer with points in its header", "{'ok': True, 'score': 2.0, 'verdict': 'double'}, packed(2.0)"),
    answers("an answer cut short", "{'ok': True}, packed([1.0])[:-3]"),
    answers("an answer of another type", "{'ok': True}, packed({'t': 'pickle', 'v': 0}, b'cos\\nsystem\\n')"),
    answers("lengths beyond everything", "{'ok': True}, struct.pack('!II', 0xFFFFFFF0, 0xFFFFFFFF)"),
    answers("a shape that lies", "{'ok': True}, packed(ARRAY | {'shape': [2**40, 2**40]}, bytes(8))"),
    answers("a shape below nothing", "{'ok': True}, packed(ARRAY | {'shape': [-1, -1]}, bytes(8))"),
    answers("a dtype of objects", "{'ok': True}, packed(ARRAY | {'dtype': '|O'}, bytes(8))"),
    answers(
        "dates in steps of nothing, which end the process that looks at them",
        "{'ok': True}, packed({'t': 'index', 'name': None, 'v': {'k': 'array', 'v': ARRAY | {'dtype': '<M8[0s]'}}}, "
        "bytes(8))",
    ),
    answers(
        "a buffer taken a thousand times, as a bomb",
        "{'ok': True}, packed([ARRAY | {'dtype': '|u1', 'shape': [4 << 20]}] * 1000, bytes(4 << 20))",
    ),
    answers(
        "keys that share one hash",
        "{'ok': True}, packed({'t': 'dict', 'v': [[k * (2**61 - 1), 0] for k in range(20_000)]})",
    ),
    answers("a range without end", "{'ok': True}, packed({'t': 'range', 'v': [0, 2**52, 1]})"),
    answers("a tree 100,000 deep", "{'ok': True}, packed(b'[' * 100_000 + b']' * 100_000)"),
    answers("millions of empty lists", "{'ok': True}, packed(b'[' + b'[],' * 6_000_000 + b'[]]')"),
    answers("not-a-number in the tree", "{'ok': True}, packed(b'NaN')"),
    answers(
        "a geometry of a billion rings",
        "{'ok': True}, packed({'t': 'geometry', 'v': 0}, struct.pack('<BII', 1, 3, 2**30))",
    ),
    answers("a projection of one's own", "{'ok': True}, packed({'t': 'geometries', 'epsg': '+proj=longlat'})"),
    answers("a time zone with a path", "{'ok': True}, packed({'t': 'timestamp', 'v': 0, 'zone': '../../etc/passwd'})"),
    answers("a failure in words of one's own", "{'failed': ['raised'] * 1_000, 'no_value': 'x' * 50_000}"),
    answers("an answer in the frozen process's words", "{'sealed': True, 'branch': 1}"),
    Attack(
        "an answer of 4 GiB, and one cut short",
        ANSWER,
        last="double = tells(struct.pack('!II', 2, 0xFFFFFFFF) + b'{}', b'\\0\\0')",
        deserves=THREE,
    ),
    forges(
        "every answer missing, or too large",
        ANSWER,
        last="import grader.isolation.serving as serving\n"
        "serving.answer = lambda *a: ({'missing': True, 'no_value': 'x' * 60_000}, b'')",
    ),
]

FRAMES = {"to the controller": CONTROL, "to the checker": REPLIES}
