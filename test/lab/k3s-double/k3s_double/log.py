"""Log lines in the form that K3s writes them: time, level and a quoted message."""

import datetime
import json
import sys
import threading

_lock = threading.Lock()
_secrets = set()


class Fatal(Exception):
    """The double cannot start or go on; the messages are printed and the program ends with 1."""

    def __init__(self, *messages):
        super().__init__('; '.join(messages))
        self.messages = messages


def hide(secret):
    """Never lets this value reach a log line."""
    if secret and len(secret) >= 6:
        _secrets.add(secret)


def now(offset_seconds=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=max(offset_seconds, -10**8))
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')


def _line(level, message):
    for secret in _secrets:
        message = message.replace(secret, '********')
    with _lock:
        quoted = json.dumps(message, ensure_ascii=False)
        sys.stderr.write(f'time="{now()}" level={level} msg={quoted}\n')
        sys.stderr.flush()


def info(message):
    _line('info', message)


def warning(message):
    _line('warning', message)


def error(message):
    _line('error', message)


def fatal(message):
    _line('fatal', message)


class Steady:
    """Says a thing when it changes, and again only after a while, as a retry loop should."""

    def __init__(self, write, every=12):
        self._write = write
        self._every = every
        self._last = None
        self._count = 0

    def __call__(self, message):
        if message != self._last or self._count >= self._every:
            self._last, self._count = message, 0
            self._write(message)
        self._count += 1

    def clear(self):
        self._last = None
