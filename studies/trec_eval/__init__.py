"""Our figures of runs next to those of trec_eval."""
