"""Four tasks judged as labs judge theirs. No student may ever read this: the-key-of-the-gauge-5527."""

from grader.checks import absolute, field, function, number, record, table

checks = {
    "level": number(
        "level_m",
        quantity="the level",
        unit="m",
        truth=lambda truth: truth["level_m"],
        within=absolute(0.01, "the gauge's step"),
        plausible=(0.0, 10.0),
        look_at="Look at the gauge.",
    ),
    "depths": table(
        "depths_m",
        column="depth_m",
        quantity="the depths",
        unit="m",
        truth=lambda truth: truth["depths_m"],
        within=absolute(0.01, "the gauge's step"),
        steps=((1.0, 1.0), (0.5, 0.5)),
        look_at="Look at the gauge.",
    ),
    "double": function(
        "double",
        quantity="the double",
        unit="",
        inputs=lambda truth: [(number,) for number in truth["inputs"]],
        expected=lambda number: 2.0 * number,
        within=absolute(0.0, "it is a whole number"),
        steps=((1.0, 1.0), (0.6, 0.5)),
        look_at="Try it with a few numbers.",
    ),
    "gate": record(
        "gate",
        quantity="the gate",
        fields=(
            field(("code",), 0.5, lambda found, truth: found["code"] == truth["gate"], "this is not the gate."),
            field(("open",), 0.5, lambda found, truth: found["open"] is True, "it is shut."),
        ),
    ),
}
