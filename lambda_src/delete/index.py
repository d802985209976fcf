"""The Lambda function of the delete operation."""

from trestle.http.delete import Delete
from trestle.http.handler import handler

lambda_handler = handler(Delete)
