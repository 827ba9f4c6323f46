"""`python -m jaxmrl.score`."""

from jaxmrl.cli.commands import score_command

if __name__ == "__main__":
    score_command()
