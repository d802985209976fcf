"""TLS connections to AWS: TLS 1.2 or later, verified certificates and host names, and Amazon's roots first."""

from __future__ import annotations

import os
import ssl

from trestle.store.roots import AMAZON_ROOTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

# Verification failures that other roots can resolve: the chain's issuer is unknown. Expired certificates, and those
# for other hosts, are refused at once. Source: OpenSSL's X509_V_ERR_* codes.
UNKNOWN_ISSUER = (2, 18, 19, 20, 21)

# The error of a read on a non-blocking socket with nothing to read.
NOTHING_TO_READ = ssl.SSLWantReadError

_context: ssl.SSLContext | None = None
_all_roots = False


def wrap(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Perform the handshake over the connected socket `plain`, within its time-out, and close it on failure.

    If AWS_CA_BUNDLE is set, only its roots are trusted. Otherwise Amazon's own are, since loading the system's roots,
    about 130, adds 16 ms to each cold start.
    """
    global _context  # noqa: PLW0603 - one context for the life of the process
    if _context is None:
        bundle = os.environ.get("AWS_CA_BUNDLE")
        context = _verifying()
        if bundle:
            context.load_verify_locations(bundle)
        else:
            context.load_verify_locations(cadata=AMAZON_ROOTS)
        _context = context
    try:
        return _context.wrap_socket(plain, server_hostname=host.encode("ascii"))
    except BaseException:
        plain.close()
        raise


def trust_system_roots(error: OSError) -> bool:
    """Trust the system's roots from now on if they may resolve a failed handshake. Return whether to retry.

    This helps once, if the chain ends in none of Amazon's roots: behind a firewall that intercepts TLS, or in a
    partition with another certificate authority.
    """
    global _context, _all_roots  # noqa: PLW0603 - one context for the life of the process
    if _all_roots or os.environ.get("AWS_CA_BUNDLE"):
        return False
    if not isinstance(error, ssl.SSLCertVerificationError) or error.verify_code not in UNKNOWN_ISSUER:
        return False
    _context = _verifying()
    _context.load_default_certs()
    _all_roots = True
    return True


def _verifying() -> ssl.SSLContext:
    """Return a client context without roots; PROTOCOL_TLS_CLIENT sets CERT_REQUIRED and check_hostname."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
