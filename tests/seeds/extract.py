"""Reads the Python classes out of the two product documents, whose layout was lost to text in one of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent


def reactor_model_classes() -> list[str]:
    """Return each class block of the ReactorModel document, which kept its indentation."""
    text = (HERE / "reactor_model.txt").read_text()
    blocks = re.findall(r"((?:^@dataclass\n)?^class .*:\n\n?    .*\n(?:(?:    .*|)\n)*)", text, re.MULTILINE)
    return [_parsed(block.rstrip() + "\n") for block in blocks]


def video_model_classes() -> list[str]:
    """Return each class block of the @model document, indented again."""
    text = (HERE / "video_model.txt").read_text()
    blocks = re.findall(
        r"(^@model\((?:[^()]|\n)*?\)\nclass .*:\n(?:.*\n)*?)(?=^[A-Z].* |^@model|^-c |\Z)", text, re.MULTILINE
    )
    return [_parsed(_indented(block)) for block in blocks]


def _indented(block: str) -> str:
    lines, depth, brackets = [], 0, 0
    for line in block.splitlines():
        bare = line.strip()
        if not bare:
            continue
        if brackets == 0:
            if bare.startswith("class ") or bare.startswith("@model"):
                depth = 0
            elif bare.startswith(("def ", "@command")):
                depth = 1
        lines.append("    " * (depth + (brackets > 0)) + bare)
        brackets += sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))
        if brackets == 0 and bare.endswith(":") and not bare.startswith("#"):
            depth += 1
    return "\n".join(lines) + "\n"


def _parsed(block: str) -> str:
    ast.parse(block)
    return block
