"""`k3s kubectl`: the few subcommands that are used on a server, each only requests to the API."""

import argparse
import json
import sys
import urllib.parse

import yaml

from . import kubeconfig, objects, tables, web
from .log import Fatal


class _Client:
    def __init__(self, file):
        self._url, self._context = kubeconfig.load(file)

    def ask(self, path, method='GET', body=None, raw=False):
        """The answer as an object (or text when raw); a failure ends the program as kubectl words it."""
        try:
            status, content = web.request(self._url + path, self._context, method, body, headers={'Accept': 'application/json'}, timeout=30)
        except web.Unreachable as error:
            raise Fatal(f'Unable to connect to the server: {error}') from error
        text = content.decode()
        if status >= 400:
            message = json.loads(text)['message'] if text.startswith('{') else text
            reason = json.loads(text).get('reason', status) if text.startswith('{') else status
            raise Failed(f'Error from server ({reason}): {message}')
        return text if raw else json.loads(text)


class Failed(Exception):
    """The API refused; the text is for standard error."""


def _path(resource, namespace, name=None, all_namespaces=False):
    base = f'/apis/{resource.group_version}' if resource.group else f'/api/{resource.version}'
    middle = f'/namespaces/{namespace}' if resource.namespaced and not all_namespaces else ''
    return f'{base}{middle}/{resource.plural}' + (f'/{name}' if name else '')


def _resource(word):
    resource = objects.by_word(word)
    if resource is None:
        raise Failed(f'error: the server doesn\'t have a resource type "{word}"')
    return resource


def _targets(words):
    """(resource, name or None) of `nodes`, `node a b`, `pod/a`."""
    if '/' in words[0]:
        return [(_resource(word.split('/')[0]), word.split('/', 1)[1]) for word in words]
    resource = _resource(words[0])
    return [(resource, name) for name in words[1:]] or [(resource, None)]


def _query(options):
    fields = {'labelSelector': options.selector, 'fieldSelector': options.field_selector}
    text = urllib.parse.urlencode({name: value for name, value in fields.items() if value})
    return f'?{text}' if text else ''


def _get(client, options):
    if options.raw:
        sys.stdout.write(client.ask(options.raw, raw=True))
        return
    if not options.words:
        raise Failed('error: Required resource not specified.')
    items, kinds = [], []
    single = None
    for resource, name in _targets(options.words):
        path = _path(resource, options.namespace, name, options.all_namespaces)
        answer = client.ask(path if name else path + _query(options))
        single = answer if name else None
        found = [answer] if name else [{'apiVersion': resource.group_version, 'kind': resource.kind, **item} for item in answer['items']]
        items += found
        kinds += [resource] * len(found)
    _print(items, kinds, single if len(items) == 1 else None, options)


def _print(items, kinds, single, options):
    shown = single or {'apiVersion': 'v1', 'items': items, 'kind': 'List', 'metadata': {'resourceVersion': ''}}
    if options.output == 'json':
        print(json.dumps(shown, indent=4))
    elif options.output == 'yaml':
        print(yaml.safe_dump(shown, sort_keys=True), end='')
    elif options.output == 'name':
        for item, resource in zip(items, kinds):
            print(f'{resource.kind.lower()}{"." + resource.group if resource.group else ""}/{item["metadata"]["name"]}')
    elif options.output in (None, 'wide'):
        _print_table(items, kinds, options)
    else:
        raise Failed(f'error: the double does not play -o {options.output}; json, yaml, name and wide are played')


