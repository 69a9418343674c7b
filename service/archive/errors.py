"""Errors of the archive.

ArchiveError
  ArchiveAwayError      the object store can't be reached, or refuses; it may work later
  UnreadableArchiveError  an object is damaged, or of a newer version of the service
"""


class ArchiveError(Exception):
    """The archive can't do what is asked."""


class ArchiveAwayError(ArchiveError):
    """The object store did not answer in time, can't be reached, or refused."""


class UnreadableArchiveError(ArchiveError):
    """An object of the archive is damaged, or was written by a newer version of the service."""
