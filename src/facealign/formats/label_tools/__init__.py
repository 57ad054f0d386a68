"""The files of tools that people label with: a module a tool."""
