#!/usr/bin/env python3
"""Makes the `k3s` program of the lab: one executable zip file of the modules, stamped with a version.

    build.py --version v1.36.3+k3s1 --output k3s [--size BYTES]

The same input always gives the same bytes, so its checksum can be published. `--size` pads the file to exactly that
many bytes with an entry that nothing reads; it goes inside the zip, because a reader finds a zip by its end.
"""

import argparse
import io
import os
import stat
import sys
import zipfile

_HERE = os.path.dirname(os.path.abspath(__file__))
_SHEBANG = b'#!/usr/bin/python3\n'
_DATE = (2026, 1, 1, 0, 0, 0)
_PADDING = 'padding.bin'


def _entry(name, method=zipfile.ZIP_DEFLATED):
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = method
    entry.external_attr = 0o644 << 16
    return entry


def _archive(version, padding):
    package = os.path.join(_HERE, 'k3s_double')
    out = io.BytesIO()
    out.write(_SHEBANG)
    with zipfile.ZipFile(out, 'a') as archive:
        archive.writestr(_entry('__main__.py'), open(os.path.join(_HERE, '__main__.py'), 'rb').read())
        for name in sorted(os.listdir(package)):
            if name.endswith('.py') and name != 'stamp.py':
                archive.writestr(_entry(f'k3s_double/{name}'), open(os.path.join(package, name), 'rb').read())
        archive.writestr(_entry('k3s_double/stamp.py'), f'VERSION = {version!r}\n')
        if padding is not None:
            archive.writestr(_entry(_PADDING, zipfile.ZIP_STORED), bytes(padding))
    return out.getvalue()


def build(version, size=None):
    """The bytes of the program."""
    if size is None:
        return _archive(version, None)
    least = len(_archive(version, 0))
    if size < least:
        raise SystemExit(f'--size: at least {least} bytes are needed')
    return _archive(version, size - least)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--version', required=True)
    parser.add_argument('--output', required=True)
    parser.add_argument('--size', type=int)
    options = parser.parse_args()
    data = build(options.version, options.size)
    with open(options.output, 'wb') as file:
        file.write(data)
    os.chmod(options.output, os.stat(options.output).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    print(f'{options.output}: {len(data)} bytes, {options.version}', file=sys.stderr)


if __name__ == '__main__':
    main()
