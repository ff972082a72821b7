# host_check.py: what can be told of a playbook's module parameters without running it.
# Copyright (C) the remed contributors
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU
# General Public License as published by the Free Software Foundation, either version 3 of the
# License, or (at your option) any later version. It is distributed in the hope that it will be
# useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS
# FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details:
# <https://www.gnu.org/licenses/>.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, required ones and choices come from the modules' own documentation, read once per version
of Ansible and kept beside the module zips."""
import difflib
import json
import os

OPTIONS_FILE = "options.json"


def describe(doc):
    """Only what is checked: per parameter its other names, whether it is required, its choices."""
    options = {}
    for name, option in (doc.get("options") or {}).items():
        kept = {"aliases": list(option.get("aliases") or [])}
        if option.get("required") is True:
            kept["required"] = True
        if option.get("choices"):
            kept["choices"] = [str(choice) for choice in option["choices"]]
        options[name] = kept
    return options


def read_options(modules, folder):
    """The table of all `modules`, from `folder` if it was made before."""
    path = os.path.join(folder, OPTIONS_FILE)
    try:
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError):
        pass
    from ansible.plugins.loader import fragment_loader, module_loader
    from ansible.utils.plugin_docs import get_docstring

    table = {}
    for name in modules:
        if name.endswith("async_wrapper"):
            continue  # Ansible's own, not for playbooks
        found = module_loader.find_plugin_with_context(name, ".py")
        if not found.resolved:
            continue
        try:
            doc = get_docstring(found.plugin_resolved_path, fragment_loader, is_module=True,
                                collection_name=found.plugin_resolved_collection)[0]
            table[name] = describe(doc)
        except Exception:  # a module without readable documentation is not checked
            continue
    part = f"{path}.{os.getpid()}"
    with open(part, "w") as f:
        json.dump(table, f)
    os.rename(part, path)
    return table


def tasks_of(blocks):
    for one in blocks:
        inner = [getattr(one, part, None) for part in ("block", "rescue", "always")]
        if inner[0] is None:
            yield one
            continue
        for part in inner:
            yield from tasks_of(part or [])


def line_of(thing):
    return getattr(thing, "ansible_pos", (None, None, None))[1]


def quoted(names):
    return ", ".join(str(name) for name in names)


def objection(task, table):
    """What is wrong with one task's parameters: (line, text) or None."""
    module = task.resolved_action or task.action
    if not module.count("."):
        module = "ansible.builtin." + module
    options = table.get(module)
    if not options or task.ignore_errors or "_variable_params" in task.args:
        return None
    names = {}
    for name, option in options.items():
        for spelled in [name] + option["aliases"]:
            names[spelled] = name
    given = set()
    where = line_of(task.get_ds())
    for key, value in task.args.items():
        if key.startswith("_") or "{{" in key:
            continue
        if key not in names:
            near = difflib.get_close_matches(key, names, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"it has {quoted(sorted(options))}"
            return line_of(key) or where, f'{module} has no parameter "{key}"; {hint}'
        given.add(names[key])
        choices = options[names[key]].get("choices")
        plain = isinstance(value, (str, int, bool)) and "{" not in str(value)
        if choices and plain and str(value) not in choices:
            return (line_of(key) or where, f'{key} of {module} must be one of {quoted(choices)}, '
                                           f'not "{value}"')
    if task.module_defaults:
        return None
    for name, option in options.items():
        free_form = name in ("free_form", "cmd", "argv")
        if option.get("required") and name not in given and not free_form:
            return where, f'{module} needs the parameter "{name}"'
    return None


def first_objection(playbook, inventory, table):
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.playbook import Playbook
    from ansible.vars.manager import VariableManager

    loader = DataLoader()
    hosts = InventoryManager(loader=loader, sources=[inventory])
    known = VariableManager(loader=loader, inventory=hosts)
    for play in Playbook.load(playbook, loader=loader, variable_manager=known).get_plays():
        for part in (play.pre_tasks, play.tasks, play.post_tasks, play.handlers):
            for task in tasks_of(part):
                found = objection(task, table)
                if found:
                    line, text = found
                    return f"line {line}: {text}" if line else text
    return None
