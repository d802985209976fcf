"""The Lambda function of the merge operation."""

from trestle.http.handler import handler
from trestle.http.merge import Merge

lambda_handler = handler(Merge)
