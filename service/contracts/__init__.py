"""The structs, enumerations and ids that the API, the store and the workers exchange. No I/O."""