def _print_table(items, kinds, options):
    if not items:
        print('No resources found', file=sys.stderr)
        return
    kind = kinds[0].kind
    count = len(tables.columns(kind)) if options.output == 'wide' else tables.narrow(kind)
    lines = [] if options.no_headers else [[name.upper() for name in tables.columns(kind)[:count]]]
    lines += [[str(cell) for cell in tables.rows(kind, item)[:count]] for item in items]
    if options.all_namespaces and kinds[0].namespaced:
        spaces = [item['metadata']['namespace'] for item in items]
        lines = [[space, *line] for space, line in zip(spaces if options.no_headers else ['NAMESPACE', *spaces], lines)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    for line in lines:
        print('   '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def _documents(file):
    text = sys.stdin.read() if file == '-' else open(file, encoding='utf-8').read()
    for document in yaml.safe_load_all(text):
        if document:
            yield from document['items'] if document.get('kind') == 'List' else [document]


def _document_target(document, options):
    resource = objects.by_kind(document.get('apiVersion'), document.get('kind'))
    if resource is None:
        raise Failed(f'error: resource mapping not found: no matches for kind "{document.get("kind")}" in version "{document.get("apiVersion")}"')
    return resource, document['metadata'].get('namespace') or options.namespace, document['metadata']['name']


def _apply(client, options):
    for document in _documents(options.filename):
        resource, namespace, name = _document_target(document, options)
        try:
            client.ask(_path(resource, namespace, name), 'PATCH', document)
            done = 'configured'
        except Failed as error:
            if '(NotFound)' not in str(error):
                raise
            client.ask(_path(resource, namespace), 'POST', document)
            done = 'created'
        print(f'{resource.kind.lower()}{"." + resource.group if resource.group else ""}/{name} {done}')


def _delete(client, options):
    if options.filename:
        # Backwards: a namespace after what is in it.
        targets = [_document_target(document, options) for document in _documents(options.filename)][::-1]
    else:
        targets = [(resource, options.namespace, name) for resource, name in _targets(options.words)]
    for resource, namespace, name in targets:
        if name is None and not (options.all or options.selector):
            raise Failed('error: resource(s) were provided, but no name was specified')
        try:
            client.ask(_path(resource, namespace, name) + ('' if name else _query(options)), 'DELETE')
        except Failed as error:
            if not (options.ignore_not_found and '(NotFound)' in str(error)):
                raise
            continue
        print(f'{resource.kind.lower()} "{name or "all"}" deleted')


def _logs(client, options):
    names = [options.words[0].split('/')[-1]] if options.words else []
    if options.selector:
        path = _path(_resource('pods'), options.namespace) + _query(options)
        names = [pod['metadata']['name'] for pod in client.ask(path)['items']]
    for name in names:
        tail = f'?tailLines={options.tail}' if options.tail is not None else ''
        sys.stdout.write(client.ask(_path(_resource('pods'), options.namespace, name) + '/log' + tail, raw=True))


def _top(client, options):
    items = client.ask('/apis/metrics.k8s.io/v1beta1/nodes')['items']
    if not items:
        raise Failed('error: Metrics API not available')
    known = {node['metadata']['name'] for node in client.ask('/api/v1/nodes')['items']}
    print('NAME   CPU(cores)   MEMORY(bytes)')
    for item in items:
        print(f'{item["metadata"]["name"]}   {int(item["usage"]["cpu"][:-1]) // 10**6}m   {int(item["usage"]["memory"][:-2]) // 1024}Mi')
    for name in sorted(known - {item['metadata']['name'] for item in items}):
        print(f'{name}   <unknown>   <unknown>')


def _metadata(part):
    def change(client, options):
        targets = [word for word in options.words if '=' not in word and not word.endswith('-')]
        pairs = [word for word in options.words if word not in targets]
        patch = {word[:-1] if word.endswith('-') and '=' not in word else word.split('=', 1)[0]: None if word.endswith('-') and '=' not in word else word.split('=', 1)[1] for word in pairs}
        for resource, name in _targets(targets):
            client.ask(_path(resource, options.namespace, name), 'PATCH', {'metadata': {part: patch}})
            print(f'{resource.kind.lower()}/{name} {part[:-1]}ed')

    return change


def _schedulable(value):
    def change(client, options):
        for name in options.words:
            client.ask(_path(_resource('nodes'), None, name.split('/')[-1]), 'PATCH', {'spec': {'unschedulable': True if value else None}})
            print(f'node/{name} {"cordoned" if value else "uncordoned"}')

    return change


def _drain(client, options):
    _schedulable(True)(client, options)
    for node in options.words:
        pods = client.ask(f'/api/v1/pods?fieldSelector=spec.nodeName={node}')['items']
        for pod in pods:
            owners = {reference['kind'] for reference in pod['metadata'].get('ownerReferences', [])}
            if 'DaemonSet' in owners:
                if not options.ignore_daemonsets:
                    raise Failed('error: cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)')
                continue
            client.ask(f'/api/v1/namespaces/{pod["metadata"]["namespace"]}/pods/{pod["metadata"]["name"]}', 'DELETE')
            print(f'evicting pod {pod["metadata"]["namespace"]}/{pod["metadata"]["name"]}')
        print(f'node/{node} drained')


_COMMANDS = {'get': _get, 'apply': _apply, 'delete': _delete, 'logs': _logs, 'top': _top, 'label': _metadata('labels'), 'annotate': _metadata('annotations'), 'cordon': _schedulable(True), 'uncordon': _schedulable(False), 'drain': _drain}


def _parser():
    parser = argparse.ArgumentParser('kubectl', description='kubectl of the K3s double', allow_abbrev=False)
    parser.add_argument('command', choices=sorted(_COMMANDS))
    parser.add_argument('words', nargs='*')
    parser.add_argument('--kubeconfig')
    parser.add_argument('-n', '--namespace', default='default')
    parser.add_argument('-A', '--all-namespaces', action='store_true')
    parser.add_argument('-o', '--output')
    parser.add_argument('-l', '--selector')
    parser.add_argument('--field-selector')
    parser.add_argument('-f', '--filename')
    parser.add_argument('--raw')
    parser.add_argument('--tail', type=int)
    parser.add_argument('--request-timeout')
    for flag in ('--no-headers', '--ignore-not-found', '--overwrite', '--all', '--ignore-daemonsets', '--delete-emptydir-data', '--force'):
        parser.add_argument(flag, action='store_true')
    for flag in ('--wait', '--timeout', '--grace-period', '--validate'):
        parser.add_argument(flag)
    return parser


def run(arguments):
    """Runs one subcommand and returns the exit code."""
    options = _parser().parse_intermixed_args([word.removesuffix('=true') for word in arguments])
    try:
        _COMMANDS[options.command](_Client(options.kubeconfig or kubeconfig.path()), options)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0
