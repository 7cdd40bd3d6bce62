"""Files that the rows of this package need."""

# Name to label. A row's module gets the path by the name.
PARTS = {}
