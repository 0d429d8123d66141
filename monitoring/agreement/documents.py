"""YAML and JSON texts as plain values, as an agreement and notices are written."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import yaml

from monitoring.agreement.checking import AgreementInvalid

NESTED_MOST: Final = 100
"""No text is nested deeper: values are built level within level, and too many of them would end the process."""


def plain_document(text: str, file: str) -> dict[str, Any]:
    """The mapping that a YAML or JSON text holds, in values that JSON knows. Raises `AgreementInvalid`."""
    if _is_nested_too_deep(text):
        raise AgreementInvalid(file, "file", f"nested deeper than {NESTED_MOST} levels")
    try:
        content = _loaded(text)
    except yaml.YAMLError as error:
        raise AgreementInvalid(file, "file", f"not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise AgreementInvalid(file, "file", "expected a mapping at the top")
    document: dict[str, Any] = plain(content)
    return document


def _loaded(text: str) -> Any:
    """What a YAML text holds, in plain values only: both loaders are safe ones. Raises `yaml.YAMLError`."""
    try:
        return yaml.load(text, Loader=_CompiledLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        # Only the other one says what is wrong in words that quote the place; it takes fifteen times as long.
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a safe loader


def _is_nested_too_deep(text: str) -> bool:
    depth = 0
    with suppress(yaml.YAMLError):  # what is no YAML is told where it is loaded
        for event in yaml.parse(text, Loader=_CompiledLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > NESTED_MOST:
                return True
    return False


class _UniqueKeys(yaml.constructor.SafeConstructor):
    """Refuses a key given twice instead of silently keeping the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key given twice: {key_node.value}", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


class _PlainLoader(_UniqueKeys, yaml.SafeLoader):
    pass


class _CompiledLoader(_UniqueKeys, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass


def plain(value: Any) -> Any:
    """YAML's values as JSON's: a time that YAML understood as a date becomes its text again."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 600 and 600.0 are one content and have one version
    return value if value is None or isinstance(value, bool | int | float) else str(value)
