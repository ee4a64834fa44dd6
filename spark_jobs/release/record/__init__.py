"""What was said when: the journal of a city's releases and the files that are made from it and the release folders."""
