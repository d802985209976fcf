"""The Lambda function of the create operation."""

from trestle.http.create import post
from trestle.http.handler import handler

lambda_handler = handler("create", post)
