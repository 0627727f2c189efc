"""One module a benchmark: `measure` notes figures, `GOALS` says what they should be."""
