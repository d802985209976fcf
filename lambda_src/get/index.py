"""The Lambda function of the get operation."""

from trestle.http.get import Get
from trestle.http.handler import handler

lambda_handler = handler(Get)
