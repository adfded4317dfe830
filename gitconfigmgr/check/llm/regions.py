"""Which jurisdiction a region of a cloud lies in. Sources: the lists of regions of AWS, Google Cloud and Azure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from gitconfigmgr.check.llm.document import Part

ANYWHERE = "global"
_EEA = frozenset({"eu", "no", "is", "li"})
# the first that matches the whole name decides
_PATTERNS = (
    (r"eu-west-2|europe-west2|uk(south|west)|uk", "uk"),
    (r"eu-central-2|europe-west6|switzerland(north|west)|ch", "ch"),
    (r"norway(east|west)|no", "no"),
    (r"eu|eu-(west|central|north|south)-\d|europe-[a-z]+\d+|eur", "eu"),
    (r"(north|west)europe|sweden(central|south)|france(central|south)|germany(westcentral|north)|polandcentral", "eu"),
    (r"italynorth|spaincentral|austriaeast|belgiumcentral|finlandcentral|denmarkeast|greececentral", "eu"),
    (r"us-gov(-[a-z]+-\d)?|usgov[a-z]+|usdod[a-z]+", "us-gov"),
    (r"us|us-[a-z]+-?\d+|(east|west|central|northcentral|southcentral|westcentral)us\d?", "us"),
    (r"ca|ca-[a-z]+-\d|northamerica-northeast\d|canada(central|east)", "ca"),
    (r"jp|ap-northeast-[13]|asia-northeast[12]|japan(east|west)", "jp"),
    (r"kr|ap-northeast-2|asia-northeast3|korea(central|south)", "kr"),
    (r"in|ap-south-\d|asia-south\d|(central|south|west)india", "in"),
    (r"au|ap-southeast-[24]|australia-[a-z]+\d|australia(east|southeast|central\d?)", "au"),
    (r"sg|ap-southeast-1|asia-southeast1|southeastasia", "sg"),
    (r"br|sa-east-1|southamerica-east1|brazil(south|southeast)", "br"),
    (r"apac|ap", "apac"),
)  # fmt: skip
_COMPILED = [(re.compile(pattern), place) for pattern, place in _PATTERNS]
_PREFIX = re.compile(r"(us-gov|us|eu|apac|global|jp|au|ca)\.")
_OPENAI = re.compile(r"https://(eu|us|au|ca|jp|in|sg|kr|uk)\.api\.openai\.com(?:/|\Z)")


@lru_cache(maxsize=512)
def jurisdiction(region: str) -> str | None:
    """`eu`, `us`, `uk` ... `global` for anywhere; None for a region that is not known."""
    if region == ANYWHERE:
        return ANYWHERE
    if len(region) > 60:
        return None
    return next((place for pattern, place in _COMPILED if pattern.fullmatch(region)), None)


def allowed(region: str, residency: Collection[str]) -> bool:
    """Whether a region is one of those named, or lies in one."""
    place = jurisdiction(region)
    return region in residency or place in residency or ("eea" in residency and place in _EEA)


def served_in(endpoint: Part) -> tuple[Part, str] | None:
    """Where requests go by what the endpoint says of its address, and the part that says so."""
    azure, bedrock = endpoint.at("azure", "deployment_type"), endpoint.at("bedrock", "inference_profile")
    if azure is not None and azure.value() == "global":
        return azure, ANYWHERE
    if bedrock is not None and (profile := bedrock.text()) is not None and profile != "none":
        return bedrock, profile
    model = endpoint.at("model")
    if model is not None and endpoint.text("provider") == "bedrock" and (match := _PREFIX.match(model.text() or "")):
        return model, match[1]
    for keys in (("bedrock", "region"), ("vertex", "location")):
        part = endpoint.at(*keys)
        if part is not None and (region := part.text()) is not None:
            return part, region
    address = endpoint.at("base_url")
    if address is not None and (match := _OPENAI.match(address.text() or "")):
        return address, match[1]
    return None
