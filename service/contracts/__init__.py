"""What is said: the structs, enums, reasons and ids that the API, the store and the workers share. No I/O."""
