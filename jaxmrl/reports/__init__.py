"""What people read: figures, tables, the HTML report."""
