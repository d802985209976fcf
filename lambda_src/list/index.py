"""The Lambda function of the list operation."""

from trestle.http.handler import handler
from trestle.http.list import List

lambda_handler = handler(List)
