"""A local web page that follows sweeps while they train: `python -m jaxmrl.serve RUN ...`.

The page only reads. A server of the standard library listens on this machine's own address alone, and answers with the
page, with JSON that is read from the run directories at each request, and with the files that a run's report is made
of.
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
            reporter.say("No run of a sweep is there yet. The page shows one as soon as its training starts")
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # how it is meant to end
            reporter.say("stopped")
