"""The languages that filters are written in; each turns a text into cuts."""
