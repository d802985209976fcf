"""Compare operations with an empty hook to the same operations without one."""

from __future__ import annotations

from benchmarks.bench import REQUESTS, ROOT, Bench, cold, excess, warm

COLD_TARGET, WARM_TARGET = 3, 0.02
BEFORE, PRESENT = "before_...", "present"
MODULES = {
    BEFORE: """
def before_create(draft, context):
    pass


def before_update(draft, current, context):
    pass


def before_delete(current, context):
    pass
""",
    PRESENT: """
def present(items, context):
    pass
""",
}
CASES = {
    "create": (BEFORE, PRESENT), "get": (PRESENT,), "list": (PRESENT,),
    "replace": (BEFORE,), "merge": (BEFORE,), "delete": (BEFORE,),
}  # fmt: skip
PLAIN = "without a hook"


def table(bench: Bench, rounds: int, warm_requests: int) -> str:
    """Return the table."""
    names = {hook: f"rules{number}" for number, hook in enumerate(MODULES)}
    dist = bench.build({f"app/{names[hook]}.py": source for hook, source in MODULES.items()})
    handlers = {
        operation: [
            bench.function(PLAIN, ROOT / "dist" / f"{operation}.zip"),
            *(
                bench.function(
                    hook, dist / f"{operation}.{names[hook]}.zip", entry="hooked",
                    ENTITY_OPTIONS=f'{{"hooks": "{names[hook]}"}}',
                )
                for hook in hooks
            ),
        ]
        for operation, hooks in CASES.items()
    }  # fmt: skip
    samples = bench.measure(handlers, rounds, warm_requests, REQUESTS)
    rows = [
        f"| {operation} | {hook} | {excess(samples[hook, operation], samples[PLAIN, operation], cold):.2f} "
        f"| {excess(samples[hook, operation], samples[PLAIN, operation], warm):.3f} "
        f"| {bench.count_requests(handler, REQUESTS[operation])} |"
        for operation, hooks in CASES.items()
        for hook, handler in zip(hooks, handlers[operation][1:], strict=True)
    ]
    return "\n".join(
        [
            "| operation | hook | cold, ms more | warm, ms more | DynamoDB requests |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"The bounds, if the hook needs no further request: {COLD_TARGET} ms more cold, {WARM_TARGET} ms warm.",
        ]
    )
