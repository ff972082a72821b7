#!/usr/bin/env python3
"""Writes environments/embedded/schemas/wire.json: the field numbers, names and types of Kubernetes'
protobuf messages, read from the Go sources of k8s.io/api and k8s.io/apimachinery (Debian:
golang-k8s-api-dev, golang-k8s-apimachinery-dev).

usage: wire_facts.py GOPATH_SRC > wire.json
"""
import json
import pathlib
import re
import sys

GROUPS = """admissionregistration/v1 apps/v1 authentication/v1 authorization/v1 autoscaling/v1
autoscaling/v2 batch/v1 certificates/v1 coordination/v1 core/v1 discovery/v1 events/v1 networking/v1
node/v1 policy/v1 rbac/v1 scheduling/v1 storage/v1""".split()
META = ["pkg/apis/meta/v1", "pkg/api/resource", "pkg/runtime", "pkg/util/intstr"]

FIELD = re.compile(
    r"^\s*(optional|repeated|required)?\s*(map<\s*(\w+)\s*,\s*([\w.]+)\s*>|[\w.]+)\s+(\w+)\s*=\s*(\d+);")
TAGGED = re.compile(r"^\s*(?:(\w+)\s+)?(\*?[\w.\[\]*]+)\s+`(.*)`")


def go_tags(folder):
    """(struct, protobuf name) -> (json name, inline, pointer, omitempty)"""
    out = {}
    for file in sorted(folder.glob("*.go")):
        struct = None
        for line in file.read_text().splitlines():
            opened = re.match(r"^type (\w+) struct", line)
            if opened:
                struct = opened.group(1)
            found = TAGGED.match(line)
            if not struct or not found:
                continue
            tags = found.group(3)
            wire = re.search(r'protobuf:"[^"]*name=(\w+)', tags)
            if not wire and 'json:",inline"' in tags:
                kind = found.group(2).split(".")[-1]
                wire = re.match(r"(.*)", kind[:1].lower() + kind[1:])
            named = re.search(r'json:"([^"]*)"', tags)
            if not wire or not named:
                continue
            parts = named.group(1).split(",")
            out[struct, wire.group(1)] = (parts[0], "inline" in parts, found.group(2)[0] == "*",
                                          "omitempty" in parts)
    return out


def messages(folder):
    text = (folder / "generated.proto").read_text()
    package = re.search(r"^package ([\w.]+);", text, re.M).group(1)
    tags = go_tags(folder)
    own = set(re.findall(r"^message (\w+) \{", text, re.M))
    out = {}
    message = None
    for line in text.splitlines():
        opened = re.match(r"^message (\w+) \{", line)
        if opened:
            message = opened.group(1)
            out[package + "." + message] = fields = {}
        found = FIELD.match(line)
        if not message or not found:
            continue
        label, kind, _, value, name, number = found.groups()
        full = lambda t: package + "." + t if t in own else t.lstrip(".")
        json_name, inline, pointer, omits = tags.get((message, name), (name, False, True, True))
        entry = {"name": json_name or name, "type": full(value or kind)}
        if value:
            entry["map"] = True
        if label == "repeated":
            entry["list"] = True
        if inline:
            entry["inline"] = True
        if not pointer and omits:
            entry["omit"] = True
        fields[number] = entry
    return out


def main():
    root = pathlib.Path(sys.argv[1]) / "k8s.io"
    out = {}
    for folder in [root / "api" / g for g in GROUPS] + [root / "apimachinery" / m for m in META]:
        out.update(messages(folder))
    lines = [json.dumps(name) + ": " + json.dumps(fields, separators=(",", ":"))
             for name, fields in sorted(out.items())]
    print("{\n" + ",\n".join(lines) + "\n}")


main()
