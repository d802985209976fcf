"""The Lambda authorizer for access tokens of the issuer that `jwt` names."""

import os

from trestle.authorizer.handler import make_handler

lambda_handler = make_handler(os.environ)
