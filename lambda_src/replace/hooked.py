"""The Lambda function of the replace operation of an entity with hooks."""

from trestle.http.hooked import handler
from trestle.http.replace import Replace

lambda_handler = handler(Replace)
