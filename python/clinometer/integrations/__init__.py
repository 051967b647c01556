"""Integrations: clinometer inside the tools of others. Nothing here is imported by `import clinometer`."""
