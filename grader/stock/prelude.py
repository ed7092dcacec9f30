"""The first cell of every student's process: files beside the notebook, and the one function that the checker calls.

Run as a cell's text inside the sandbox, never imported there. What it says is no more trusted than the values it
speaks of: a student who replaces it lies about their own answers alone.
"""
# mypy: ignore-errors


def _practicum_ask(what, name, args=(), kwargs=()):  # noqa: ANN001, ANN202
    import itertools
    import types

    names = globals()
    if what == "names":
        return ["value", name in names]
    if name not in names:
        return ["missing"]
    thing = names[name]
    if what == "value":
        functions = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
        return ["function"] if isinstance(thing, functions) else ["value", thing]
    try:
        returned = thing(*args, **dict(kwargs))
        items = None
        if isinstance(returned, (types.GeneratorType, map, filter, zip, enumerate)):
            items = list(itertools.islice(returned, 10_001))
    except BaseException as error:  # noqa: BLE001 - a test may want to know which
        return ["raised", [kind.__name__ for kind in type(error).__mro__], str(error)[:2000]]
    return ["value", returned] if items is None or len(items) > 10_000 else ["items", items]


def _practicum_files():  # noqa: ANN202
    import os
    import shutil
    import sys

    copied, most_bytes = 0, 32 << 20

    def place(source, target):  # noqa: ANN001, ANN202
        nonlocal copied
        copied += os.path.getsize(source)  # noqa: PTH202
        # what fits is the student's to change, as in a course folder; the rest can be read
        (shutil.copyfile if copied < most_bytes else os.symlink)(source, target)

    shutil.copytree("data", "course", copy_function=place)
    os.chdir("course")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    get_ipython().execution_count = 0  # noqa: F821 - the student's first cell is the first
