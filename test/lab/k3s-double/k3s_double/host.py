"""Runs the host's network programs."""

import subprocess

from . import log


class CommandFailed(Exception):
    """A program of the host ended with an error; the text is what it said."""


def run(*words, input_text=None):
    """Runs a program and returns what it printed. Raises CommandFailed."""
    try:
        result = subprocess.run(words, capture_output=True, text=True, input=input_text)
    except OSError as error:
        raise CommandFailed(f'{words[0]}: {error.strerror}') from error
    if result.returncode != 0:
        raise CommandFailed(f'{" ".join(words)}: {result.stderr.strip()}')
    return result.stdout


def attempt(*words):
    """Runs a program whose failure does not matter. Returns whether it worked."""
    try:
        run(*words)
    except CommandFailed:
        return False
    return True


def sysctl(name, value):
    path = '/proc/sys/' + name.replace('.', '/')
    try:
        with open(path, 'w', encoding='ascii') as file:
            file.write(value)
    except OSError as error:
        log.warning(f'Failed to set sysctl: {path}: {error.strerror}')
