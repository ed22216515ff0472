"""Array files: written once, with the SHA-256 of their bytes."""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

__all__ = ["write_array"]


def write_array(path: Path, array: np.ndarray) -> str:
    """Write an array in C order to a new file, as float32 unless it is float16, and return its SHA-256.

    The bytes are those of `numpy.save`; they are hashed on their way, not read back. A file of that name
    gives way; other names that it has keep it as it is.

    Parameters
    ----------
    path
        A name ending in ``.npy``, in a folder that exists.
    array
        Of any shape.

    References
    ----------
    NumPy, format specification of ``.npy`` files, version 1.0 (numpy.lib.format).
    """
    kind = np.float16 if array.dtype == np.float16 else np.float32
    array = np.ascontiguousarray(array, dtype=kind)
    header = BytesIO()
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(array))
    digest = hashlib.sha256(header.getbuffer())
    digest.update(array.data)
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(header.getbuffer())
        file.write(array.data)
    return digest.hexdigest()
