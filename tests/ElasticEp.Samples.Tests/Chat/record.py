"""Renders inputs.json with Qwen3's chat templates, as the transformers library does it, and writes recordings.json.

Usage: record.py FOLDER, with the templates' texts as FOLDER/*.jinja. The texts are not part of this repository; their hashes are.
"""

import hashlib
import json
import pathlib
import sys

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent


def to_json(value, indent=None):
    return json.dumps(value, ensure_ascii=False, indent=indent)


def messages_of(body):
    """Arguments of calls are texts in requests, and objects in templates."""
    for message in body["messages"]:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"] or "{}")
        yield message


def render(template, body):
    body = json.loads(json.dumps(body))
    try:
        return template.render(
            messages=list(messages_of(body)), tools=body.get("tools") or None, add_generation_prompt=True, **body.get("chat_template_kwargs", {})
        )
    except (TypeError, jinja2.UndefinedError):
        return None  # the oldest template reads no message without content


def main():
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = to_json
    inputs = json.loads((HERE / "inputs.json").read_text(encoding="utf-8"))
    recordings = {"made_with": f"jinja2 {jinja2.__version__}", "templates": {}}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        text = path.read_text(encoding="utf-8")
        template = environment.from_string(text)
        recordings["templates"][hashlib.sha256(text.encode()).hexdigest()] = {name: render(template, body) for name, body in inputs.items()}
    (HERE / "recordings.json").write_text(json.dumps(recordings, indent=1) + "\n", encoding="utf-8")


main()
