"""A user's file of any format -> a table of text cells, with the line of each row."""
