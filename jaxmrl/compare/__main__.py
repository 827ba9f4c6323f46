"""`python -m jaxmrl.compare`."""

from jaxmrl.cli.commands import compare_command

if __name__ == "__main__":
    compare_command()
