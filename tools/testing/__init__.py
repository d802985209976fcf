"""The functions and tables of a var-file, in this process, for tests. Its public name is trestle.testing."""
