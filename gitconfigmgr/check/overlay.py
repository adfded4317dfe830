"""Schemas for editors: what one layer file may say, where the schema says what the merged document must be.

A layer is a part, so nothing is required of it. Each value may be the value itself, a directive map such as
`{$append: [...]}`, or text that is computed or decrypted later. What a whole document may say, a layer may say too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gitconfigmgr.check.locations import DIALECT, SCHEME
from gitconfigmgr.check.subschemas import Pointer, Schema, fragment, is_nothing, show_pointer
from gitconfigmgr.model.names import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitconfigmgr.model.settings import SchemaBinding

FOLDER = ".vscode/gitconfigmgr"
# packaged schemas and the files they are for
OWN = {
    "gcm:gitconfigmgr.schema.json": ["gitconfigmgr.yaml"],
    "gcm:namespace-metadata.schema.json": ["configs/**/_namespace.yaml"],
    "gcm:policy.schema.json": ["policies/**/*.yaml"],
    "gcm:waivers.schema.json": ["waivers.yaml"],
    "gcm:config-test.schema.json": ["tests/**/*.yaml"],
}

_DIRECTIVE, _COMPUTED = "gcm-directive", "gcm-computed"
# these look at the whole: of a part they would say too much
_WHOLE = ("required", "dependentRequired", "minProperties", "maxProperties", "minItems", "contains", "minContains",
          "maxContains", "unevaluatedItems", "not", "contentSchema", "$dynamicRef", "$id", "$anchor", "$dynamicAnchor",
          "$schema")  # fmt: skip
# these look at the value itself, so a directive map in its place would break them
_LITERAL = ("type", "enum", "const", "pattern", "format", "minLength", "maxLength", "minimum", "maximum",
            "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "maxItems", "uniqueItems")  # fmt: skip
_CONDITION = ("if", "then", "else")
_MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_LISTS = ("allOf", "anyOf", "prefixItems")
_SINGLE = ("additionalProperties", "unevaluatedProperties", "items")


def overlay_schema(schema: Schema) -> Schema:
    """The overlay variant of a schema whose references all point into itself, such as `bundle` makes."""
    maker = _Maker()
    made = maker.position(schema, (), ())
    maker.mend_references()
    made.setdefault("$defs", {}).update(_DEFINITIONS)
    return {"$schema": DIALECT, **made}


class _Maker:
    """Transforms one schema and remembers where each part has gone, so that references can follow."""

    def __init__(self) -> None:
        self._moved: dict[str, Pointer] = {}
        self._references: list[Schema] = []

    def position(self, schema: Any, old: Pointer, new: Pointer) -> Any:
        """The overlay variant of a subschema."""
        self._moved[show_pointer(old)] = new
        if not isinstance(schema, dict):
            return schema
        if is_nothing(schema):
            return False
        made = {key: value for key, value in schema.items() if key not in (*_WHOLE, *_LITERAL, *_CONDITION, "oneOf")}
        self._inside(made, old, new)
        every: list[Any] = made.pop("allOf", [])
        if isinstance(schema.get("oneOf"), list):  # a directive map fits all of them
            every.append({"anyOf": self._list(schema["oneOf"], (*old, "oneOf"), (*new, "allOf", len(every), "anyOf"))})
        conditions = [keyword for keyword in _CONDITION if keyword in schema]
        if conditions:  # the part that decides may stand in another layer
            at = (*new, "allOf", len(every), "anyOf")
            parts = [self.position(schema[word], (*old, word), (*at, index)) for index, word in enumerate(conditions)]
            every.append({"anyOf": [*parts, {}]})
        literal = {key: schema[key] for key in _LITERAL if key in schema}
        if literal:
            every.append({"anyOf": [literal, _reference(_COMPUTED), _reference(_DIRECTIVE)]})
        if every:
            made["allOf"] = every
        self._let_directives_in(made, schema, new)
        if "$ref" in made:
            self._references.append(made)
        return made

    def mend_references(self) -> None:
        """Let each `$ref` point to where its target has gone; one whose target was taken out goes too."""
        for schema in self._references:
            reference = schema["$ref"]
            target = self._moved.get(unquote(reference[1:])) if reference.startswith("#") else None
            if target is None:
                del schema["$ref"]
            else:
                schema["$ref"] = fragment(target)

    def _inside(self, made: Schema, old: Pointer, new: Pointer) -> None:
        for keyword in _MAPS:
            if isinstance(made.get(keyword), dict):
                made[keyword] = {
                    _other_keys(name) if keyword == "patternProperties" else name: self.position(
                        child,
                        (*old, keyword, name),
                        (*new, keyword, _other_keys(name) if keyword == "patternProperties" else name),
                    )
                    for name, child in made[keyword].items()
                }
        for keyword in _LISTS:
            if isinstance(made.get(keyword), list):
                made[keyword] = self._list(made[keyword], (*old, keyword), (*new, keyword))
        for keyword in _SINGLE:
            if keyword in made:
                made[keyword] = self.position(made[keyword], (*old, keyword), (*new, keyword))
        if "propertyNames" in made:
            names = self.position(made["propertyNames"], (*old, "propertyNames"), (*new, "propertyNames", "anyOf", 1))
            made["propertyNames"] = {"anyOf": [{"pattern": r"^\$"}, names]}

    def _list(self, schemas: list[Any], old: Pointer, new: Pointer) -> list[Any]:
        return [self.position(each, (*old, index), (*new, index)) for index, each in enumerate(schemas)]

    @staticmethod
    def _let_directives_in(made: Schema, schema: Schema, new: Pointer) -> None:
        """The content of a directive is again what may stand here."""
        if not schema.keys() - {"$defs", "definitions", "$schema", "title", "description", "$ref"}:
            return
        here = {"$ref": fragment(new)}
        names = ["$value", "$replace"]
        if _may_be_list(schema):
            names += ["$append", "$prepend", "$remove", "$items"]
        made["properties"] = {**made.get("properties", {}), **{name: dict(here) for name in names}}
        made["patternProperties"] = {**made.get("patternProperties", {}), r"^\$": {}}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _other_keys(pattern: str) -> str:
    """A pattern for keys that leaves those of directives alone. Editors have look-ahead."""
    return rf"^(?!\$)(?=[\s\S]*?(?:{pattern}))"


def _may_be_list(schema: Schema) -> bool:
    types = schema.get("type")
    if types is None:
        return "items" in schema or "prefixItems" in schema
    return "array" in ([types] if isinstance(types, str) else types)


_TEXT: Schema = {"type": "string", "minLength": 1}
_LIST: Schema = {"type": "array"}
_TRUE: Schema = {"const": True}
_DIRECTIVES: dict[str, tuple[Schema, str]] = {
    "$value": ({}, "The value, where something is said about it: $lock, $until, $promote, $force or $new."),
    "$replace": ({}, "This value in place of all that lower layers say, of whatever kind."),
    "$append": (_LIST, "Items added at the end of the list of the lower layers."),
    "$prepend": (_LIST, "Items added at the beginning of the list of the lower layers."),
    "$remove": (_LIST, "Items taken from the list of the lower layers."),
    "$by": (_TEXT, "The member by which the items of $items are matched with those of the lower layers."),
    "$items": (_LIST, "Items that are merged with those of the lower layers that have the same $by member."),
    "$delete": (
        {"enum": [True, "if-present"]},
        "Removes the key. An error where no lower layer has it, unless if-present.",
    ),
    "$required": (_TEXT, "A higher layer has to give the value; the text says why."),
    "$template": (_TEXT, "A Jinja2 text over the names of $vars."),
    "$vars": ({"type": "object"}, "The names that $template may use."),
    "$lock": (_TEXT, "Higher layers may not change the value; the text says why."),
    "$force": (_TEXT, "Changes a locked value; the text names the ticket."),
    "$promote": (_TRUE, "The value may reach protected environments, although this layer is not one of them."),
    "$until": ({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}, "The last day on which the value holds."),
    "$owner": (_TEXT, "The team that removes the value when its $until has passed."),
    "$new": (_TRUE, "The key is meant, although no lower layer and no schema knows it."),
}
_DEFINITIONS: Schema = {
    _DIRECTIVE: {
        "type": "object",
        "description": "A directive: how the value is made from what lower layers say.",
        "minProperties": 1,
        "properties": {name: {**schema, "description": text} for name, (schema, text) in _DIRECTIVES.items()},
        "additionalProperties": False,
    },
    _COMPUTED: {
        "type": "string",
        "description": "A reference, ${path.to.key}, or an encrypted value.",
        "pattern": r"\$\{|^ENC\[AES256_GCM,",
    },
}


# -- which file has which schema --------------------------------------------------------------------------------------


def overlay_file(schema: str, path: tuple[str, ...] = ()) -> str:
    """Where the overlay variant of a bound schema is kept."""
    name = schema.removeprefix(SCHEME).removesuffix(".json").removesuffix(".schema").replace("/", ".")
    below = "".join(f"@{part}" for part in path).replace("/", "_")
    return f"{FOLDER}/{name}{below}.overlay.json"


def own_file(schema: str) -> str:
    """Where the copy of a packaged schema is kept."""
    return f"{FOLDER}/{schema.removeprefix(SCHEME)}"


def editor_settings(bindings: Sequence[SchemaBinding], environments: Iterable[str]) -> dict[str, Any]:
    """The content of .vscode/settings.json, for the YAML extension of Red Hat and all that read its settings."""
    names = list(environments)
    schemas: dict[str, list[str]] = {f"./{own_file(schema)}": list(files) for schema, files in OWN.items()}
    for binding in bindings:
        globs = schemas.setdefault(f"./{overlay_file(binding.schema, binding.path)}", [])
        for folder in _folders(binding.namespaces):
            globs += [glob for name in names if (glob := f"configs/{folder}/{name}.yaml") not in globs]
    return {"yaml.yamlVersion": "1.2", "yaml.schemas": schemas}


def _folders(patterns: Iterable[str]) -> list[str]:
    """The folders whose documents are layers of the namespaces that match: theirs, those above them, and global."""
    folders = {GLOBAL: None}
    for pattern in patterns:
        segments = pattern.strip("/").split("/")
        for depth in range(1, len(segments) + 1):
            if segments[depth : depth + 1] != ["**"]:  # which matches no folder too
                folders["/".join(segments[:depth])] = None
    return ["**"] if "**" in folders else list(folders)
