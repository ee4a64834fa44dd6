"""What was said when: the journal of a city's releases, and the files made from it and from the release folders."""
