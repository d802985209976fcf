"""Measure the authorizer's cold start, and its time to check a token when it is warm.

Run `python benchmarks/authorizer.py [STARTS]` with a Python that has the packages of requirements/authorizer.txt. Each
start is a new process with bytecode on disk. The issuer runs on this machine, so the figures do not include the
network time for its two documents. Times are CPU milliseconds of the process.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

LAMBDA_SRC = Path(__file__).resolve().parents[1] / "lambda_src"
WARM = 500
# Prints CPU seconds: after the interpreter's start, the import, the first token, and all warm tokens.
START = f"""
import time
times = [time.process_time()]
import json, os, sys
sys.path[:0] = [{str(LAMBDA_SRC)!r}, {str(LAMBDA_SRC / "authorizer")!r}]
event = json.loads(sys.argv[1])
class Context: aws_request_id = "request"
sys.stderr = open(os.devnull, "w")
from index import lambda_handler
times.append(time.process_time())
lambda_handler(event, Context)
times.append(time.process_time())
for _ in range({WARM}): lambda_handler(event, Context)
times.append(time.process_time())
print(json.dumps(times))
"""


def serve(keys: list[dict[str, Any]]) -> str:
    """Serve an issuer with these keys. Return its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined] # an HTTPServer
            is_set = self.path == "/keys"
            body = json.dumps({"keys": keys} if is_set else {"issuer": url, "jwks_uri": f"{url}/keys"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def main() -> None:
    """Print a row for each algorithm, with the medians of all starts."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    private: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }
    published = [
        {**RSAAlgorithm.to_jwk(private["RS256"].public_key(), as_dict=True), "kid": "RS256"},
        {**ECAlgorithm.to_jwk(private["ES256"].public_key(), as_dict=True), "kid": "ES256"},
    ]
    issuer = serve(published)
    claims = {"iss": issuer, "aud": "api", "sub": "ada", "exp": int(time.time()) + 3600, "groups": ["a", "b"]}
    environment = os.environ | {"JWT": json.dumps({"issuer": issuer, "audiences": ["api"], "groups_claim": "groups"})}
    print("| token | import, ms | first token, ms | both, ms | warm token, us |\n|---|---|---|---|---|")
    for algorithm, key in private.items():
        token = jwt.encode(claims, key, algorithm, {"kid": algorithm})
        event = {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": "arn:a:b:c:d:e/test/GET/items"}
        rows = []
        for _ in range(starts + 1):  # the first start writes bytecode
            command = [sys.executable, "-c", START, json.dumps(event)]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            at = json.loads(done.stdout)
            rows.append(
                [1e3 * (at[1] - at[0]), 1e3 * (at[2] - at[1]), 1e3 * (at[2] - at[0]), 1e6 * (at[3] - at[2]) / WARM]
            )
        medians = [statistics.median(column) for column in zip(*rows[1:], strict=True)]
        print(f"| {algorithm} | " + " | ".join(f"{each:.0f}" for each in medians) + " |")


if __name__ == "__main__":
    main()
