"""Correct CloudTrail: the tags of trails."""

from __future__ import annotations

import json
from typing import Any

from tools.laptop.corrections import Params


def correct(cloudtrail: Any) -> None:
    """Correct aws_cloudtrail: the tags of a new trail are dropped."""
    create = cloudtrail._create_trail

    def create_trail(sent: Params) -> Any:
        answer = create(sent)
        if answer[0] == 200:
            tags = {"ResourceId": json.loads(answer[2])["TrailARN"], "TagsList": sent.get("TagsList", [])}
            cloudtrail._add_tags(tags)
        return answer

    cloudtrail._DISPATCH["CreateTrail"] = create_trail
