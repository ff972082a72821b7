# host_modules.py: runs Ansible modules in a fork of the worker.
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
"""Where Ansible would pipe a module into a fresh Python, the worker forks itself and runs the very
same text: Python's start-up and the compiling of module_utils are saved, nothing else changes."""
import atexit
import io
import os
import re
import select
import shlex
import signal
import sys
import types

PYTHON = "/usr/bin/python3"
WRAPPED = re.compile(rb"\A#!" + PYTHON.encode() + rb"\b.*?^def _ansiballz_main\(\)", re.S | re.M)

COMMAND = re.compile(rb"run_module\(mod_name='ansible\.modules\.command'")


def module_environment(command):
    """The variables in front of the interpreter when `command` does nothing but start it."""
    try:
        words = shlex.split(command)
        if len(words) != 3 or words[0] != "/bin/sh" or words[1] != "-c":
            return None
        words = shlex.split(words[2])
    except ValueError:
        return None
    values = {}
    while words and re.match(r"\A[A-Za-z_]\w*=", words[0]):
        name, values[name] = words.pop(0).split("=", 1)
    return values if words in ([PYTHON], [PYTHON, "&&", "sleep", "0"]) else None


def run_text(code, values, cwd):
    """Runs the wrapper's text as `python3 < code` would and returns its exit code. Standard streams
    are the caller's part."""
    if cwd:
        os.chdir(cwd)
    os.environ.update(values)
    os.environ["PWD"] = os.getcwd()  # the shell that is saved would have set it
    sys.argv = [""]
    sys.excepthook = sys.__excepthook__
    atexit._clear()
    from ansible.module_utils.common import warnings
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        exec(compile(code, "<stdin>", "exec"), main.__dict__)
        return 0
    except SystemExit as end:
        if isinstance(end.code, int) or end.code is None:
            return end.code or 0
        print(end.code, file=sys.stderr)
    except Exception as error:
        # Modules install hooks of their own; the innermost frame here is not theirs to see.
        sys.excepthook(type(error), error, error.__traceback__.tb_next)
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    return 1


def text_stream(binary, errors):
    return io.TextIOWrapper(binary, encoding="utf-8", errors=errors)


def become_module(code, values, cwd, out, err):
    """In the fork: what `python3 < code` would see. Never returns."""
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        for have, want in ((null, 0), (out, 1), (err, 2)):
            os.dup2(have, want)
        os.closerange(3, 1024)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        sys.stdin = open(0, closefd=False)
        sys.stdout = text_stream(open(1, "wb", closefd=False), "surrogateescape")
        sys.stderr = text_stream(open(2, "wb", closefd=False), "backslashreplace")
        status = run_text(code, values, cwd)
    finally:
        os._exit(status & 0xFF)


def run_in_worker(code, values, cwd):
    """Without even a fork, for the one module that is known to leave nothing behind: `command` (and
    `shell`) starts a child and prints a document. What it touches of the worker is put back."""
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mask = os.umask(0o022)
    os.umask(mask)
    out, err = io.BytesIO(), io.BytesIO()
    kept = (sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.excepthook, list(sys.path),
            sys.modules["__main__"], dict(os.environ))
    try:
        sys.stdin = open(0, closefd=False)
        sys.stdout = text_stream(out, "surrogateescape")
        sys.stderr = text_stream(err, "backslashreplace")
        status = run_text(code, values, cwd)
        return status & 0xFF, out.getvalue(), err.getvalue()
    finally:
        (sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.excepthook, sys.path[:],
         sys.modules["__main__"], environment) = kept
        os.environ.clear()
        os.environ.update(environment)
        os.umask(mask)
        os.fchdir(folder)
        os.close(folder)


def read_both(out, err):
    chunks = {out: [], err: []}
    poller = select.poll()
    poller.register(out, select.POLLIN)
    poller.register(err, select.POLLIN)
    waiting = 2
    while waiting:
        for fd, _ in poller.poll():
            data = os.read(fd, 65536)
            chunks[fd].append(data)
            if not data:
                poller.unregister(fd)
                waiting -= 1
    return b"".join(chunks[out]), b"".join(chunks[err])


def run_module_here(original):
    """Wraps the local connection: where Ansible would pipe a module into a fresh Python, the worker
    forks itself and runs the very same text. Everything else takes the original way."""

    def exec_command(self, cmd, in_data=None, sudoable=True):
        values = None
        if in_data and self.become is None and WRAPPED.match(in_data):
            values = module_environment(cmd if isinstance(cmd, str) else cmd.decode())
        if values is None:
            return original(self, cmd, in_data=in_data, sudoable=sudoable)
        from ansible.utils.display import Display
        Display().vvv(f"EXEC {cmd}", host=self._play_context.remote_addr)
        if COMMAND.search(in_data):
            return run_in_worker(in_data, values, self.cwd)
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            become_module(in_data, values, self.cwd, out_write, err_write)
        os.close(out_write)
        os.close(err_write)
        try:
            out, err = read_both(out_read, err_read)
            _, status = os.waitpid(pid, 0)
        finally:
            os.close(out_read)
            os.close(err_read)
        return os.waitstatus_to_exitcode(status), out, err

    return exec_command
