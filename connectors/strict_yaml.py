"""YAML as people mean it: words stay words, and no key is given twice.

YAML 1.1 reads the country code NO as false, an account 0400 as 256 and 2026-01-01 as a date. Here
every plain scalar is text, but for `null`; what a field is for decides what it becomes.
"""

from __future__ import annotations

from typing import Any

import yaml


class _TextLoader(yaml.SafeLoader):
    """Reads scalars as text and refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Raise ConstructorError for the second of two equal keys, with its line."""
        self.flatten_mapping(node)
        seen = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key_node.value!r} is given twice", key_node.start_mark
                    )
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


_TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag.endswith((":null", ":merge"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str) -> Any:
    """Return the content: mappings, lists, texts and None. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_TextLoader)
