"""`python -m jaxmrl.plan`."""

from jaxmrl.cli.commands import plan_command

if __name__ == "__main__":
    plan_command()
