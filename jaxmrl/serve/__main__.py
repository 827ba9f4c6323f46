"""`python -m jaxmrl.serve`."""

from jaxmrl.cli.commands import serve_command

if __name__ == "__main__":
    serve_command()
