"""Run the functions and tables of a var-file in this process, for tests. The public name is trestle.testing."""
