"""The Lambda function of the list operation of an entity with hooks."""

from trestle.http.hooked import handler
from trestle.http.list import List

lambda_handler = handler(List)
