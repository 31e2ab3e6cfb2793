"""Reads the configuration as K3s does: files, then arguments, and the environment where neither spoke.

`/etc/rancher/k3s/config.yaml` comes first, then `config.yaml.d/*.yaml` and `*.yml` in alphabetical order. A later
value replaces an earlier one, lists too; a key that ends in `+` appends. Arguments replace what files say.
"""

import glob
import os
import stat
from dataclasses import dataclass, field

import yaml

from . import flags, settings
from .log import Fatal


@dataclass
class Configuration:
    role: str
    values: dict = field(default_factory=dict)
    sources: dict = field(default_factory=dict)
    arguments: list = field(default_factory=list)

    def get(self, name):
        if name in self.values:
            return self.values[name]
        return flags.DEFAULTS.get(name)

    def list(self, name):
        return self.get(name) or []

    def first(self, name):
        return (self.list(name) or [None])[0]

    def is_set(self, name):
        return name in self.values


class _Loader(yaml.SafeLoader):
    """Refuses a key that appears twice in one file: the last one would win without a word."""


def _mapping(loader, node):
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.YAMLError(f'key "{key}" appears twice')
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def files(path):
    """The main file (when it exists) and its drop-ins in the order that they are read."""
    drop_ins = [*glob.glob(f'{path}.d/*.yaml'), *glob.glob(f'{path}.d/*.yml')]
    return [file for file in (path, *sorted(drop_ins)) if os.path.isfile(file)]


def _read_yaml(path):
    with open(path, encoding='utf-8') as file:
        try:
            content = yaml.load(file, Loader=_Loader)
        except yaml.YAMLError as error:
            raise Fatal(f'failed to parse {path}: {error}'.replace('\n', ' ')) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Fatal(f'failed to parse {path}: expected a mapping of flags, found {type(content).__name__}')
    return content


def _scalar(flag, value, where):
    kind = flag.kind
    name = flag.name
    if kind == 'bool':
        if isinstance(value, bool):
            return value
        if value in ('true', 'false'):
            return value == 'true'
        raise Fatal(f'{where}: --{name} expects true or false, found {value!r}')
    if kind == 'int':
        if isinstance(value, bool) or not str(value).lstrip('-').isdigit():
            raise Fatal(f'{where}: --{name} expects a whole number, found {value!r}')
        return int(value)
    if value is None:
        return ''
    if not isinstance(value, str):
        raise Fatal(f'{where}: --{name} expects text, found the {type(value).__name__} {value!r}: put it in quotes')
    return value


def _elements(flag, value, where):
    items = value if isinstance(value, list) else [value]
    out = []
    for item in items:
        if isinstance(item, (dict, list)):
            raise Fatal(f'{where}: --{flag.name} expects a list of texts, found {item!r}')
        text = '' if item is None else str(item)
        out.extend(part.strip() for part in text.split(',')) if flag.kind == 'addresses' else out.append(text)
    return [item for item in out if item != '']


def _typed(flag, value, where):
    if flag.is_list:
        return _elements(flag, value, where)
    if isinstance(value, (list, dict)):
        raise Fatal(f'{where}: --{flag.name} expects one value, found {value!r}')
    return _scalar(flag, value, where)


def _from_files(configuration, known, path):
    problems = []
    appended = {}
    for file in files(path):
        holds_secret = False
        for raw, value in _read_yaml(file).items():
            key = str(raw)
            name = key[:-1] if key.endswith('+') else key
            flag = known.get(name)
            if flag is None:
                problems.append(f'Unknown flag --{name} found in {os.path.basename(file)}, skipping (the real k3s warns and goes on, this double refuses: {file})')
                continue
            if configuration.role not in flag.roles:
                problems.append(f'Unknown flag --{name} found in {os.path.basename(file)}, skipping (--{name} is for a k3s server only; the real agent warns and goes on, this double refuses: {file})')
                continue
            try:
                typed = _typed(flag, value, file)
            except Fatal as problem:
                problems.extend(problem.messages)
                continue
            if key.endswith('+'):
                if not flag.is_list:
                    problems.append(f'{file}: {key}: only lists can be appended to')
                    continue
                typed = [*configuration.values.get(name, []), *typed]
                appended[name] = file
            elif name in appended:
                problems.append(f'{file}: {name} replaces what {appended[name]} appended with {name}+: write {name}+ here as well')
            configuration.values[name] = typed
            configuration.sources[name] = file
            holds_secret = holds_secret or name in flags.SECRET
        mode = stat.S_IMODE(os.stat(file).st_mode)
        if holds_secret and mode & 0o077:
            problems.append(f'{file} holds a secret and has mode {mode:04o}: others can read it, 0600 is needed')
    if problems:
        raise Fatal(*problems)


def _from_arguments(configuration, known, arguments):
    shorts = {flag.short: flag for flag in known.values() if flag.short}
    given = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.lstrip('-').partition('=')
        flag = known.get(name) if len(name) > 1 or name == 'v' else shorts.get(name)
        if not word.startswith('-') or flag is None or configuration.role not in flag.roles:
            raise Fatal(f'Incorrect Usage: flag provided but not defined: -{name}')
        if flag.name in flags.SECRET:
            raise Fatal(f'--{flag.name} on the command line: everybody on this host can read it in the process list and in the unit file (the real k3s accepts it, this double refuses)')
        if not equals:
            if flag.kind == 'bool':
                value = 'true'
            elif rest:
                value = rest.pop(0)
            else:
                raise Fatal(f'Incorrect Usage: flag needs an argument: -{name}')
        typed = _typed(flag, value, 'command line')
        given[flag.name] = [*given.get(flag.name, []), *typed] if flag.is_list else typed
        configuration.sources[flag.name] = 'command line'
    configuration.values.update(given)


def _from_environment(configuration, known, environment):
    for flag in known.values():
        value = environment.get(flag.environment) if flag.environment else None
        if not value or flag.name in configuration.values or configuration.role not in flag.roles:
            continue
        configuration.values[flag.name] = _typed(flag, value, flag.environment)
        configuration.sources[flag.name] = flag.environment


def _config_path(arguments, environment):
    path, rest = None, []
    words = list(arguments)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition('=')
        if name in ('--config', '-c'):
            path = value if equals else (words.pop(0) if words else None)
        else:
            rest.append(word)
    return path or environment.get('K3S_CONFIG_FILE') or settings.at(settings.CONFIG_FILE), rest


def load(role, arguments, environment):
    """The merged configuration of a server or an agent. Raises Fatal for what K3s does not know."""
    known = flags.table(settings.minor())
    path, rest = _config_path(arguments, environment)
    configuration = Configuration(role, arguments=rest)
    _from_files(configuration, known, path)
    _from_arguments(configuration, known, rest)
    _from_environment(configuration, known, environment)
    return configuration
