"""The Lambda function of a function of app/."""

import os

from trestle.functions.entry import make_handler

lambda_handler = make_handler(os.environ)
