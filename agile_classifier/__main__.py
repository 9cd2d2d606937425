"""`python -m agile_classifier`: the command line `agile`, which may be told to stop while its libraries load."""

from __future__ import annotations

from agile_classifier.ending import told


def main() -> None:
    """Run a command and exit, as `agile_classifier.cli.app.main`."""
    with told():
        from agile_classifier.cli.app import main as run

        run()


if __name__ == "__main__":
    main()
