"""Images: there are none, and every pull works, unless this host is told otherwise."""

from . import settings

SANDBOX = 'rancher/mirrored-pause:3.6'
PULL_FAILURES = ('ErrImagePull', 'ImagePullBackOff')
_FILE = '/etc/k3s-double/no-images'


def _missing():
    """The lines of the file: parts of names of images that cannot be had; the word `sandbox` means the image of every sandbox."""
    return [line.strip() for line in (settings.read(settings.at(_FILE)) or '').splitlines() if line.strip()]


def _why(image):
    name = f'docker.io/{image}'
    return f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": dial tcp: lookup registry-1.docker.io: i/o timeout'


def failure(images, earlier):
    """What becomes of a pod with these images: its reason and message, or None when all can be had. `earlier` is its last reason."""
    missing = _missing()
    if 'sandbox' in missing:
        # Without a sandbox the pod has no status of its own; what went wrong is only in an event.
        return {'reason': 'ContainerCreating', 'message': '', 'event': f'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "{SANDBOX}": failed to pull image "{SANDBOX}": {_why(SANDBOX)}'}
    for image in images:
        if any(part in image for part in missing):
            if earlier in PULL_FAILURES:
                return {'reason': 'ImagePullBackOff', 'message': f'Back-off pulling image "{image}"'}
            return {'reason': 'ErrImagePull', 'message': _why(image)}
    return None
