"""The Lambda function of the get operation of an entity with hooks."""

from trestle.http.get import Get
from trestle.http.hooked import handler

lambda_handler = handler(Get)
