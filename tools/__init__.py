"""Programs for those who work on Carnet. Nothing here is shipped."""
