"""`python -m pdp.cli` is `pdp`."""

from pdp.cli import main

main()
