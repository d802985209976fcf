"""Compare each generated function with a tutorial handler."""

from __future__ import annotations

from benchmarks.bench import REQUESTS, ROOT, Bench, Sample, cold, milliseconds, ratio, warm

COLD_TARGET, WARM_TARGET = 0.15, 0.25
TUTORIAL, OURS = "tutorial", "ours"


def whole(sample: Sample) -> float:
    """Return the time of a cold start, including the interpreter's start."""
    return sample.interpreter + sample.cold


def table(bench: Bench, rounds: int, warm_requests: int) -> str:
    """Return the table."""
    tutorial = bench.handler(TUTORIAL, "tutorial")
    ours = {name: bench.function(OURS, ROOT / "dist" / f"{name}.zip") for name in REQUESTS}
    handlers = {name: [tutorial, function] for name, function in ours.items()}
    samples = bench.measure(handlers, rounds, warm_requests, REQUESTS)
    rows = []
    for name, request in REQUESTS.items():
        theirs, mine = samples[TUTORIAL, name], samples[OURS, name]
        rows.append(
            f"| {name} | {milliseconds(theirs, cold):.0f} | {milliseconds(mine, cold):.1f} "
            f"| **{ratio(mine, theirs, cold):.3f}** | {ratio(mine, theirs, whole):.3f} "
            f"| {milliseconds(theirs, warm):.2f} | {milliseconds(mine, warm):.3f} "
            f"| **{ratio(mine, theirs, warm):.3f}** | {bench.count_requests(ours[name], request)} |"
        )
    return "\n".join(
        [
            "| operation | cold: tutorial, ms | ours, ms | ratio | with the interpreter | warm: tutorial, ms "
            "| ours, ms | ratio | DynamoDB requests |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"The bounds: {COLD_TARGET} of the tutorial's cold start, {WARM_TARGET} of its warm request.",
        ]
    )
