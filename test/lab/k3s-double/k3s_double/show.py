"""`k3s double-config`: what a server or an agent would start with here, without starting it."""

import json
import os

from . import config, flags, refusals
from .log import Fatal


def run(arguments):
    """Prints values and where each came from. Raises Fatal as the start would."""
    if not arguments or arguments[0] not in ('server', 'agent'):
        raise Fatal('double-config needs server or agent')
    configuration = config.load(arguments[0], arguments[1:], os.environ)
    refusals.check(configuration)
    values = {name: '********' if name in flags.SECRET else value for name, value in configuration.values.items()}
    print(json.dumps({'role': configuration.role, 'values': values, 'sources': configuration.sources}, indent=2, sort_keys=True))
