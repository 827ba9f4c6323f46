"""The command line: flags, one-line errors, exit codes."""
