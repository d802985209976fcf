"""What an empty hook costs: operations with one against the same without; prints a table.

    python -m benchmarks.hooks --rounds 15

Both are unpacked zips, in fresh processes taken in turn, as in benchmarks.run. An operation that reads the item
for its hook is compared as well: its difference holds that request.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import zipfile
from pathlib import Path

import build
from benchmarks.run import Bench, Sample

EMPTY = """
def before_create(draft, context):
    pass


def before_update(draft, current, context):
    pass


def before_delete(current, context):
    pass
"""
# The operations, and the hooks of the module that each is measured with.
PRESENT = """
def present(items, context):
    pass
"""
CASES = [
    ("create", EMPTY), ("create", PRESENT), ("get", PRESENT), ("list", PRESENT),
    ("replace", EMPTY), ("merge", EMPTY), ("delete", EMPTY),
]  # fmt: skip


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of processes per operation")
    parser.add_argument("--warm", type=int, default=200, help="warm requests per process")
    options = parser.parse_args()
    if build.main([]):
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder)
        project = folder / "project"
        (project / "app").mkdir(parents=True)
        (project / "schemas").mkdir()
        (project / "app" / "before.py").write_text(EMPTY, encoding="utf-8")
        (project / "app" / "after.py").write_text(PRESENT, encoding="utf-8")
        if build.main(["--project", str(project)]):
            return 1
        samples: dict[tuple[str, str], list[tuple[Sample, Sample]]] = {}
        for operation, source in CASES:
            module = "before" if source == EMPTY else "after"
            unpacked = folder / f"{operation}.{module}"
            with zipfile.ZipFile(project / "dist" / f"{operation}.{module}.zip") as archive:
                archive.extractall(unpacked)
            for file in (*unpacked.glob("hooked.py"), *unpacked.glob("__pycache__/hooked.*")):
                file.rename(file.with_name(file.name.replace("hooked", "index")))
            samples[operation, module] = []
        for _ in range(options.rounds):
            for (operation, module), pairs in samples.items():
                plain = bench.start(operation, tutorial=False, warm=options.warm)
                hooked = bench.start(
                    operation, tutorial=False, warm=options.warm, handler=f"{operation}.{module}",
                    options=f'{{"hooks": "{module}"}}',
                )  # fmt: skip
                pairs.append((plain, hooked))
    print("| operation | hook | cold, ms more | warm, ms more |\n|---|---|---|---|")
    for (operation, module), pairs in samples.items():
        hook = "present" if module == "after" else "before_..."
        cold = statistics.median(hooked.cold - plain.cold for plain, hooked in pairs) * 1000
        warm = statistics.median(hooked.warm - plain.warm for plain, hooked in pairs) * 1000
        print(f"| {operation} | {hook} | {cold:.2f} | {warm:.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
