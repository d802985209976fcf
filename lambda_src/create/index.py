"""The Lambda function of the create operation."""

from trestle.http.create import Create
from trestle.http.handler import handler

lambda_handler = handler(Create)
