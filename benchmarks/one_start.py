"""Run one cold start in this fresh process: import the handler, serve a first request, then warm ones.

Arguments: the function's folder, and a file with a tuple of event, expected status, number of warm requests.
Print a list of CPU seconds: the interpreter's start, the import, the first request, a warm request. This file imports
neither a parser nor pathlib, because the handler's own import of them would then cost nothing.
"""

import sys
from time import process_time

folder, request_file = sys.argv[1:]
sys.path.insert(0, folder)


class Context:
    """The context that Lambda passes to a handler."""

    aws_request_id = "8f5f8a8e-0000-4000-8000-000000000000"
    function_name = "benchmark"

    def get_remaining_time_in_millis(self) -> int:  # noqa: D102 - Lambda's name
        return 30_000


with open(request_file, encoding="utf-8") as file:  # noqa: PTH123 - pathlib would be part of what is measured
    event, status, warm = eval(file.read())

before_import = process_time()
lambda_handler = __import__("index").lambda_handler
after_import = process_time()
answer = lambda_handler(event, Context())
after_first = process_time()
if answer["statusCode"] != status:
    sys.exit(f"The handler in {folder} returned {answer}.")
for _ in range(warm):
    lambda_handler(event, Context())
after_warm = process_time()
print(
    [before_import, after_import - before_import, after_first - after_import, (after_warm - after_first) / (warm or 1)]
)
