"""The Lambda function of the replace operation."""

from trestle.http.handler import handler
from trestle.http.replace import put

lambda_handler = handler("replace", put)
