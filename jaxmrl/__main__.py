"""`python -m jaxmrl COMMAND ...`."""

from jaxmrl.cli.main import main

if __name__ == "__main__":
    main()
