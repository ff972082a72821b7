# remed_events.py: Ansible callback plugin that reports what happens as one JSON object a line.
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
"""Events on the socket named by REMED_EVENTS_FD, beside the human text on standard output.

Ansible hands every callback a result that already honours no_log.
"""
from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: remed_events
    type: notification
    short_description: JSON events on a socket
    description: One JSON object a line for every play, task, result and for the final statistics.
    requirements:
      - the environment variable REMED_EVENTS_FD
"""

LONGEST_TEXT = 256 * 1024


def _bounded(value):
    """The value with over-long texts cut, so that one task cannot flood the reader."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
    if isinstance(value, dict):
        return {str(k): _bounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bounded(v) for v in value]
    return value


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "remed_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._fd = int(os.environ.get("REMED_EVENTS_FD", "-1"))
        self._play = ""
        self._started = {}
        if self._fd < 0:
            self.disabled = True
        else:
            os.set_inheritable(self._fd, False)  # tasks must not write events

    def _emit(self, kind, **more):
        event = {"kind": kind, "play": self._play, **more}
        data = (json.dumps(_bounded(event), default=str) + "\n").encode()
        try:
            while data:
                data = data[os.write(self._fd, data):]
        except OSError:
            self.disabled = True  # the reader has gone; the run may go on

    def _result(self, kind, result, **more):
        task = result._task
        began = self._started.get((task._uuid, result._host.get_name()), time.monotonic())
        self._emit(
            kind,
            task=task.get_name().strip(),
            action=task.action,
            host=result._host.get_name(),
            uuid=task._uuid,
            path=task.get_path() or "",
            ms=round((time.monotonic() - began) * 1000, 3),
            result=result._result,
            **more,
        )

    def v2_playbook_on_start(self, playbook):
        self._emit("playbook_start")

    def v2_playbook_on_play_start(self, play):
        self._play = play.get_name().strip()
        self._emit("play_start")

    def v2_playbook_on_no_hosts_matched(self):
        self._emit("no_hosts_matched")

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._emit("task_start", task=task.get_name().strip(), action=task.action,
                   uuid=task._uuid, path=task.get_path() or "")

    def v2_playbook_on_handler_task_start(self, task):
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_start(self, host, task):
        self._started[(task._uuid, host.get_name())] = time.monotonic()

    def v2_runner_on_ok(self, result):
        self._result("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result):
        self._result("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self._result("unreachable", result)

    def v2_runner_retry(self, result):
        self._result("retry", result)

    def v2_runner_item_on_ok(self, result):
        self._result("item_ok", result)

    def v2_runner_item_on_failed(self, result):
        self._result("item_failed", result)

    def v2_runner_item_on_skipped(self, result):
        self._result("item_skipped", result)

    def v2_playbook_on_stats(self, stats):
        hosts = {h: stats.summarize(h) for h in sorted(stats.processed)}
        self._emit("stats", result=hosts)
