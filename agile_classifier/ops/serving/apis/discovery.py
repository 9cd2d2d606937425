"""Discovery document: by which Google's clients learn the paths and messages of Perspective's interface at any host."""

from __future__ import annotations

from typing import Any

DISCOVERY = "/$discovery/rest"
NAME, VERSION = "commentanalyzer", "v1alpha1"
_TEXT, _NUMBER, _SWITCH = {"type": "string"}, {"type": "number", "format": "float"}, {"type": "boolean"}


def describe(root: str) -> dict[str, Any]:
    """The document of a server at an address that ends in a slash."""
    return {
        "kind": "discovery#restDescription", "discoveryVersion": "v1", "id": f"{NAME}:{VERSION}", "name": NAME,
        "version": VERSION, "title": "agile serve", "protocol": "rest", "rootUrl": root, "servicePath": "",
        "baseUrl": root, "basePath": "", "batchPath": "batch", "parameters": {"key": {**_TEXT, "location": "query"}},
        "schemas": _SCHEMAS, "resources": {"comments": {"methods": {"analyze": _ANALYZE}}},
    }  # fmt: skip


_ANALYZE = {
    "id": f"{NAME}.comments.analyze", "path": f"{VERSION}/comments:analyze", "flatPath": f"{VERSION}/comments:analyze",
    "httpMethod": "POST", "parameters": {}, "parameterOrder": [], "description": "Scores a comment.",
    "request": {"$ref": "AnalyzeCommentRequest"}, "response": {"$ref": "AnalyzeCommentResponse"},
}  # fmt: skip


def _message(name: str, **properties: Any) -> dict[str, Any]:
    return {"id": name, "type": "object", "properties": properties}


def _map_of(values: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


_SCHEMAS = {
    each["id"]: each
    for each in (
        _message("TextEntry", text=_TEXT, type=_TEXT),
        _message("AttributeParameters", scoreType=_TEXT, scoreThreshold=_NUMBER),
        _message(
            "AnalyzeCommentRequest",
            comment={"$ref": "TextEntry"}, requestedAttributes=_map_of({"$ref": "AttributeParameters"}),
            languages={"type": "array", "items": _TEXT}, doNotStore=_SWITCH, spanAnnotations=_SWITCH,
            clientToken=_TEXT, sessionId=_TEXT, communityId=_TEXT, context=_map_of({"type": "any"}),
        ),
        _message("Score", value=_NUMBER, type=_TEXT),
        _message("SpanScore", begin={"type": "integer"}, end={"type": "integer"}, score={"$ref": "Score"}),
        _message(
            "AttributeScores",
            summaryScore={"$ref": "Score"}, spanScores={"type": "array", "items": {"$ref": "SpanScore"}},
        ),
        _message(
            "AnalyzeCommentResponse",
            attributeScores=_map_of({"$ref": "AttributeScores"}), languages={"type": "array", "items": _TEXT},
            clientToken=_TEXT,
        ),
    )
}  # fmt: skip
