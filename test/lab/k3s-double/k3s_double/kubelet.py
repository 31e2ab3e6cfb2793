"""The kubelet's listener on 10250: TLS with a certificate of the cluster, answers for the API server only."""

import json
import os
import threading

from . import kubelets, settings, web
from .log import Fatal


class _Handler(web.Handler):
    def answer(self):
        _, organizations = self.peer_subject()
        if 'system:masters' not in organizations:
            self.reply(401, 'Unauthorized')
        elif self.path == '/healthz':
            self.reply(200, 'ok')
        elif self.path == '/double/usage':
            self.reply(200, json.dumps(kubelets.usage()))
        elif self.path.startswith('/metrics'):
            usage = kubelets.usage()
            self.reply(200, f'# TYPE node_memory_working_set_bytes gauge\nnode_memory_working_set_bytes {int(usage["memory"][:-2]) * 1024}\n')
        else:
            self.reply(404, 'the double does not play this part of the kubelet')


def serve(folder, certificate):
    """Writes the serving certificate and listens on all addresses."""
    path = f'{folder}/serving-kubelet'
    settings.write(f'{path}.crt', certificate['certificate'])
    settings.write(f'{path}.key', certificate['key'])
    authority = os.path.join(folder, 'client-ca.crt')
    settings.write(authority, certificate['clientAuthority'])
    try:
        server = web.Server((settings.BIND or '0.0.0.0', settings.KUBELET_PORT), _Handler, web.server_context(f'{path}.crt', f'{path}.key', authority))
    except OSError as error:
        raise Fatal(f'Failed to listen and serve: listen tcp 0.0.0.0:{settings.KUBELET_PORT}: bind: {error.strerror}'.lower().replace('failed', 'Failed', 1)) from error
    threading.Thread(target=server.serve_forever, daemon=True).start()
