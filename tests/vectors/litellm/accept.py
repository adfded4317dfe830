"""Holds configurations against LiteLLM itself: `accept.py FILE...`; run by an interpreter that has it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import yaml
from litellm.proxy._types import ConfigYAML

for name in sys.argv[1:]:
    text = Path(name).read_text()
    config = yaml.safe_load(text)
    ConfigYAML.model_validate(config)
    for variable in re.findall(r"os[.]environ/(\w+)", text):
        os.environ[variable] = "none"
    router = litellm.Router(model_list=config["model_list"], **config.get("router_settings", {}))
    names = {item["model_name"] for item in config["model_list"]}
    assert set(router.get_model_names()) >= names, name
    print("accepted", name)
