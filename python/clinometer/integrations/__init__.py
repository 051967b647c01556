"""Integrations with other tools. `import clinometer` imports none of them."""
