//! Why a token was not believed: words for an operator, labels for a metric. Never a part of the token.

/// Why a token was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// None was shown.
    #[error("no token was shown")]
    Missing,
    /// It has more bytes than [`super::TOKEN_BYTES_MAX`].
    #[error("it is longer than {} bytes", super::TOKEN_BYTES_MAX)]
    TooLong,
    /// It is not three parts in base64url with JSON objects in the first two.
    #[error("it is no signed JSON Web Token")]
    Malformed,
    /// An object has two members of one name.
    #[error("it says something twice")]
    Duplicate,
    /// Its header asks for what is not known here, or is overlong.
    #[error("its header has a typ, a crit or a kid that is not taken")]
    Header,
    /// It is not signed, or with an algorithm that no key is for.
    #[error("no key here is for its algorithm (alg)")]
    Algorithm,
    /// No key has its `kid`.
    #[error("no key here has its identifier (kid)")]
    UnknownKey,
    /// The signature is not by one of the keys, or not of this text.
    #[error("its signature is wrong")]
    Signature,
    /// A claim has a value that it cannot have.
    #[error("a claim has a value that it cannot have")]
    Claims,
    /// It counted until `exp`.
    #[error("it has expired (exp)")]
    Expired,
    /// It counts later, or was issued in the future.
    #[error("it does not count yet (nbf, iat)")]
    NotYet,
    /// It names nobody, and that is not taken.
    #[error("it does not say who its holder is (sub)")]
    NoSubject,
    /// It never expires, and that is not taken.
    #[error("it never expires, and [auth] require_expiry is set")]
    NoExpiry,
    /// It is for somebody else.
    #[error("it is not for this server (aud)")]
    Audience,
    /// It is by somebody else.
    #[error("it is not by the issuer that is believed here (iss)")]
    Issuer,
}

impl Denied {
    /// A word that does not change, for metrics and scripts.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Duplicate => "duplicate",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::NoSubject => "no_subject",
            Self::NoExpiry => "no_expiry",
            Self::Audience => "audience",
            Self::Issuer => "issuer",
        }
    }
}
