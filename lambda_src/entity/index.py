"""The Lambda function of an entity whose operations share one."""

from trestle.http.create import post
from trestle.http.delete import delete
from trestle.http.get import get
from trestle.http.handler import routed
from trestle.http.list import get as get_page
from trestle.http.merge import patch
from trestle.http.replace import put

lambda_handler = routed(
    {
        ("POST", False): ("create", post),
        ("GET", False): ("list", get_page),
        ("GET", True): ("get", get),
        ("PUT", True): ("replace", put),
        ("PATCH", True): ("merge", patch),
        ("DELETE", True): ("delete", delete),
    }
)
