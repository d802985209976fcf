"""Serve the local issuer in the emulator's process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tools.claims import name_fault, parse_claim, unique_claims
from tools.laptop.issuer import PATH, issuer_url
from tools.laptop.issuer.grants import Grants, OAuthError, is_on_this_machine
from tools.laptop.issuer.page import message_page, security_headers, sign_in_page
from tools.laptop.issuer.tokens import ALGORITHMS, Issuer

LARGEST_BODY = 65_536  # bytes

# The paths below PATH with their methods. Pages of any origin may read the first ones, which need no cookie.
SHARED = {
    "/.well-known/openid-configuration": ("GET",),
    "/jwks": ("GET",),
    "/revoke": ("POST",),
    "/token": ("POST",),
}
ENDPOINTS = {**SHARED, "/authorize": ("GET", "POST"), "/logout": ("GET",)}

Answer = tuple[int, dict[str, str], str]


@dataclass(frozen=True)
class Request:
    """An HTTP request. Its path is relative to PATH, and its header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The parameters in the body."""
        return pairs(self.body)


def serve(app: Any, folder: Path, port: int) -> Any:
    """Wrap the server: respond to requests below PATH as long as the folder has keys."""
    grants = Grants(Issuer(folder, issuer_url(port)))

    async def answer_request(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
            if message["type"] == "http.disconnect":
                return
            if len(body) > LARGEST_BODY:
                more = False
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path, query = scope["path"].removeprefix(PATH), pairs(scope.get("query_string", b""))
        status, answered, text = answer(grants, Request(scope["method"], path, headers, query, body))
        if path in SHARED:
            answered = {"access-control-allow-origin": "*", **answered}
        encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answered.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": text.encode()})

    async def serve(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(f"{PATH}/"):
            await answer_request(scope, receive, send)
        else:
            await app(scope, receive, send)

    return serve


def answer(grants: Grants, request: Request) -> Answer:
    """Return the status, the headers and the body of the response."""
    path, issuer = request.path, grants.issuer
    if (methods := ENDPOINTS.get(path)) is None:
        return json_answer(404, {"error": "not_found"})
    if request.method == "OPTIONS" and path in SHARED:
        return 204, {"access-control-allow-methods": ", ".join(methods), "access-control-allow-headers": "*"}, ""
    if request.method not in methods:
        return json_answer(405, {"error": "method_not_allowed"}, allow=", ".join(methods))
    if issuer.settings is None or not issuer.keys_file.is_file():
        return json_answer(503, {"error": "temporarily_unavailable", "error_description": "The issuer has no keys."})
    if len(request.body) > LARGEST_BODY:
        return json_answer(413, {"error": "invalid_request", "error_description": "The body is too large."})
    if path == "/authorize":
        return answer_authorization(grants, request)
    if path == "/logout":
        return answer_logout(request.query)
    known = {"/.well-known/openid-configuration": lambda: discovery_document(issuer), "/jwks": issuer.published_keys}
    posted = {"/token": grants.exchange, "/revoke": grants.revoke}
    try:
        return json_answer(200, known[path]() if path in known else posted[path](request.form))
    except OAuthError as error:
        return json_answer(400, {"error": error.code, "error_description": str(error)})


def discovery_document(issuer: Issuer) -> dict[str, Any]:
    """Return the metadata of OpenID Connect Discovery 1.0 and RFC 8414."""
    return {
        "issuer": issuer.url,
        "authorization_endpoint": f"{issuer.url}/authorize",
        "token_endpoint": f"{issuer.url}/token",
        "jwks_uri": f"{issuer.url}/jwks",
        "revocation_endpoint": f"{issuer.url}/revoke",
        "end_session_endpoint": f"{issuer.url}/logout",
        "authorization_response_iss_parameter_supported": True,
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["none"],
    }


def answer_authorization(grants: Grants, request: Request) -> Answer:
    """Show the sign-in page, or process its form and redirect the browser with a code."""
    query, form = request.query, request.form
    try:
        grants.check_client(query)
    except OAuthError as error:
        return html_answer(400, message_page("This sign-in request is not valid", str(error)))
    target = query["redirect_uri"]
    try:
        grants.check_request(query)
        # Only this page's own form can sign in: a program sends no origin, and another site's page sends its own.
        here = origin_of(grants.issuer.url)
        if request.method == "POST" and request.headers.get("origin", here) != here:
            raise OAuthError("access_denied", "The sign-in came from another site.")
        if request.method == "GET":
            return page_answer(grants, query)
        try:
            user = user_of(form)
        except ValueError as error:
            said = str(error)
            return page_answer(grants, query, f"{said[0].upper()}{said[1:]}.", form.get("username", ""))
        found = {"code": grants.create_code(query, user)}
    except OAuthError as error:
        found = {"error": error.code, "error_description": str(error)}
    state = {"state": query["state"]} if "state" in query else {}
    back = urlencode({**found, **state, "iss": grants.issuer.url})
    return 303, {"location": f"{target}{'&' if '?' in target else '?'}{back}", "cache-control": "no-store"}, ""


def page_answer(grants: Grants, query: Mapping[str, str], fault: str = "", typed: str = "") -> Answer:
    """Return the sign-in page. Its forms repeat the authorization request."""
    action = f"{PATH}/authorize?{urlencode(query)}"
    text = sign_in_page(grants.issuer.settings or {}, action, grants.known_users(), fault, typed)
    return html_answer(400 if fault else 200, text, origin_of(query["redirect_uri"]))


def user_of(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the user who signs in. Raise ValueError with the fault if the form is not valid."""
    name, groups = form.get("username", "").strip(), lines(form.get("groups", ""))
    if fault := name_fault("name", name) or next(filter(None, (name_fault("group", group) for group in groups)), None):
        raise ValueError(fault)
    claims = unique_claims([parse_claim(line) for line in lines(form.get("claims", ""))])
    return {"name": name, "groups": groups, "claims": claims}


def lines(text: str) -> list[str]:
    """Return the lines of a text that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def answer_logout(query: Mapping[str, str]) -> Answer:
    """Redirect the browser to where it came from. There is no session to end."""
    target = query.get("post_logout_redirect_uri", "")
    if not is_on_this_machine(target):
        return html_answer(200, message_page("Signed out", "You can close this page."))
    state = urlencode({"state": query["state"]}) if "state" in query else ""
    return 303, {"location": f"{target}{('&' if '?' in target else '?') if state else ''}{state}"}, ""


def json_answer(status: int, value: Mapping[str, Any], **headers: str) -> Answer:
    """Return a response in JSON."""
    kind = {"content-type": "application/json", "cache-control": "no-store", **headers}
    return status, kind, json.dumps(value)


def html_answer(status: int, text: str, *form_targets: str) -> Answer:
    """Return a page."""
    kind = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
    return status, {**kind, **security_headers(*form_targets)}, text


def origin_of(url: str) -> str:
    """Return the origin of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def pairs(data: bytes) -> dict[str, str]:
    """Return the parameters of a query or form, without repeated ones (RFC 6749, 3.1)."""
    try:
        found = parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return {}
    names = [name for name, _ in found]
    return {name: value for name, value in found if names.count(name) == 1}
