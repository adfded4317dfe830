"""Codes 4xx: schema."""

from gitconfigmgr.model.codetables.code import Code

TABLE = [
    Code("GCM401", "error", "schema cannot be used",
         "A schema is missing, is not valid JSON Schema 2020-12, or refers to something outside the repository.",
         "Correct the schema; `$ref` may point into the repository and to the packaged `gcm:` schemas only."),
    Code("GCM402", "error", "value breaks its schema",
         "The effective value does not meet the rule that is shown.",
         "Change the value in the layer shown, or the rule in the schema."),
    Code("GCM403", "error", "key unknown to its schema",
         "The schema allows no other keys here; a mistyped key would be ignored by the application.",
         "Correct the key, or add it to the schema."),
    Code("GCM404", "error", "key required by its schema is missing",
         "No layer of the target sets it.",
         "Set the key in one of the layers of the target."),
    Code("GCM405", "warning", "schema that nothing uses",
         "The `namespaces` of this binding match no target, so it checks nothing.",
         "Correct the pattern in gitconfigmgr.yaml, or remove the binding."),
]  # fmt: skip
