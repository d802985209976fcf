"""The Lambda function of the replace operation."""

from trestle.http.handler import handler
from trestle.http.replace import Replace

lambda_handler = handler(Replace)
