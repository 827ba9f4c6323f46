"""`python -m jaxmrl.sweep`."""

from jaxmrl.cli.commands import sweep_command

if __name__ == "__main__":
    sweep_command()
