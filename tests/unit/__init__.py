"""One module at a time, without any process beside the test's own."""
