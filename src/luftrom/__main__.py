"""`python -m luftrom` is the command `luftrom`."""

from luftrom.cli.main import main

if __name__ == "__main__":
    main()
