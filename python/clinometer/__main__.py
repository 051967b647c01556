"""The command `clinometer`, which is also `python -m clinometer`.

The command line is imported inside, so that Ctrl-C is one line even while it is imported.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from clinometer.cli import main as run

        run()
    except KeyboardInterrupt:
        interrupted()


def interrupted() -> None:
    """Exit as shells expect of a command that was interrupted."""
    import signal

    # A second Ctrl-C ends what is left at once, without another word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stderr.write("clinometer: interrupted\n")
    sys.exit(130)


if __name__ == "__main__":
    main()
