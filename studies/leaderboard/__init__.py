"""The leaderboard of the documentation: a study of what is here without a hub."""
