#!/usr/bin/env python3
"""schema.py SCHEMA [FILE] - whether the last line of a file is a document that the schema allows.

Knows as much of JSON Schema as docs/schema uses and refuses the rest, so that it needs nothing but
Python. Stricter than the standard in one respect: a key that the schema does not name is an error,
since it would be one that nobody has documented.
"""

import json
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
         "integer": int, "number": (int, float)}
KNOWN = {"$schema", "title", "description", "type", "required", "properties", "items", "enum",
         "const", "pattern", "minimum", "maximum"}


def is_of(value, name):
    if name in ("integer", "number") and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])


def problems(value, schema, where):
    """Yields what is wrong with the value."""
    if unknown := schema.keys() - KNOWN:
        yield f"the schema of {where} uses {sorted(unknown)}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_of(value, name) for name in types):
        yield f"{where} is {value!r}, not {' or '.join(types)}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where} is {value!r}, not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, not one of {schema['enum']}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{where} is {value!r}, which does not match {schema['pattern']}"
    if is_of(value, "number"):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{where} is {value!r}, out of range"
    if isinstance(value, dict):
        yield from object_problems(value, schema, where)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from problems(item, schema.get("items", {}), f"{where}[{i}]")


def object_problems(value, schema, where):
    known = schema.get("properties", {})
    for key in schema.get("required", []):
        if key not in value:
            yield f"{where} has no {key}"
    for key, member in value.items():
        if key not in known:
            yield f"{where} has {key}, which is not documented"
        else:
            yield from problems(member, known[key], f"{where}.{key}")


def main():
    with open(sys.argv[1]) as file:
        schema = json.load(file)
    stream = open(sys.argv[2], errors="strict") if len(sys.argv) > 2 else sys.stdin
    lines = stream.read().splitlines()
    found = list(problems(json.loads(lines[-1]), schema, "the document")) if lines else ["nothing"]
    for line in found[:10]:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
