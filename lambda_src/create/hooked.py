"""The Lambda function of the create operation of an entity with hooks."""

from trestle.http.create import Create
from trestle.http.hooked import handler

lambda_handler = handler(Create)
