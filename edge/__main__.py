"""`python -m edge`: the same as the command `edge`."""

from edge.cli import main

main()
