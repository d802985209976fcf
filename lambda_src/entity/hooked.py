"""The Lambda function of an entity with hooks whose operations share one."""

from trestle.http.create import Create
from trestle.http.delete import Delete
from trestle.http.get import Get
from trestle.http.hooked import routed
from trestle.http.list import List
from trestle.http.merge import Merge
from trestle.http.replace import Replace

lambda_handler = routed(
    {
        ("POST", ""): Create,
        ("DELETE", "{id}"): Delete,
        ("GET", "{id}"): Get,
        ("GET", ""): List,
        ("PATCH", "{id}"): Merge,
        ("PUT", "{id}"): Replace,
    }
)
