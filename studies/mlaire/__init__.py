"""Do retrievers find the answer among all languages, and in which language first? The questions of MLAIRE."""
