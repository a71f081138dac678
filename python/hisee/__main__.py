"""`python -m hisee` is the command `hisee`."""

from hisee.cli.main import main

if __name__ == "__main__":
    main()
