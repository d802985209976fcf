"""The Lambda function of the delete operation."""

from trestle.http.delete import delete
from trestle.http.handler import handler

lambda_handler = handler("delete", delete)
