"""What a compiled model looks like to others: a C header, figures in a line, a table or JSON, files on disk."""
