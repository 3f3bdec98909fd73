"""python3 -m launcher run | setup: says in one sentence what is in the way.

This file is read by any Python 3, so that one that is too old can say so.
"""

import sys

OLDEST = (3, 11)


def main(arguments):  # noqa: ANN001, ANN201
    """Check the Python version, then hand over to the real command line."""
    if sys.version_info < OLDEST:
        sys.stderr.write(
            "Python {}.{} is too old: Servelab needs Python {}.{} or newer "
            "(make run PYTHON=python3.12 names another one).\n".format(
                *(tuple(sys.version_info[:2]) + OLDEST)
            )
        )
        return 2
    from launcher import commands

    return commands.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
