"""What `live` can be told: one table, filled by the composition root from the configuration."""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True)
class LiveSettings:
    """Limits and delays. Every number says its unit in its name."""

    autosave_delay_s: float = 0.8
    """From the first unsaved change to the save. Larger for files that take long to save."""
    watch_interval_s: float = 1.0
    """Between two looks at a followed notebook's file for outside changes. 0: never look."""
    save_retry_s: float = 5.0
    """Between two tries of a save that failed."""
    journal_retry_s: float = 1.0
    """Between two tries to append when the journal's disk is full."""
    idle_session_s: float = 60.0
    """A session without followers, runs or kernel is closed after this."""
    client_grace_s: float = 10.0
    """A program whose kernel socket closed has this time to come again, before we save what it ran (SV14)."""
    blob_limit_bytes: int = 32 * KIB
    """Larger output values are kept as blobs and sent by reference."""
    file_stream_limit_bytes: int = 4 * MIB
    """Of a longer stream that a run printed, only head and tail are written to the file; all of it stays in blobs."""
    recent_limit_bytes: int = 4 * MIB
    """Encoded entries kept in memory for each open notebook; older ones are read from the journal."""
    snapshot_every_bytes: int = 1 * MIB
    """Entry bytes after which a new snapshot of the session is worth its cost."""
    unseen_limit_bytes: int = 8 * MIB
    """Sent to one browser and not yet acknowledged; then the server waits for it."""
    memory_guard: float = 0.0
    """0: off. Up to 1: the part of all memory that may be in use. Above: bytes that one kernel may have."""
    interrupt_patience_s: float = 5.0
    """A run that goes on for so long after an interrupt is said to ignore it."""
    default_kernelspec: str = ""
    """Empty: the kernel host's own default."""
