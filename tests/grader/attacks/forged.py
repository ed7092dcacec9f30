"""Scores forged: none of these earns a point that the answers do not."""

from tests.grader.attacks.entry import WRONG, Attack, forges

HOOKS = [
    forges(
        "an input hook that rewrites cells", "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass'])"
    ),
    forges(
        "an AST hook that makes every comparison true",
        """
import ast
class Yes(ast.NodeTransformer):
    def visit_Compare(self, node):
        return ast.copy_location(ast.Constant(True), node)
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Yes())
""",
    ),
    forges(
        "a display hook that shows full points",
        """
import sys
sys.displayhook = lambda value: print("2.0")
get_ipython().display_formatter.format = lambda *a, **k: ({"text/plain": "2.0"}, {})
from IPython.display import display
display(2.0)
print("2.0"); 2.0
""",
        last="2.0",
    ),
    forges(
        "patched run_cell, do_execute and showtraceback",
        """
shell = get_ipython()
fine = type("Result", (), {"success": True, "result": 2.0, "error_in_exec": None})
shell.run_cell = lambda *a, **k: fine()
shell.do_execute = lambda *a, **k: {"status": "ok"}
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
""",
    ),
    forges(
        "events before and after each cell",
        """
shell = get_ipython()
for event in ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell"):
    shell.events.register(event, lambda *a: shell.user_ns.update(score=2.0, max_score=2.0, points=2.0))
""",
    ),
    forges(
        "builtins replaced",
        """
import builtins, math
for name in ("float", "int", "abs", "round", "isinstance", "type", "sum", "len", "repr"):
    setattr(builtins, name, lambda *a, **k: 2.0)
math.isclose = math.isfinite = lambda *a, **k: True
""",
        reports=("cell ended the process",),
    ),
    forges(
        "the grader's own modules patched in the notebook",
        """
import grader.isolation.answers, grader.isolation.serving as serving, grader.isolation.values as values
import grader.isolation.encoding as encoding, grader.isolation.pipe as pipe
full = values.pack(2.0)
serving.answer = lambda namespace, frame: ({"ok": True, "score": 2.0, "verdict": "level"}, full)
serving._packed = lambda value, failure: ({"ok": True, "score": 2.0}, full)
""",
    ),
    forges(
        "json, struct and socket patched under the pipe",
        """
import json, socket, struct
dumps = json.dumps
json.dumps = lambda value, *a, **k: dumps({"verdict": "level", "score": 2.0, "done": True} | value
                                         if isinstance(value, dict) else value, *a, **k)
""",
    ),
    forges(
        "import hooks that swap what is imported later",
        """
import builtins, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        return None
sys.meta_path.insert(0, Finder())
sys.path_hooks.insert(0, lambda path: Finder())
sys.path.insert(0, "")
true_import = builtins.__import__
builtins.__import__ = lambda name, *a, **k: true_import("json" if name.startswith("pandas") else name, *a, **k)
""",
    ),
]

