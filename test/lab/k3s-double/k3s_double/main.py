"""Chooses the command by the first argument, or by the name that the program was called by."""

import os
import signal
import sys

from . import log, settings
from .log import Fatal

_HELP = """k3s double {version}: this is a TEST DOUBLE of K3s for the lab of k3s-mesh-tui. It is not K3s.

USAGE: k3s COMMAND [OPTIONS]
  server       run a server (and the agent of its own node)
  agent        run an agent
  kubectl      get, apply, delete, logs, top, label, annotate, cordon, uncordon, drain
  double-datastore --listen HOST:PORT --file PATH
               a datastore that several servers share through --datastore-endpoint
  double-config server|agent [OPTIONS]
               print the merged configuration as JSON, with secrets masked, or why it is refused
  --version    print the version
"""


def _refuse_tool(name):
    raise Fatal(f'{name}: this is a test double of K3s: there is no containerd behind it')


def _stop(*_):
    # Pods are processes of their own and go on, as they do when the real k3s stops (KillMode=process).
    os._exit(0)


def _run(command, arguments):
    if command in ('--version', '-v', 'version'):
        print(f'k3s version {settings.version()} (double)\ngo version {settings.GO_VERSION}')
    elif command in ('', '--help', '-h', 'help'):
        print(_HELP.format(version=settings.version()))
    elif command in ('crictl', 'ctr'):
        _refuse_tool(command)
    elif command == 'kubectl':
        from . import kubectl

        return kubectl.run(arguments)
    elif command == 'double-config':
        from . import show

        show.run(arguments)
    elif command == 'double-pod':
        from . import responder

        responder.run(arguments)
    elif command in ('server', 'agent', 'double-datastore'):
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        from . import agent, datastore, server

        {'server': server, 'agent': agent, 'double-datastore': datastore}[command].run(arguments)
    else:
        raise Fatal(f'No help topic for \'{command}\' (the double plays server, agent and kubectl)')
    return 0


def main():
    called = os.path.basename(sys.argv[0])
    words = [called, *sys.argv[1:]] if called in ('kubectl', 'crictl', 'ctr') else sys.argv[1:]
    try:
        return _run(words[0] if words else '', words[1:])
    except Fatal as problem:
        for message in problem.messages:
            log.fatal(message)
        return 1
