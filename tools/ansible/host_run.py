# host_run.py: one playbook run, in a fork of the Ansible host process.
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
"""Takes its descriptors, enters the sandbox, makes Ansible look freshly started, runs the playbook."""
import atexit
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback

from host_check import first_objection
from host_prepare import link_zips

EVENTS_FD, SANDBOX_FD = 5, 6
PARSE_ERROR = 4  # ansible-playbook's own exit code for it
ZIPS_INSIDE = "/run/remed/ansiballz"


def fresh_ansible(request, zips, home):
    """Undoes what importing in the host has fixed, so that the run starts like a new program."""
    from ansible import constants as C
    from ansible.playbook.base import Base
    from ansible.utils import vars as ansible_vars
    from ansible.utils.context_objects import GlobalCLIArgs
    from ansible.utils.display import Display

    GlobalCLIArgs._Singleton__instance = None
    display = Display()
    for seen in ("_warns", "_errors", "_deprecations"):
        getattr(display, seen, {}).clear()
    ansible_vars.random_int = ("%08x" % random.randint(0, 2 ** 32))[:8]
    ansible_vars.cur_id = 0
    C.ANSIBLE_HOME = os.path.join(home, ".ansible")
    C.CONFIG_FILE = None
    C.config._config_file = None
    C.TASK_TIMEOUT = request["task_timeout"]
    Base.__dict__["timeout"].default = request["task_timeout"]
    base = os.path.join(home, ".ansible", "tmp")
    os.makedirs(base, mode=0o700, exist_ok=True)
    C.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=base)
    atexit.register(shutil.rmtree, C.DEFAULT_LOCAL_TMP, ignore_errors=True)
    link_zips(zips, os.path.join(C.DEFAULT_LOCAL_TMP, "ansiballz_cache"))


def check_parameters(options):
    """After Ansible itself has found nothing to complain of; a fault of ours objects to nothing."""
    try:
        found = first_objection("playbook.yml", "inventory.ini", options)
    except BaseException:
        return 0
    if not found:
        return 0
    print("ERROR! " + found, file=sys.stderr)
    return PARSE_ERROR


def run_playbook(request, zips, options):
    """In the innermost process. Never returns."""
    status = 250
    try:
        os.environ.clear()
        os.environ.update(request["env"])
        tempfile.tempdir = None
        os.chdir(request["cwd"])
        sys.argv = list(request["argv"])
        atexit._clear()
        fresh_ansible(request, zips, os.environ.get("HOME", "/root"))
        from ansible.cli.playbook import PlaybookCLI
        PlaybookCLI.cli_executor(sys.argv)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
        if status == 0 and "--syntax-check" in request["argv"]:
            status = check_parameters(options)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status & 0xFF)


def run_child(fds, library, zips, options):
    """In the fork of the host: takes its descriptors, enters the sandbox, runs. Never returns."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _, request_fd, out, err, events, control = fds
        with open(request_fd, closefd=False) as text:
            request = json.load(text)
        lifted = [os.dup(fd) for fd in (out, err, events, control)]
        high = [fd if fd > 10 else os.dup2(fd, 20 + i) for i, fd in enumerate(lifted)]
        for have, want in zip(high, (1, 2, EVENTS_FD, SANDBOX_FD)):
            os.dup2(have, want)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, EVENTS_FD)
        os.closerange(SANDBOX_FD + 1, os.sysconf("SC_OPEN_MAX"))
        sandbox = request["sandbox"]
        if sandbox is None:
            os.close(SANDBOX_FD)
            os.setsid()
        else:
            sandbox["control_fd"] = SANDBOX_FD
            sandbox["keep_fds"] = [EVENTS_FD]
            sandbox["binds"] = {**(sandbox.get("binds") or {}), ZIPS_INSIDE: zips}
            library.remed_sandbox_enter(json.dumps(sandbox).encode())
            zips = ZIPS_INSIDE
        run_playbook(request, zips, options)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(250)
