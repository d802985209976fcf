"""The Lambda function of the delete operation of an entity with hooks."""

from trestle.http.delete import Delete
from trestle.http.hooked import handler

lambda_handler = handler(Delete)
