"""The Lambda function of the merge operation of an entity with hooks."""

from trestle.http.hooked import handler
from trestle.http.merge import Merge

lambda_handler = handler(Merge)
