"""The HTTP API: handlers that read a request, call a feature's room and shape the answer. One file a resource."""
