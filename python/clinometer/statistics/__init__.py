"""Statistics: from values per query to means with intervals, and to tests of differences."""
