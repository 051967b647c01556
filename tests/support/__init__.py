"""What several test files use: references, made-up data, servers, faults, and the command line as a function."""
