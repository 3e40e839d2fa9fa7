"""What the store knows of closes: snapshots of a period, decisions of people, reports."""
