"""Entry of the zip file that build.py makes, and of `python3 test/lab/k3s-double`."""

import sys

from k3s_double.main import main

if __name__ == '__main__':
    sys.exit(main())
