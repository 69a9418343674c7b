"""How it is asked: HTTP alone. One file a resource."""
