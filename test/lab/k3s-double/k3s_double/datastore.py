"""`k3s double-datastore`: the database of the lab, a store behind plain HTTP for servers with --datastore-endpoint."""

from . import log, store, web
from .log import Fatal


def run(arguments):
    options = dict(zip(arguments[::2], arguments[1::2]))
    if set(options) != {'--listen', '--file'}:
        raise Fatal('double-datastore needs --listen HOST:PORT and --file PATH')
    host, _, port = options['--listen'].rpartition(':')
    server = web.Server((host.strip('[]'), int(port)), store.handler(store.Store(options['--file']), None))
    log.info(f'datastore of the lab listens on {options["--listen"]}')
    server.serve_forever()