EQUALS = """
class Equal:
    def yes(self, *others, **named): return True
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = __contains__ = __bool__ = __instancecheck__ = yes
    __ne__ = lambda *a: False
    __hash__ = lambda self: 7
    __float__ = lambda self: 3.25
    __int__ = __index__ = __len__ = lambda self: 3
    __sub__ = __rsub__ = __add__ = __radd__ = __abs__ = lambda self, *a: 0.0
    __array__ = lambda self, *a, **k: __import__("numpy").array(3.25)
    __array_ufunc__ = lambda self, *a, **k: True
    __iter__ = lambda self: iter([3.25])
    __str__ = __repr__ = lambda self: "3.25"
    __getattr__ = lambda self, name: self
    __class__ = float
"""
OBJECTS = [
    forges(
        "objects that equal everything",
        EQUALS,
        answers={"level": "level_m = depths_m = gate = double = Equal()"},
    ),
    forges(
        "a float that equals everything",
        "class F(float):\n    __eq__ = __le__ = __ge__ = lambda *a: True\n    __ne__ = lambda *a: False\n"
        "    __float__ = __abs__ = __sub__ = __rsub__ = lambda *a: 3.25\n    __hash__ = float.__hash__",
        answers=WRONG | {"level": "level_m = F(0.0)", "depths": "depths_m = {'GQ-1': F(9.0), 'GQ-2': F(9.0)}"},
    ),
    forges(
        "an int and a str that equal everything",
        "class I(int):\n    __eq__ = __bool__ = lambda *a: True\n    __index__ = __int__ = lambda self: 1\n"
        "    __hash__ = int.__hash__\n"
        "class S(str):\n    __eq__ = lambda *a: True\n    __str__ = __repr__ = lambda self: 'GQ-7'\n"
        "    __hash__ = str.__hash__",
        answers=WRONG
        | {"double": "def double(number):\n    return I(0)", "gate": "gate = {S('code'): S('x'), S('open'): I(1)}"},
    ),
    forges(
        "a dict, a list and a tuple with methods of their own",
        """
class D(dict):
    __getitem__ = get = lambda self, *a: 0.5
    __contains__ = __eq__ = lambda *a: True
    items = lambda self: [("GQ-1", 0.5), ("GQ-2", 0.75)]
    keys = __iter__ = lambda self: iter(["GQ-1", "GQ-2"])
class L(list):
    __iter__ = lambda self: iter([3.25])
    __getitem__ = lambda self, at: 3.25
""",
        answers=WRONG | {"level": "level_m = L([0.0])", "depths": "depths_m = D({'GQ-1': 9.0})", "gate": "gate = D()"},
    ),
    forges(
        "numpy scalars and arrays of a class of one's own",
        """
import numpy as np
class A(np.ndarray):
    __eq__ = __le__ = lambda *a: True
    __array_ufunc__ = __array_function__ = lambda *a, **k: np.float64(0.0)
    item = tolist = __float__ = lambda *a: 3.25
class G(np.float64):
    __eq__ = __le__ = lambda *a: True
    item = lambda self: 3.25
""",
        answers=WRONG
        | {"level": "level_m = np.zeros(1).view(A)", "depths": "depths_m = {'GQ-1': G(9.0), 'GQ-2': np.bool_(True)}"},
    ),
    forges(
        "a DataFrame and a Series of a class of one's own",
        """
import pandas as pd
class T(pd.DataFrame):
    equals = __eq__ = lambda *a: True
    __getitem__ = lambda self, key: pd.Series([0.5, 0.75], index=["GQ-1", "GQ-2"])
class C(pd.Series):
    equals = __eq__ = lambda *a: True
    to_numpy = __array__ = lambda *a, **k: __import__("numpy").array([3.25])
""",
        answers=WRONG
        | {
            "level": "level_m = C([0.0])",
            "depths": "depths_m = T({'depth_m': [9.0, 9.0]}, index=['GQ-1', 'GQ-2'])",
        },
    ),
    forges(
        "not-a-number, infinities, truth values and texts for numbers",
        "import numpy as np",
        answers={
            "level": "level_m = np.float64('nan')",
            "depths": "depths_m = {'GQ-1': float('inf'), 'GQ-2': -np.inf}",
            "double": "def double(number):\n    return float('nan') if number % 2 else '%d' % (2 * number)",
            "gate": "gate = {'code': None, 'open': 1}",
        },
    ),
    forges("a number beyond every float", "", answers=WRONG | {"level": "level_m = 10 ** 1000"}),
    forges(
        "properties that change with every look",
        "import itertools\nclass Turn(float):\n    looks = itertools.count()\n"
        "    __float__ = lambda self: float(next(self.looks))\n    real = property(lambda self: next(self.looks))",
        answers=WRONG | {"level": "level_m = Turn(0.0)"},
    ),
]

