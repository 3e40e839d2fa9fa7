"""What `crossfoot doctor` looks at, one file per thing. Each look gives findings; none changes
anything, and none needs the thing it looks at to work."""
