//! How long a changeset is made so that its length says little: to PADMÉ sizes (Nikitin et al., "Reducing
//! Metadata Leakage from Encrypted Files and Communication with PURBs", 2019). Knows lengths only.

/// The PADMÉ size of so many bytes: at least as many, and at most 12 % more. Of the sizes near a number only
/// those are left whose lower half or so of binary digits is zero, so that of a length L no more than
/// O(log log L) bits are seen.
#[must_use]
pub fn padded_len(bytes: usize) -> usize {
    if bytes < 2 {
        return bytes;
    }
    let exponent = bytes.ilog2();
    let digits = exponent.ilog2() + 1;
    let mask = (1_usize << (exponent - digits)) - 1;
    bytes.checked_add(mask).map_or(bytes, |above| above & !mask)
}
