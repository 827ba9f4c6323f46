"""A local web page that follows sweeps while they train: `python -m jaxmrl.serve RUN ...`.

The page is read-only. A server of the standard library listens only on the loopback address of this machine. It sends
the page, JSON that is read from the run directories at each request, and the files of a run that the page links to.
"""

from jaxmrl.config.serve import ServeConfig
from jaxmrl.reports.terminal import Reporter
from jaxmrl.serve.discovery import find_runs
from jaxmrl.serve.server import open_server
from jaxmrl.text import count


def serve_runs(config: ServeConfig, *, quiet: bool = True) -> None:
    """Show sweeps on a local web page while they train, and print its address.

    Args:
        config: The settings: run directories, or folders that contain some, and the port.
        quiet: Whether to print nothing.

    Raises:
        UserError: For settings that cannot be used, and for a port that is in use.
    """
    reporter = Reporter(quiet=quiet)
    with open_server(config) as server:
        found = len(find_runs(config.runs))
        reporter.say(f"{count(found, 'run')} at {server.address} (press Ctrl-C to stop)")
        if not found:
            reporter.say("There are no runs yet. The page shows a run as soon as its training starts")
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # how it is meant to end
            reporter.say("stopped")
