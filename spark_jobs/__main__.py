"""`python -m spark_jobs <step>`: a step as a fork of the step server, or where none answers in this process."""

from __future__ import annotations

import sys

from spark_jobs.step_server import ask


def main() -> int:
    """Run the step that the command line names. Returns its exit code, see command_line."""
    code = ask(sys.argv[1:])
    if code is None:
        from spark_jobs.command_line import main as run

        code = run()
    return code


if __name__ == "__main__":
    sys.exit(main())
