"""What operating a server shows."""