LATER = [
    forges(
        "a thread that alters values after the last cell",
        """
import threading, time
def later(names=globals()):
    while "sealed" not in names or time.monotonic() < names["sealed"] + 1.0:
        time.sleep(0.01)
    names["gate"].update(code="GQ-7", open=True)
threading.Thread(target=later, daemon=True).start()
""",
        answers=WRONG | {"double": "import time\ndef double(number):\n    time.sleep(0.5)"},
        last="sealed = time.monotonic()",
    ),
    forges(
        "exit handlers",
        "import atexit, os\natexit.register(lambda: globals().update(level_m=3.25))\n"
        "os.register_at_fork(before=lambda: print('2.0'), after_in_child=lambda: print('score 2.0'))",
    ),
    forges(
        "functions that run at a fork, in the child",
        "import os",
        last="os.register_at_fork(after_in_child=lambda: [os.write(n, b'\\0\\0\\0\\x0c\\0\\0\\0\\0{\"ok\": true}') "
        "for n in range(3, 64) if os.path.exists(f'/proc/self/fd/{n}')])",
    ),
    Attack(
        "a process that stays behind",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(0)",
        reports=("leftover process",),
    ),
    Attack(
        "trace, profile and audit hooks",
        """
import sys, threading
seen = []
def watch(frame, event, argument):
    seen.append((event, argument))
    return watch
sys.settrace(watch); sys.setprofile(lambda *a: seen.append(a)); threading.settrace(watch); threading.setprofile(watch)
sys.addaudithook(lambda event, arguments: seen.append((event, arguments)))
""",
        last="sys.settrace(None); sys.setprofile(None)",
    ),
    forges(
        "an audit hook that forbids everything from then on",
        "import sys\ndef no(event, arguments):\n    raise RuntimeError(event)",
        last="sys.addaudithook(no)",
        maybe=("cell ended the process", "answers lost", "notebook given up"),
    ),
    Attack(
        "signal handlers and timers",
        """
import faulthandler, signal
for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGPROF):
    signal.signal(number, lambda *a: globals().update(level_m=0.0))
signal.setitimer(signal.ITIMER_REAL, 3600)
faulthandler.enable(); faulthandler.dump_traceback_later(3600, repeat=True)
""",
    ),
    forges(
        "a signal handler that answers when the frozen process wakes",
        "import signal\nshell = get_ipython()\n"
        "signal.signal(signal.SIGCONT, lambda *a: shell.user_ns.update(level_m=3.25))",
    ),
    forges(
        "weak references, finalisers and collector callbacks",
        """
import gc, weakref
class Late:
    def __del__(self): globals().update(level_m=0.0, score=2.0)
late = Late(); weakref.finalize(late, print, "2.0")
gc.callbacks.append(lambda phase, info: globals().update(score=2.0))
gc.set_threshold(1)
""",
    ),
    forges(
        "memory written by ctypes: small integers, None, code of functions",
        """
import ctypes, sys
def poke(thing, value, offset=24):
    ctypes.cast(id(thing) + offset, ctypes.POINTER(ctypes.c_uint32))[0] = value
poke(200, 3)
poke(0.5, 0)
from grader.isolation import serving
serving.answer.__code__ = (lambda namespace, frame: ({"ok": True}, b"")).__code__
""",
    ),
    forges(
        "a second shell and a subclass of the first",
        "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.clear_instance()\n"
        "class Mine(InteractiveShell):\n    run_cell = lambda *a, **k: None\nget_ipython().__class__ = Mine",
    ),
]

SHADOWS = [
    forges(
        "shadow modules in the home folder: numpy, json, grader, sitecustomize, a .pth",
        """
import os, subprocess, sys
text = "level_m = 3.25\\nprint('2.0')\\n"
for name in ("numpy.py", "json.py", "grader.py", "sitecustomize.py", "usercustomize.py", "struct.py", "IPython.py"):
    open(name, "w").write(text)
open("x.pth", "w").write("import os; os.environ['SCORE'] = '2.0'\\n")
os.makedirs("grader/isolation"); open("grader/__init__.py", "w").write(text)
site = ".local/lib/python3.11/site-packages"
os.makedirs(site); open(site + "/x.pth", "w").write("import os")
os.makedirs("/tmp/ipython/profile_default/startup", exist_ok=True)
open("/tmp/ipython/profile_default/startup/00.py", "w").write(text)
os.environ["PYTHONPATH"] = os.environ["PYTHONSTARTUP"] = os.getcwd()
""",
    ),
    forges(
        "exec of another program in the place of the notebook",
        "",
        last="import os\nos.execv('/bin/true', ['true'])",
        reports=("cell ended the process",),
    ),
    Attack(
        "the course's files written directly",
        """
import glob
for path in ("gradebook.db", "../gradebook.db", "/practicum/gradebook.db", "<<COURSE>>/gradebook.db"):
    attempt(path, lambda: os.path.exists(path) or None)
attempt("the course's folder", lambda: os.listdir("<<COURSE>>"))
attempt("write there", lambda: open("<<COURSE>>/gradebook.db", "wb"))
attempt("the journal", lambda: os.listdir("<<COURSE>>/journal"))
attempt("any database", lambda: glob.glob("/*/*/gradebook*") or None)
""",
        attempts=8,
    ),
]

FORGED = {"by hooks": HOOKS, "by objects": OBJECTS, "by acting later": LATER, "by other files": SHADOWS}
