"""What talks to the world outside: files, database, clock. Nothing below this package does."""
