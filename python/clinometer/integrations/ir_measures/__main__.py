"""`python -m clinometer.integrations.ir_measures`: the command line of ir_measures with our measures."""

from clinometer.integrations.ir_measures.command import main

main()
