"""`python -m gitconfigmgr`."""

from gitconfigmgr.cli.main import main

main()
