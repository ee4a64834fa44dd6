"""The sections of the bulletin: functions from a page to sentences and rows that are ready to print."""
