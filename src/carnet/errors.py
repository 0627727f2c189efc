"""Every error Carnet raises on purpose. One tree; the docs list it, and a test compares them.

CarnetError                       what happened, and what to do
    InvalidNotebook               422  bytes that are not a notebook; says where
    InvalidChange                 400  a change that does not fit its text
    StorageError
        NotFound                  404
        AlreadyExists             409
        RevisionConflict          409  someone else wrote first; nothing changed
        InvalidPath               400  a path outside the root, or not a path
        PermissionDenied          403
        UploadConflict            409  two files are sent to one path at once; nothing was saved
        StorageFull               507  nothing changed
        TooLarge                  413  more than is done in one go
        StorageUnavailable        503  try again later
    JournalError
        JournalDamaged            500
        JournalFull               507
    KernelError
        NoSuchKernelspec          404
        NoSuchKernel              404
        KernelStartFailed         502  carries exit_code and output_tail
        HostUnavailable           503  the kernel host cannot be reached or started
    ConversionFailed              422  a notebook could not become another format; `status` says how
    PeerError                     400  the other side broke the protocol
    TooMuch                       429  one login, token or address holds as much as it may
    ConfigError                        a setting that cannot be used; names key, value, type
    Refused                       403  authentication, Host, Origin, XSRF
"""


class CarnetError(Exception):
    """The root. `str(error)` is a sentence for a person: what happened, and the way out."""

    status = 500


class InvalidNotebook(CarnetError):
    """The bytes are not a notebook we can open. Nothing was written over."""

    status = 422


class InvalidChange(CarnetError):
    """A change that does not fit the text it is applied to (wrong length, bad offsets)."""

    status = 400


class StorageError(CarnetError):
    """A notebook manager could not do what was asked. Nothing changed unless said."""


class NotFound(StorageError):
    """There is nothing at this path."""

    status = 404


class AlreadyExists(StorageError):
    """Something is at this path already. Choose another name."""

    status = 409


class RevisionConflict(StorageError):
    """The file changed since the caller read it. Reload, merge, retry."""

    status = 409

    def __init__(self, path: str, *, expected: str | None, found: str | None) -> None:
        super().__init__(f"{path}: expected revision {expected or 'none'}, found {found or 'none'}")
        self.path = path
        self.expected = expected
        self.found = found


class InvalidPath(StorageError):
    """Not a path below the root."""

    status = 400


class PermissionDenied(StorageError):
    """The operating system or the store does not allow it."""

    status = 403


class StorageFull(StorageError):
    """No room. Nothing changed; it works again when there is room."""

    status = 507


class TooLarge(StorageError):
    """More was asked for than is done in one go. Ask for less."""

    status = 413


class UploadConflict(StorageError):
    """Two files are sent to one path, in pieces, at once. Nothing was saved; send one after the other."""

    status = 409


class StorageUnavailable(StorageError):
    """The store cannot be reached now. Nothing changed; try again later."""

    status = 503


class JournalError(CarnetError):
    """The notebook journal could not be read or written."""


class JournalDamaged(JournalError):
    """A record could not be read; what came before it is good."""


class JournalFull(JournalError):
    """No room to append. Nothing was appended."""

    status = 507


class KernelError(CarnetError):
    """Something about kernels."""


class NoSuchKernelspec(KernelError):
    """No kernelspec of that name is installed."""

    status = 404


class NoSuchKernel(KernelError):
    """The host does not know this kernel (it ended, or never was)."""

    status = 404


class KernelStartFailed(KernelError):
    """The kernel process ended, or said nothing, before it was ready."""

    status = 502

    def __init__(self, message: str, *, exit_code: int | None, output_tail: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.output_tail = output_tail


class HostUnavailable(KernelError):
    """The kernel host cannot be started or reached."""

    status = 503


class ConversionFailed(CarnetError):
    """A notebook could not be made into another format. `str()` says why; nothing changed."""

    status = 422

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


class PeerError(CarnetError):
    """The other side broke the protocol; the connection ends."""

    status = 400


class TooMuch(CarnetError):
    """A login, a token or an address holds as much of the server as it may. Let go of some."""

    status = 429


class ConfigError(CarnetError):
    """A setting that cannot be used: names the key, the value and the type wanted."""


class Refused(CarnetError):
    """The request is not allowed; `status` says how."""

    status = 403
