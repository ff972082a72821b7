# host_prepare.py: what the Ansible host process does once, before it serves.
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
"""Importing Ansible and what modules import, loading plugins, building module zips."""
import os
import shutil
import stat
import sys

from host_check import OPTIONS_FILE, read_options
from host_modules import PYTHON, run_module_here

# What playbooks for Kubernetes use; others work too and pay for their zip once per run.
MODULES = [
    "ansible.builtin." + name
    for name in ("command", "shell", "setup", "ping", "stat", "file", "copy", "uri", "wait_for",
                 "async_wrapper", "async_status", "pip", "lineinfile", "slurp")
] + ["kubernetes.core." + name
     for name in ("k8s", "k8s_info", "k8s_scale", "k8s_exec", "k8s_log", "k8s_rollback",
                  "k8s_json_patch", "k8s_cluster_info")]


def private_folder(path):
    """Makes `path` ours and only ours; false when somebody else got there first."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.lstat(path)
    except OSError:
        return False
    return (stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            and not found.st_mode & 0o022)


def zip_folder(scratch, key):
    """Where the module zips are kept between programs: per user, keyed by what they are made of."""
    base = os.environ.get("REMED_CACHE_DIR") or f"/var/tmp/remed-cache-{os.geteuid()}"
    path = os.path.join(base, "ansiballz-" + key)
    if private_folder(base) and private_folder(path):
        return path
    path = os.path.join(scratch, "ansiballz")
    os.mkdir(path, 0o700)
    return path


def remember_what_cannot_change():
    """What runs would look up again and again in the read-only system: folders of plugins, and the
    options their documentation declares."""
    import glob as real_glob
    from ansible.plugins import loader as load

    found, described = {}, set()

    class Glob:
        iglob = staticmethod(real_glob.iglob)

        @staticmethod
        def glob(pattern):
            if not pattern.startswith("/usr/lib/"):
                return real_glob.glob(pattern)
            if pattern not in found:
                found[pattern] = tuple(real_glob.glob(pattern))
            return list(found[pattern])

    load.glob = Glob
    original = load.PluginLoader._load_config_defs

    def load_config_defs(self, name, module, path):
        key = (self.class_name, name, path)
        if key not in described:
            original(self, name, module, path)
            if path.startswith("/usr/lib/"):
                described.add(key)

    load.PluginLoader._load_config_defs = load_config_defs


def preload_plugins():
    from ansible.plugins import loader as load

    remember_what_cannot_change()
    for _, loader in load.get_all_plugin_loaders():
        loader.find_plugin_with_context("no_plugin_has_this_name")  # fills the table of paths
    wanted = {
        load.action_loader: ["normal", "gather_facts", "kubernetes.core.k8s_info",
                             "kubernetes.core.k8s"],
        load.callback_loader: ["default", "remed_events"],
        load.inventory_loader: ["host_list", "script", "auto", "yaml", "ini", "toml"],
        load.lookup_loader: ["kubernetes.core.k8s"],
    }
    for loader, names in wanted.items():
        for name in names:
            try:
                loader.get(name, class_only=True)
            except Exception:  # a plugin this version lacks is not worth a word
                pass
    for loader in (load.filter_loader, load.test_loader, load.vars_loader):
        list(loader.all())
    for loader in (load.action_loader, load.become_loader, load.cache_loader, load.callback_loader,
                   load.connection_loader, load.lookup_loader, load.shell_loader,
                   load.strategy_loader):
        list(loader.all(class_only=True))


def know_types():
    """Answers, once, the questions of kind that every task would ask anew: the answers are kept with
    the abstract classes, and a fork starts with them."""
    import collections.abc as abc
    from ansible.parsing.yaml import objects
    from ansible.playbook import block, play, task
    from ansible.utils import unsafe_proxy
    from ansible.vars import hostvars

    kinds = [getattr(objects, name) for name in ("AnsibleMapping", "AnsibleSequence",
                                                 "AnsibleUnicode")]
    kinds += [unsafe_proxy.AnsibleUnsafeText, unsafe_proxy.AnsibleUnsafeBytes, block.Block,
              play.Play, task.Task, hostvars.HostVars, str, bytes, int, float, bool, dict, list,
              tuple, set, frozenset, type(None)]
    for kind in kinds:
        for name in ("Mapping", "MutableMapping", "Sequence", "MutableSequence", "Set",
                     "MutableSet", "Iterable", "Hashable"):
            issubclass(kind, getattr(abc, name))


def preload_modules():
    """Imports what modules import, so that their forks start with it."""
    import importlib
    import pkgutil

    names = ["ansible.module_utils.basic", "ansible.module_utils.urls",
             "ansible.module_utils.facts.ansible_collector", "kubernetes", "kubernetes.client",
             "kubernetes.config", "kubernetes.dynamic", "kubernetes.stream", "jsonpatch",
             "jmespath", "websocket"]
    for package in ("ansible_collections.kubernetes.core.plugins.module_utils",
                    "ansible_collections.kubernetes.core.plugins.module_utils.k8s",
                    "ansible_collections.kubernetes.core.plugins.module_utils.client"):
        names.append(package)
        try:
            found = importlib.import_module(package)
            names += [m.name for m in pkgutil.iter_modules(found.__path__, package + ".")]
        except ImportError:
            continue
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            pass


def zip_key():
    import ansible
    from ansible import release

    core = os.path.join(os.path.dirname(os.path.dirname(ansible.__file__)),
                        "ansible_collections/kubernetes/core/MANIFEST.json")
    try:
        collection = f"{os.stat(core).st_mtime_ns:x}"
    except OSError:
        collection = "none"
    return f"{release.__version__}-{sys.version_info[0]}.{sys.version_info[1]}-{collection}"


def build_zips(scratch):
    """Fills the zip folder with what is missing and returns it."""
    from ansible import constants as C
    from ansible.executor.module_common import modify_module
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import module_loader
    from ansible.template import Templar

    folder = zip_folder(scratch, zip_key())
    task_vars = {"ansible_python_interpreter": PYTHON}
    templar = Templar(DataLoader(), variables=task_vars)
    templar.template("{{ 1 | default(2) }}")
    built = os.path.join(C.DEFAULT_LOCAL_TMP, "ansiballz_cache")
    link_zips(folder, built)  # what is there already is not built again
    for name in MODULES:
        found = module_loader.find_plugin_with_context(name, ".py")
        if not found.resolved:
            continue
        path = found.plugin_resolved_path
        try:
            modify_module(name, path, {}, templar, task_vars=task_vars,
                          module_compression=C.DEFAULT_MODULE_COMPRESSION)
        except Exception:
            continue  # it will fail again, and say why, where a playbook uses it
    for name in os.listdir(built):
        if not os.path.islink(os.path.join(built, name)):
            part = os.path.join(folder, f".{os.getpid()}-{name}")
            shutil.copy(os.path.join(built, name), part)
            os.rename(part, os.path.join(folder, name))
    return folder


def link_zips(folder, into):
    """A folder of links, not a link to the folder: modules that are not in it must find room."""
    os.makedirs(into, exist_ok=True)
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if not name.startswith((".", OPTIONS_FILE)):
            os.symlink(os.path.join(folder, name), os.path.join(into, name))


def prepare(scratch, plugin):
    """Imports Ansible with settings of our own, whatever this machine's files say. Returns the folder
    of module zips and the table of module parameters."""
    plugins = os.path.join(scratch, "plugins")
    os.mkdir(plugins)
    with open(os.path.join(plugins, "remed_events.py"), "w") as f:
        f.write(plugin)
    config = os.path.join(scratch, "ansible.cfg")
    open(config, "w").close()
    os.environ.update({"ANSIBLE_CONFIG": config, "ANSIBLE_LOCAL_TEMP": scratch,
                       "ANSIBLE_CALLBACK_PLUGINS": plugins, "HOME": "/root"})
    sys.path = [p for p in sys.path if p not in ("", os.path.dirname(os.path.abspath(__file__)))]
    import ansible.cli.playbook  # noqa: F401
    import ansible.executor.playbook_executor  # noqa: F401
    from ansible.plugins.connection import local

    preload_plugins()
    preload_modules()
    know_types()
    local.Connection.exec_command = run_module_here(local.Connection.exec_command)
    from ansible.plugins.loader import connection_loader
    loaded = connection_loader.get("local", class_only=True)
    if loaded is not local.Connection:
        loaded.exec_command = run_module_here(loaded.exec_command)
    zips = build_zips(scratch)
    return zips, read_options(MODULES, zips)
