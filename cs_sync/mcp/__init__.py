"""A read-only MCP server: a language model asks, and every answer says what it rests on."""
