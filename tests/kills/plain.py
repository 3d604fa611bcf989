"""The command line as it is: `python -m tests.kills.plain WORDS...`."""

from genocloud.cli import run

if __name__ == "__main__":
    run()
