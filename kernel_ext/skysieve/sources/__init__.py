"""Where alert packets come from: simulated surveys and files."""
