"""How do two encoders lean, and what does a report look like? The pictures of README and documentation."""
