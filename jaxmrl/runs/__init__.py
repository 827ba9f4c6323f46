"""The run directory: its rows, metadata and artifacts, and whether a command may go on with it."""
