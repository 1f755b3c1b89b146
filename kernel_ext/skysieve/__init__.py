"""Build, preview and deploy filters on astronomical alert streams, from a notebook cell."""
